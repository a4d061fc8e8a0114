"""Submitting: a job is entered once, and the limits say no before anything is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.steps import (
    NO_LIMITS,
    album,
    claim_one,
    complete,
    fail,
    feed_end,
    job_in,
    listed,
    look,
    open_album,
    submit,
    track,
)
from tests.support.clock import MINUTE, SECOND, START_WALL_MS, FakeClock
from tonearm.errors import QuotaExceeded, RateLimited, RefusalCode
from tonearm.model import JobSpec, JobType, Priority, Quality, State, Submission, SubmitLimits, Submitted
from tonearm.store.base import Store

TEN_A_MINUTE = SubmitLimits(rate_per_minute=10)


async def test_a_submitted_job_reads_back_as_it_was_said(store: Store) -> None:
    """Everything of the submission stands in the record, and it is ready."""
    spec = JobSpec(JobType.TRACK, 11, Quality.HIGH, "Blue", "Colours", "Nobody")
    said = Submission("job-1-abc", "ann", spec, Priority.HIGH, max_retries=7)

    assert await store.submit(said, NO_LIMITS) == Submitted("job-1-abc")

    record = await store.job("job-1-abc")
    assert (record.spec, record.client, record.priority, record.max_retries) == (spec, "ann", Priority.HIGH, 7)
    assert (record.state, record.progress, record.retry_count, record.files) == (State.READY, 0.0, 0, ())
    assert record.created_at == record.updated_at == START_WALL_MS
    assert (record.started_at, record.completed_at, record.next_retry_at, record.error) == (None, None, None, None)


async def test_the_same_id_again_answers_the_same_and_adds_nothing(store: Store) -> None:
    """A submission whose reply was lost can be said again."""
    said = track()
    first = await store.submit(said, NO_LIMITS)
    before = await look(store)

    assert await store.submit(said, NO_LIMITS) == first
    assert await look(store) == before


async def test_the_same_id_is_recognised_after_the_job_has_finished(store: Store) -> None:
    """A late repeat does not start a finished job again."""
    said = track()
    await submit(store, said)
    await complete(store, await claim_one(store))

    assert await store.submit(said, NO_LIMITS) == Submitted(said.id)
    assert (await store.job(said.id)).state is State.COMPLETED


async def test_a_late_repeat_does_not_bring_a_deleted_job_back(store: Store) -> None:
    """The id is known as long as the feed tells of its removal."""
    said = track()
    await submit(store, said)
    await store.delete(said.id)

    assert await store.submit(said, NO_LIMITS) == Submitted(said.id)
    assert await listed(store) == []


@pytest.mark.parametrize("state", [s for s in State if not s.final], ids=str)
async def test_an_unfinished_twin_is_answered_instead(store: Store, state: State) -> None:
    """Same client, type, catalog id and quality: the job that is there already, in whatever unfinished state."""
    case = await job_in(store, state)
    record = await store.job(case.job_id)
    end = await feed_end(store)
    twin = replace(track(record.client), spec=replace(record.spec, track_title=None, album_title=None))

    assert await store.submit(twin, NO_LIMITS) == Submitted(case.job_id, duplicate=True)
    assert [job.id for job in await listed(store)] == [case.job_id]
    assert await feed_end(store) == end


@pytest.mark.parametrize("state", [s for s in State if s.final], ids=str)
async def test_a_finished_twin_is_no_duplicate(store: Store, state: State) -> None:
    """What is final can be submitted anew."""
    case = await job_in(store, state)
    twin = replace(track(), spec=(await store.job(case.job_id)).spec)

    assert await store.submit(twin, NO_LIMITS) == Submitted(twin.id)


async def test_a_deleted_twin_is_no_duplicate(store: Store) -> None:
    """A deleted job is out of the duplicate check at once."""
    first, second = track(catalog_id=5), track(catalog_id=5)
    await submit(store, first)
    await store.delete(first.id)

    assert await store.submit(second, NO_LIMITS) == Submitted(second.id)


@pytest.mark.parametrize(
    "other",
    [
        track("bob", catalog_id=5),
        track(catalog_id=6),
        track(catalog_id=5, quality=Quality.LOW),
        album(catalog_id=5),
        track(catalog_id=5, check_duplicate=False),
    ],
    ids=["client", "catalog id", "quality", "type", "unchecked"],
)
async def test_a_job_that_differs_in_one_respect_is_no_duplicate(store: Store, other: Submission) -> None:
    """Client, type, catalog id and quality make a twin, all of them, and only where the submission asks."""
    await submit(store, track(catalog_id=5))

    assert await store.submit(other, NO_LIMITS) == Submitted(other.id)
    assert (await store.counts()).queued == 2


async def test_a_retried_job_is_a_duplicate_again(store: Store) -> None:
    """Whoever submits what a retry has just started gets that job."""
    said = track(catalog_id=5)
    await submit(store, said)
    await fail(store, await claim_one(store))
    await store.retry(said.id)

    assert await store.submit(track(catalog_id=5), NO_LIMITS) == Submitted(said.id, duplicate=True)


async def test_of_two_unchecked_twins_the_one_left_is_found_when_the_other_goes(store: Store) -> None:
    """Removing one of two equal jobs does not hide the other from the duplicate check."""
    first, second = track(catalog_id=5), track(catalog_id=5, check_duplicate=False)
    await submit(store, first, second)
    await store.delete(first.id)

    assert await store.submit(track(catalog_id=5), NO_LIMITS) == Submitted(second.id, duplicate=True)


async def test_a_paused_start_waits_for_a_resume(store: Store) -> None:
    """The job is paused, coming from ready."""
    said = track(start_paused=True)
    await submit(store, said)
    assert (await store.job(said.id)).state is State.PAUSED

    await store.resume(said.id)

    assert (await store.job(said.id)).state is State.READY
    assert (await claim_one(store)).job_id == said.id


async def test_the_eleventh_submission_in_a_minute_is_refused_until_the_first_is_a_minute_old(
    store: Store, clock: FakeClock
) -> None:
    """The window slides exactly: `retry_after_ms` later it fits, a millisecond before it does not."""
    for _ in range(10):
        await store.submit(track(), TEN_A_MINUTE)
        clock.advance(SECOND)
    late = track()

    with pytest.raises(RateLimited) as refused:
        await store.submit(late, TEN_A_MINUTE)

    assert refused.value.retry_after_ms == MINUTE - 10 * SECOND
    clock.advance(refused.value.retry_after_ms - 1)
    with pytest.raises(RateLimited):
        await store.submit(late, TEN_A_MINUTE)
    clock.advance(1)
    assert await store.submit(late, TEN_A_MINUTE) == Submitted(late.id)
    with pytest.raises(RateLimited) as refused:
        await store.submit(track(), TEN_A_MINUTE)
    assert refused.value.retry_after_ms == SECOND


async def test_a_refused_submission_leaves_nothing(store: Store) -> None:
    """A refusal by the rate changes nothing that readers can see."""
    once = SubmitLimits(rate_per_minute=1)
    await store.submit(track(), once)
    before = await look(store)

    with pytest.raises(RateLimited):
        await store.submit(track(), once)

    assert await look(store) == before


async def test_replays_duplicates_and_refusals_cost_nothing_of_the_rate(store: Store) -> None:
    """Only what added a job counts."""
    limits = SubmitLimits(rate_per_minute=3, client_unfinished=2)
    first, second = track(catalog_id=5), track()
    await store.submit(first, limits)
    for _ in range(5):
        await store.submit(first, limits)
        await store.submit(track(catalog_id=5), limits)
    await store.submit(second, limits)
    for _ in range(5):
        with pytest.raises(QuotaExceeded):
            await store.submit(track(), limits)
    await store.delete(second.id)

    third = track()
    assert await store.submit(third, limits) == Submitted(third.id)


async def test_a_replay_is_answered_even_when_the_rate_is_used_up(store: Store) -> None:
    """Neither the same id nor a duplicate can be rate limited."""
    once = SubmitLimits(rate_per_minute=1)
    said = track(catalog_id=5)
    await store.submit(said, once)

    assert await store.submit(said, once) == Submitted(said.id)
    assert await store.submit(track(catalog_id=5), once) == Submitted(said.id, duplicate=True)


async def test_deleting_does_not_give_the_rate_back(store: Store) -> None:
    """The window counts submissions, whatever became of the jobs."""
    once = SubmitLimits(rate_per_minute=1)
    said = track()
    await store.submit(said, once)
    await store.delete(said.id)

    with pytest.raises(RateLimited):
        await store.submit(track(), once)


async def test_one_clients_rate_is_not_anothers(store: Store) -> None:
    """Each client has a window of its own."""
    once = SubmitLimits(rate_per_minute=1)
    await store.submit(track("ann"), once)

    bob = track("bob")
    assert await store.submit(bob, once) == Submitted(bob.id)


@pytest.mark.parametrize("state", list(State), ids=str)
async def test_a_clients_quota_counts_its_unfinished_jobs(store: Store, state: State) -> None:
    """Ready, active, delayed, waiting and paused jobs count, an album as one; final ones do not."""
    limits = SubmitLimits(client_unfinished=1)
    await job_in(store, state)
    said = track()

    if state.final:
        assert await store.submit(said, limits) == Submitted(said.id)
    else:
        with pytest.raises(QuotaExceeded) as refused:
            await store.submit(said, limits)
        assert (refused.value.code, refused.value.limit) == (RefusalCode.CLIENT_QUEUE_FULL, 1)


async def test_one_clients_quota_is_not_anothers(store: Store) -> None:
    """A full client does not keep others out."""
    limits = SubmitLimits(client_unfinished=1)
    await store.submit(track("ann"), limits)

    bob = track("bob")
    assert await store.submit(bob, limits) == Submitted(bob.id)


async def test_the_whole_queue_has_a_limit_that_deleting_and_finishing_free(store: Store) -> None:
    """QUEUE_FULL counts the unfinished jobs of all clients."""
    limits = SubmitLimits(queue_unfinished=3)
    ann, bob, cem = track("ann"), track("bob"), track("cem")
    for each in (ann, bob, cem):
        await store.submit(each, limits)

    with pytest.raises(QuotaExceeded) as refused:
        await store.submit(track("dan"), limits)
    assert (refused.value.code, refused.value.limit) == (RefusalCode.QUEUE_FULL, 3)

    await store.delete(ann.id)
    await store.submit(track("dan"), limits)
    await complete(store, await claim_one(store))
    await store.submit(track("dan"), limits)
    with pytest.raises(QuotaExceeded):
        await store.submit(track("dan"), limits)


async def test_the_tracks_of_an_album_are_not_counted_as_jobs(store: Store) -> None:
    """An album of fifty tracks is one job to every limit and count."""
    await open_album(store, 50)

    second = track()
    assert await store.submit(second, SubmitLimits(client_unfinished=2, queue_unfinished=2)) == Submitted(second.id)
    assert (await store.counts()).total == 2


async def test_no_limit_means_no_limit(store: Store) -> None:
    """Zero switches each limit off."""
    await submit(store, *[track() for _ in range(30)])

    assert (await store.counts()).queued == 30
