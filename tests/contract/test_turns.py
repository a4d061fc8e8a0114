"""Turns in the life of jobs are counted once each, by whoever's call brings them about."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.contract import steps
from tests.support.clock import FakeClock
from tests.support.exposition import Rise, Samples
from tonearm.errors import LeaseLost
from tonearm.model import Completed
from tonearm.store.base import Store


@pytest.fixture
def rise() -> Rise:
    return Rise("tonearm_job")


def spans(waited_s: float, took_s: float, kind: str = "track") -> Samples:
    """One wait and one duration."""
    wait, duration = "tonearm_job_wait_seconds", "tonearm_job_duration_seconds"
    each = {(f"{wait}_sum", kind): waited_s, (f"{duration}_sum", kind): took_s}
    counts = {(f"{wait}_count", kind): 1.0, (f"{duration}_count", kind): 1.0}
    return {name: value for name, value in {**each, **counts}.items() if value}


async def test_a_job_waits_and_takes_time_and_ends(store: Store, clock: FakeClock, rise: Rise) -> None:
    """Said again, the end is not counted again; nor is a start that is not the first."""
    await steps.submit_track(store)
    clock.advance(3_000)
    await steps.delay(store, await steps.claim_one(store), 1_000)
    clock.advance(2_000)
    held = await steps.claim_one(store)
    await steps.complete(store, held)
    with suppress(LeaseLost):
        await store.settle(held, Completed(files=(), size=0))

    assert rise.so_far() == {("tonearm_jobs_completed_total", "track"): 1, **spans(3, 2)}


async def test_a_failed_job_is_counted_by_its_code_and_a_retry_as_one(
    store: Store, clock: FakeClock, rise: Rise
) -> None:
    """What happens after the retry takes time of its own, and no first claim comes twice."""
    job_id = await steps.submit_track(store)
    await steps.fail(store, await steps.claim_one(store), steps.TIMEOUT)
    clock.advance(60_000)
    await store.retry(job_id)
    held = await steps.claim_one(store)
    clock.advance(1_000)
    await steps.complete(store, held)

    assert rise.so_far() == {
        ("tonearm_jobs_failed_total", "timeout"): 1,
        ("tonearm_jobs_retried_total",): 1,
        ("tonearm_jobs_completed_total", "track"): 1,
        ("tonearm_job_wait_seconds_count", "track"): 1,
        ("tonearm_job_duration_seconds_count", "track"): 2,
        ("tonearm_job_duration_seconds_sum", "track"): 1,
    }


async def test_an_album_ends_once_with_its_last_track(store: Store, clock: FakeClock, rise: Rise) -> None:
    """Whole, partial or failed; its tracks are no jobs."""
    for missing in (0, 1, 2):
        await steps.open_album(store, 2)
        clock.advance(1_000)
        for place, held in enumerate(await steps.claim_all(store)):
            await (steps.fail(store, held) if place < missing else steps.complete(store, held))

    assert rise.so_far() == {
        ("tonearm_jobs_completed_total", "album"): 1,
        ("tonearm_jobs_partial_total",): 1,
        ("tonearm_jobs_failed_total", "not_found"): 1,
        ("tonearm_job_wait_seconds_count", "album"): 3,
        ("tonearm_job_duration_seconds_count", "album"): 3,
        ("tonearm_job_duration_seconds_sum", "album"): 3,
    }


async def test_a_cancel_counts_when_it_has_come_to_its_end(store: Store, rise: Rise) -> None:
    """At once where nobody works on the job, and as well where it is deleted; not where it is finished."""
    waiting, deleted, finished = [await steps.submit_track(store) for _ in range(3)]
    await store.cancel(waiting)
    await store.delete(deleted)
    await steps.complete(store, await steps.claim_one(store))
    await store.delete(finished)
    await store.prune(steps.KEEP_NOTHING)

    found = rise.so_far()
    assert found["tonearm_jobs_cancelled_total",] == 2
    assert found["tonearm_jobs_completed_total", "track"] == 1


async def test_what_is_refused_counts_as_nothing(store: Store, rise: Rise) -> None:
    """A worker whose lease was taken away ends no job."""
    await steps.submit_track(store)
    held = await steps.claim_one(store, "dead")
    await steps.stall(store, "dead")
    with pytest.raises(LeaseLost):
        await steps.fail(store, held)

    assert {name for name, *_ in rise.so_far()} <= {"tonearm_job_wait_seconds_count", "tonearm_job_wait_seconds_sum"}
