"""Fixtures of the SQLite engine's own tests: a clock moved by hand, a place for the file, and an open store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.clock import FakeClock

from tonearm.store.sqlite import SqliteStore, open_sqlite


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the file is going to be; its folder is not there yet."""
    return tmp_path / "queue" / "queue.db"


@pytest.fixture
async def store(database: Path, clock: FakeClock) -> AsyncIterator[SqliteStore]:
    opened = await open_sqlite(database, clock)
    yield opened
    await opened.close()
