"""A scripted server, and both clients of it, whose sleeps take no time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.clients import Connect, connect
from tests.unit.client.playing import Stage

from tonearm.client import Client

__all__ = ["connect"]


@contextmanager
def opened(stage: Stage) -> Iterator[Stage]:
    """A stage that plays while the block lasts."""
    thread = threading.Thread(target=stage.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stage
    finally:
        stage.server.shutdown()
        thread.join()
        stage.server.server_close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with opened(Stage()) as stage:
        yield stage


@pytest.fixture
def slept() -> list[float]:
    """The sleeps of the client, seconds; none of them takes time."""
    return []


@pytest.fixture
def client(connect: Connect, stage: Stage, slept: list[float]) -> Iterator[Client]:
    with connect(stage.url, timeout=5, sleep=slept.append) as client:
        yield client
