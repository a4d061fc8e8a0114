"""A database file that is damaged, or that its disk does not give: it is told as that, with what to do about it."""

# ruff: noqa: ASYNC240 - nothing else runs on the loop of a test

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.contract.steps import submit_track
from tests.support.clock import FakeClock
from tests.support.spoilt import forbid_reading

from tonearm.errors import StoreUnavailable
from tonearm.model import JobQuery
from tonearm.store.sqlite import SqliteStore, open_sqlite


@pytest.mark.parametrize("call", [lambda store: store.jobs(JobQuery()), submit_track], ids=["read", "write"])
async def test_a_file_that_its_disk_does_not_give_is_the_stores_trouble(
    database: Path, clock: FakeClock, call: Callable[[SqliteStore], Awaitable[object]]
) -> None:
    """And no accident of a request: SQLite ends a transaction by itself that could not read."""
    store = await open_sqlite(database, clock)
    await submit_track(store)
    await store.close()
    store = await open_sqlite(database, clock)
    forbid_reading(database)

    try:
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            await call(store)
    finally:
        await store.close()
