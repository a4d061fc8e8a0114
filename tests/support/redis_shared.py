"""Servers that the tests of one process share: each is started when it is first asked for, and lives until the end.

A queue of its own name (`fresh_queue`) keeps a test to itself, and its keys are removed behind it (`remove`), since
they are taken one after the other. A test that kills, freezes, fills or flushes a server starts one of its own.
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from functools import cache

from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import Program, RedisServer

_started = ExitStack()
_numbers = itertools.count(1)


def fresh_queue() -> str:
    """A queue name that no other test uses."""
    return f"test{next(_numbers)}"


@cache
def shared_redis(program: Program = "redis") -> RedisServer:
    """A Redis 7.0, or a Valkey 8, that keeps nothing on the disk."""
    return _started.enter_context(RedisServer(program=program))


@cache
def shared_cluster() -> RedisCluster:
    """A Cluster of six nodes that keeps nothing on the disk and is slow to fail over, as the machine is a busy one."""
    return _started.enter_context(RedisCluster(node_timeout_ms=30_000))


def end_shared() -> None:
    """End what was started."""
    _started.close()
    shared_redis.cache_clear()
    shared_cluster.cache_clear()
