"""The engines that the contract suite runs through. Adding one is adding one line to `ENGINES`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import apsw

from tonearm.clock import Clock
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite


@dataclass(frozen=True)
class Engine:
    """One engine: its name, how to open it in a private folder, and how to count what a closed one left there.

    *contents* answers rows by table (or keys by kind); None for an engine that forgets everything on close.
    """

    name: str
    source: str
    open: Callable[[Path, Clock], Awaitable[Store]]
    contents: Callable[[Path], Awaitable[dict[str, int]]] | None = None
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


ENGINES = (
    Engine("sqlite-memory", "memory", _open_memory),
    Engine("sqlite-file", "sqlite", _open_file, _count_rows),
)
