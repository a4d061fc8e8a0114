"""What the tests of a shared queue share: music, a place to hold tasks in, and a Redis with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.faults.worker.conftest import hold, noise
from tests.support.music import music
from tests.support.redis_server import RedisServer
from tests.support.redis_shared import shared_redis

__all__ = ["hold", "music", "noise"]  # fixtures


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """The Redis that tests share, for processes whose queue has the usual name; what they leave is removed."""
    yield (server := shared_redis())
    server.remove("tonearm")
