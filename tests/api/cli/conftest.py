"""A server for the commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.api.cli.live import Live, live


@pytest.fixture
def server() -> Iterator[Live]:
    """A server without a rate limit, whose worker is the test."""
    with live(QUEUE_RATE_LIMIT_PER_MIN="0") as server:
        yield server
