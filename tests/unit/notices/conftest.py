"""What the tests of notices share: a store in memory, and its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.support.clock import FakeClock

from tonearm.store.sqlite import SqliteStore, open_sqlite


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[SqliteStore]:
    opened = await open_sqlite(None, clock)
    yield opened
    await opened.close()
