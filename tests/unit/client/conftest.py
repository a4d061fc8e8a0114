"""A scripted server, and a client of it whose sleeps take no time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from tests.unit.client.playing import Stage

from tonearm.client import Client


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    thread = threading.Thread(target=stage.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stage
    stage.server.shutdown()
    thread.join()
    stage.server.server_close()


@pytest.fixture
def slept() -> list[float]:
    """The sleeps of the client, seconds; none of them takes time."""
    return []


@pytest.fixture
def client(stage: Stage, slept: list[float]) -> Iterator[Client]:
    with Client(stage.url, timeout=5, sleep=slept.append) as client:
        yield client
