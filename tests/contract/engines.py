"""The engines that the contract suite runs through. Adding one is adding one line to `ENGINES`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import apsw

from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import RedisServer, by_kind
from tests.support.redis_shared import shared_cluster, shared_redis
from tonearm.clock import Clock
from tonearm.store.base import Store
from tonearm.store.redis import open_redis
from tonearm.store.sqlite import open_sqlite


async def _leave() -> None:
    """All there is lies in the folder, which goes by itself."""


@dataclass(frozen=True)
class Engine:
    """One engine: its name, how to open it in a private folder, and how to count what a closed one left there.

    *contents* answers rows by table (or keys by kind); None for an engine that forgets everything on close. *clear*
    removes what a closed one left elsewhere than in its folder, behind the test.
    """

    name: str
    source: str
    open: Callable[[Path, Clock], Awaitable[Store]]
    contents: Callable[[Path], Awaitable[dict[str, int]]] | None = None
    clear: Callable[[], Awaitable[None]] = _leave
    shared: bool = False
    """Whether several processes work on it at a time."""

    @property
    def durable(self) -> bool:
        """Whether what was acknowledged is still there after closing and opening again."""
        return self.contents is not None


async def _open_memory(_place: Path, clock: Clock) -> Store:
    return await open_sqlite(None, clock)


async def _open_file(place: Path, clock: Clock) -> Store:
    return await open_sqlite(place / "queue.db", clock)


async def _count_rows(place: Path) -> dict[str, int]:
    return await asyncio.to_thread(_count_rows_now, place / "queue.db")


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def _count_rows_now(path: Path) -> dict[str, int]:
    connection = apsw.Connection(str(path))
    try:
        tables = [str(name) for (name,) in connection.execute(_TABLES)]
        return {name: _rows(connection, name) for name in sorted(tables)}
    finally:
        connection.close()


def _rows(connection: apsw.Connection, table: str) -> int:
    ((count,),) = connection.execute(f'SELECT count(*) FROM "{table}"')  # the names come from the schema itself
    assert isinstance(count, int)
    return count


class _OnRedis:
    """An engine on servers that the tests of a process share, in a queue of its own: the same place is the same queue.

    Its clock is the one of the test instead of the server's.
    """

    def __init__(self, servers: Callable[[], RedisServer | RedisCluster]) -> None:
        self._servers = servers
        self._queues: set[str] = set()

    async def open(self, place: Path, clock: Clock) -> Store:
        self._queues.add(_queue(place))
        return await open_redis(self._servers().url, clock, queue=_queue(place), server_time=clock.wall_ms)

    async def contents(self, place: Path) -> dict[str, int]:
        return by_kind(self._servers().all_keys(), _queue(place))

    async def clear(self) -> None:
        if self._queues:
            self._servers().remove(*self._queues)
            self._queues.clear()


def _queue(place: Path) -> str:
    return "-".join(place.parts[-2:])


def _on_redis(name: str, servers: Callable[[], RedisServer | RedisCluster]) -> Engine:
    on = _OnRedis(servers)
    return Engine(name, "redis", on.open, on.contents, on.clear, shared=True)


ENGINES = (
    Engine("sqlite-memory", "memory", _open_memory),
    Engine("sqlite-file", "sqlite", _open_file, _count_rows),
    _on_redis("redis", shared_redis),
    _on_redis("valkey", partial(shared_redis, "valkey")),
    _on_redis("cluster", shared_cluster),
)
