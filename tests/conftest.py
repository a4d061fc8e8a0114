"""What holds for every test: nothing of the developer's own environment reaches it, and time limits are not asserted.

Fixtures that only some tests need stand in the conftest.py of their folder.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest
import structlog

from tests.support.counts import ALL
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import RedisServer
from tests.support.redis_shared import end_shared, fresh_queue, shared_cluster, shared_redis
from tonearm import settingsfile
from tonearm.settings import FIELDS

# A slow machine is no finding, so no example has a deadline; what was found is printed in a form that can be run again.
hypothesis.settings.register_profile("usual", deadline=None, print_blob=True)
hypothesis.settings.register_profile("all", deadline=None, print_blob=True, max_examples=1_000)
hypothesis.settings.load_profile("all" if ALL else "usual")

# Who runs the tests behind `nohup` or `&` has these ignored, and every program under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of the shell or a file, and a data folder of our own: a test never meets the developer's queue."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name in FIELDS or name.startswith("QUEUE_"):
                patch.delenv(name)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv(settingsfile.NAMED_BY, os.devnull)
        yield


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """The log that a test has set up, or listened to, is not that of the next one, which tells nothing."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def _shared_servers_end() -> Iterator[None]:
    """Servers that tests of this process share are started by the first that asks, and end with the last test."""
    yield
    end_shared()


@pytest.fixture
def redis_queue() -> str:
    """The name of a queue that no other test has."""
    return fresh_queue()


@pytest.fixture
def redis_server(redis_queue: str) -> Iterator[RedisServer]:
    """The Redis that tests share. Behind the test there may be keys of `redis_queue` alone, and they are removed."""
    yield (server := shared_redis())
    server.remove(redis_queue)


@pytest.fixture
def redis_cluster(redis_queue: str) -> Iterator[RedisCluster]:
    """The Cluster that tests share, with the same rule."""
    yield (cluster := shared_cluster())
    cluster.remove(redis_queue)
