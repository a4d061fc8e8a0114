"""Retention: finished jobs keep their record for so long, by how they ended, and go in bounded steps."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    KEEP_NOTHING,
    claim,
    claim_all,
    claim_one,
    complete,
    fail,
    feed_end,
    job_in,
    listed,
    news,
    open_album,
    submit,
    sweep_all,
    track,
)
from tests.support.clock import DAY, SECOND, FakeClock
from tonearm.errors import NotFound
from tonearm.model import EventKind, Pruned, Retention, State
from tonearm.store.base import PAGE, Store
from tonearm.store.pruning import prune_all

BY_END = Retention(completed_ms=DAY, failed_ms=7 * DAY, cancelled_ms=3 * DAY)


async def test_each_end_has_a_retention_of_its_own(store: Store, clock: FakeClock) -> None:
    """Completed, then cancelled, then failed go, each after its time and not before."""
    for state in (State.COMPLETED, State.FAILED, State.CANCELLED):
        await job_in(store, state)
    passed = 0
    for after, pruned in ((DAY, Pruned(completed=1)), (3 * DAY, Pruned(cancelled=1)), (7 * DAY, Pruned(failed=1))):
        clock.advance(after - passed - SECOND)
        assert await store.prune(BY_END) == Pruned()
        clock.advance(2 * SECOND)
        passed = after + SECOND
        assert await store.prune(BY_END) == pruned

    assert await listed(store) == []


async def test_a_partial_album_is_kept_like_a_failure(store: Store, clock: FakeClock) -> None:
    """Its missing tracks may still be wanted."""
    job_id = await open_album(store, 2)
    one, two = await claim(store, tracks=2)
    await complete(store, one)
    await fail(store, two)
    clock.advance(DAY + SECOND)
    assert await store.prune(BY_END) == Pruned()
    assert (await store.job(job_id)).state is State.COMPLETED
    clock.advance(6 * DAY)

    assert await store.prune(BY_END) == Pruned(failed=1)


async def test_a_whole_album_is_kept_like_a_completed_job(store: Store, clock: FakeClock) -> None:
    """With all its tracks."""
    await open_album(store, 2)
    for one in await claim_all(store):
        await complete(store, one)
    clock.advance(DAY + SECOND)

    assert await store.prune(BY_END) == Pruned(completed=1)
    await sweep_all(store)


@pytest.mark.parametrize("state", [state for state in State if not state.final], ids=str)
async def test_unfinished_jobs_are_never_pruned(store: Store, clock: FakeClock, state: State) -> None:
    """However old they are."""
    case = await job_in(store, state)
    clock.advance(1_000 * DAY)
    assert await store.prune(KEEP_NOTHING) == Pruned()

    assert not (await store.job(case.job_id)).state.final


async def test_a_retried_job_is_not_pruned_by_its_first_end(store: Store, clock: FakeClock) -> None:
    """Its time counts from the end it has, not from one it had."""
    case = await job_in(store, State.FAILED)
    clock.advance(6 * DAY)
    await store.retry(case.job_id)
    await fail(store, await claim_one(store))
    clock.advance(2 * DAY)

    assert await store.prune(BY_END) == Pruned()


async def test_pruning_is_bounded_and_says_whether_there_is_more(store: Store, clock: FakeClock) -> None:
    """At most a page a call."""
    ids = await submit(store, *[track() for _ in range(PAGE + 30)])
    for job_id in ids:
        await store.cancel(job_id)
    clock.advance(4 * DAY)

    assert await store.prune(BY_END) == Pruned(cancelled=PAGE, more=True)
    assert await store.prune(BY_END) == Pruned(cancelled=30)
    assert await store.prune(BY_END) == Pruned()


async def test_what_would_be_pruned_is_counted_and_stays(store: Store, clock: FakeClock) -> None:
    """By how it ended, a partial album among the failed, all steps of pruning in one; the young do not count."""
    for state in (State.COMPLETED, State.FAILED, State.CANCELLED, State.PAUSED):
        await job_in(store, state)
    await open_album(store, 2)
    one, two = await claim(store, tracks=2)
    await complete(store, one)
    await fail(store, two)
    assert await store.prunable(BY_END) == Pruned()
    clock.advance(8 * DAY)
    await job_in(store, State.COMPLETED)
    before = await store.counts()

    assert await store.prunable(BY_END) == Pruned(completed=1, failed=2, cancelled=1)

    assert await store.counts() == before
    assert await prune_all(store, BY_END) == Pruned(completed=1, failed=2, cancelled=1)
    assert await store.prunable(BY_END) == Pruned()


async def test_a_pruned_job_is_gone_like_a_deleted_one(store: Store, clock: FakeClock) -> None:
    """Hidden from every read, told in the feed, no longer counted."""
    case = await job_in(store, State.COMPLETED)
    end = await feed_end(store)
    clock.advance(2 * DAY)
    await store.prune(BY_END)

    with pytest.raises(NotFound):
        await store.job(case.job_id)
    assert (await store.counts()).total == 0
    assert [(event.kind, event.job_id) for event in await news(store, end)] == [(EventKind.REMOVED, case.job_id)]


async def test_pruning_a_large_album_goes_on_in_the_sweep(store: Store, clock: FakeClock) -> None:
    """One record for prune, its tracks in pages."""
    job_id = await open_album(store, 450)
    await store.cancel(job_id)
    await sweep_all(store)
    clock.advance(4 * DAY)
    assert (await store.prune(BY_END)).cancelled == 1
    with pytest.raises(NotFound):
        await store.job(job_id)

    await sweep_all(store)
    assert await claim(store, tracks=1) == ()


async def test_pruning_many_albums_leaves_most_tracks_to_the_sweep(store: Store, clock: FakeClock) -> None:
    """A day's albums end in one call, and a call never removes more than a page of tracks."""
    for client in ("ann", "bob", "eve"):
        await store.cancel(await open_album(store, 150, client))
    await sweep_all(store)
    clock.advance(4 * DAY)

    assert await store.prune(BY_END) == Pruned(cancelled=3)

    assert (await store.counts()).total == 0
    left = 0
    while (swept := await store.sweep()).children:
        left += swept.children
    assert left == 3 * 150 - PAGE
