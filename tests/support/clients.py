"""The client as a parameter: a test that makes its own takes it from here, and runs over every client there is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tonearm.client import Client

Connect = Callable[..., Client]
"""Makes a client, from the parameters of `Client`."""


@pytest.fixture
def connect() -> Connect:
    """The one client that there is."""
    return Client
