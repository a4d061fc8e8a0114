"""Pruning to the end: as many bounded steps as it takes, one line in the log, and what was begun is carried on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs
from tests.contract.steps import KEEP_NOTHING, LEASE_MS, claim_one, open_album, submit, submit_track, sweep_all, track
from tests.support.clock import SECOND, FakeClock
from tests.support.exposition import Rise

from tonearm.errors import StoreUnavailable
from tonearm.model import Pruned
from tonearm.store.pruning import prune_all
from tonearm.store.sqlite import SqliteStore, open_sqlite, upkeep


@pytest.fixture
async def store(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    """In memory, with steps of three, and five jobs and an album of seven tracks that are over."""
    monkeypatch.setattr(upkeep, "PAGE", 3)
    opened = await open_sqlite(None, clock)
    for job_id in await submit(opened, *[track() for _ in range(5)]):
        await opened.cancel(job_id)
    await opened.cancel(await open_album(opened, 7))
    await sweep_all(opened)
    clock.advance(SECOND)
    yield opened
    await opened.close()


async def test_everything_old_goes_in_as_many_steps_as_it_takes(store: SqliteStore) -> None:
    """With the tracks of albums; the log has one line, with how many of each end, and the metrics count the same."""
    rise = Rise("tonearm_records_pruned")
    with capture_logs() as lines:
        assert await prune_all(store, KEEP_NOTHING) == Pruned(cancelled=6)

    assert rise.so_far() == {("tonearm_records_pruned_total", "cancelled"): 6}
    assert (await store.counts()).total == 0
    assert (await store.rows())["task"] == []
    (line,) = [line for line in lines if line["event"] == "Removed old records"]
    assert (line["completed"], line["failed"], line["cancelled"]) == (0, 0, 6)


async def test_nothing_to_remove_is_no_line(store: SqliteStore) -> None:
    """An hour in which nothing grew old says nothing."""
    await prune_all(store, KEEP_NOTHING)
    with capture_logs() as lines:
        assert await prune_all(store, KEEP_NOTHING) == Pruned()
    assert lines == []


async def test_what_it_frees_on_its_way_is_told_and_counted(store: SqliteStore, clock: FakeClock) -> None:
    """Its sweeps free leases that ran out, and no worker that sweeps later hears of those."""
    await submit_track(store)
    await claim_one(store)
    clock.advance(LEASE_MS)
    rise = Rise("tonearm_tasks_recovered")
    with capture_logs() as lines:
        await prune_all(store, KEEP_NOTHING)

    assert rise.so_far() == {("tonearm_tasks_recovered_total",): 1}
    (line,) = [line for line in lines if line["event"] == "Freed leases that ran out"]
    assert (line["recovered"], line["crashed"]) == (1, 0)


async def test_what_went_before_it_was_cut_off_is_told(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next time the rest goes."""
    steps = iter((Pruned(cancelled=3, more=True),))

    async def answers_once(*_: object) -> Pruned:
        for step in steps:
            return step
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr(store, "prune", answers_once)
        with pytest.raises(StoreUnavailable):
            await prune_all(store, KEEP_NOTHING)
    assert [line["cancelled"] for line in lines] == [3]

    assert (await prune_all(store, KEEP_NOTHING)).cancelled == 6
