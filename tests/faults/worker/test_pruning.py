"""Pruning by the worker: at its start and at each interval, nobody has to ask for it, and no chance is in it."""

from __future__ import annotations

from pathlib import Path

from tests.contract.steps import submit_track
from tests.support.catalog import ScriptedCatalog
from tests.support.inside import working
from tests.support.server import until

from tonearm.clock import SystemClock
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite


async def empty(store: Store) -> bool:
    """Whether no job has a record."""
    return (await store.counts()).total == 0


async def cancelled(store: Store) -> None:
    """A job that is over."""
    await store.cancel(await submit_track(store))


async def test_a_worker_that_starts_removes_what_grew_old_meanwhile(tmp_path: Path) -> None:
    """It does not wait for its first hour to be over."""
    store = await open_sqlite(tmp_path / "queue.db", SystemClock())
    await cancelled(store)
    assert not await empty(store)
    await store.close()

    async with ScriptedCatalog() as catalog, working(tmp_path, catalog, QUEUE_RETENTION_DAYS_CANCELLED="0") as (at, _):
        await until("it is gone", lambda: empty(at))


async def test_a_worker_removes_what_grows_old_while_it_runs(tmp_path: Path) -> None:
    """At each interval, again and again."""
    async with (
        ScriptedCatalog() as catalog,
        working(tmp_path, catalog, QUEUE_RETENTION_DAYS_CANCELLED="0", QUEUE_CLEANUP_INTERVAL_MS="100") as (at, _),
    ):
        for _ in range(3):
            await cancelled(at)
            await until("it is gone", lambda: empty(at))
            assert (await at.counts()).cancelled == 0
