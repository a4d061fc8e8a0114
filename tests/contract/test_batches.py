"""Batches: many jobs of one client as one unit, each with an answer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.contract.steps import NO_LIMITS, listed, look, submit, track
from tests.support.clock import MINUTE, SECOND, FakeClock
from tonearm.errors import QuotaExceeded, RateLimited, RefusalCode, Refused
from tonearm.model import Idempotency, JobOrder, JobQuery, State, SubmitLimits, Submitted
from tonearm.store.base import Store
from tonearm.store.batches import BATCH

KEY = Idempotency("k", "a" * 64)


def codes(answers: Sequence[Submitted | Refused]) -> list[RefusalCode | None]:
    """Why each was refused; None: it was not."""
    return [answer.code if isinstance(answer, Refused) else None for answer in answers]


async def test_a_whole_batch_is_added_in_its_order(store: Store) -> None:
    """A hundred jobs, each answered with its id, in the line as they were said."""
    said = [track() for _ in range(BATCH)]

    assert await store.submit_many(said, NO_LIMITS) == tuple(Submitted(each.id) for each in said)

    page = await store.jobs(JobQuery(order=JobOrder.CREATED, limit=BATCH))
    assert {job.id for job in page.jobs} == {each.id for each in said}
    assert (await store.counts()).queued == BATCH
    assert all(job.state is State.READY for job in page.jobs)


async def test_a_batch_said_again_adds_nothing(store: Store) -> None:
    """The same ids are answered as the first time."""
    said = [track(), track(start_paused=True)]
    first = await store.submit_many(said, NO_LIMITS)
    before = await look(store)

    assert await store.submit_many(said, NO_LIMITS) == first
    assert await look(store) == before


async def test_duplicates_are_found_in_the_store_and_in_the_batch(store: Store) -> None:
    """Each is answered with the job that is there, or that comes before it."""
    there = track(catalog_id=5)
    await submit(store, there)
    first, second = track(catalog_id=6), track(catalog_id=6)
    wanted = track(catalog_id=6, check_duplicate=False)

    answers = await store.submit_many([track(catalog_id=5), first, second, wanted], NO_LIMITS)

    assert answers == (
        Submitted(there.id, duplicate=True),
        Submitted(first.id),
        Submitted(first.id, duplicate=True),
        Submitted(wanted.id),
    )
    assert (await store.counts()).queued == 3


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (SubmitLimits(client_unfinished=3), RefusalCode.CLIENT_QUEUE_FULL),
        (SubmitLimits(queue_unfinished=3), RefusalCode.QUEUE_FULL),
    ],
    ids=["client", "queue"],
)
async def test_every_job_counts_for_the_size_limits(store: Store, limits: SubmitLimits, code: RefusalCode) -> None:
    """Those that find no room are refused by themselves; a duplicate behind them needs none."""
    await submit(store, track())
    first, second = track(catalog_id=5), track()

    answers = await store.submit_many([first, second, track(), track(catalog_id=5)], limits)

    assert codes(answers) == [None, None, code, None]
    refused = answers[2]
    assert isinstance(refused, QuotaExceeded)
    assert refused.limit == 3
    assert (await store.counts()).queued == 3


async def test_ten_new_jobs_cost_one_submission(store: Store, clock: FakeClock) -> None:
    """Rounded up; a batch that fits exactly is taken, and the next job waits until the window has moved."""
    limits = SubmitLimits(rate_per_minute=4)
    await store.submit(track(), limits)
    clock.advance(SECOND)
    await store.submit_many([track() for _ in range(21)], limits)

    with pytest.raises(RateLimited) as refused:
        await store.submit(track(), limits)
    assert refused.value.retry_after_ms == MINUTE - SECOND


async def test_a_batch_that_is_too_much_for_the_rate_leaves_nothing(store: Store, clock: FakeClock) -> None:
    """It is refused as a whole, and fits when it was told to come again."""
    limits = SubmitLimits(rate_per_minute=3)
    for _ in range(2):
        await store.submit(track(), limits)
        clock.advance(SECOND)
    said = [track() for _ in range(11)]
    before = await look(store)

    with pytest.raises(RateLimited) as refused:
        await store.submit_many(said, limits)

    assert await look(store) == before
    assert refused.value.retry_after_ms == MINUTE - 2 * SECOND
    clock.advance(refused.value.retry_after_ms - 1)
    with pytest.raises(RateLimited):
        await store.submit_many(said, limits)
    clock.advance(1)
    assert await store.submit_many(said, limits) == tuple(Submitted(each.id) for each in said)


async def test_a_batch_that_never_fits_says_so(store: Store) -> None:
    """One that counts as more submissions than a minute has."""
    with pytest.raises(RateLimited, match="counts as 2, and 1 in 60 s"):
        await store.submit_many([track() for _ in range(11)], SubmitLimits(rate_per_minute=1))
    assert await listed(store) == []


async def test_replays_duplicates_and_refusals_in_a_batch_cost_nothing(store: Store) -> None:
    """Only new jobs count, so nine of these and one new job fit beside nothing."""
    limits = SubmitLimits(rate_per_minute=1)
    there = [track(catalog_id=number) for number in range(1, 21)]
    await store.submit_many(there, NO_LIMITS)
    again = [track(catalog_id=number) for number in range(1, 21)]

    for _ in range(3):
        answers = await store.submit_many([*there, *again], limits)
        assert codes(answers) == [None] * 40
    assert codes(await store.submit_many([track()], replace(limits, queue_unfinished=20))) == [RefusalCode.QUEUE_FULL]
    said = track()
    assert await store.submit_many([*again, said], limits) == (
        *(Submitted(each.id, duplicate=True) for each in there),
        Submitted(said.id),
    )


async def test_a_key_answers_for_the_whole_batch(store: Store) -> None:
    """Refusals and duplicates as well, whatever has changed since."""
    limits = SubmitLimits(rate_per_minute=1, client_unfinished=1)
    first = track(catalog_id=5)
    answers = await store.submit_many([first, track(catalog_id=5), track(catalog_id=6)], limits, KEY)
    assert codes(answers) == [None, None, RefusalCode.CLIENT_QUEUE_FULL]
    await store.delete(first.id)

    again = await store.submit_many([track(catalog_id=5), track(catalog_id=5), track(catalog_id=6)], limits, KEY)

    assert again[:2] == answers[:2] == (Submitted(first.id), Submitted(first.id, duplicate=True))
    assert [str(answer) for answer in again] == [str(answer) for answer in answers]
    assert await listed(store) == []


async def test_another_digest_under_the_key_of_a_batch_is_refused(store: Store) -> None:
    """Of another batch, and of a single job."""
    await store.submit_many([track()], NO_LIMITS, KEY)
    other = Idempotency(KEY.key, "b" * 64)

    with pytest.raises(Refused) as refused:
        await store.submit_many([track()], NO_LIMITS, other)
    assert refused.value.code is RefusalCode.IDEMPOTENCY_MISMATCH
    with pytest.raises(Refused) as refused:
        await store.submit(replace(track(), idempotency=other), NO_LIMITS)
    assert refused.value.code is RefusalCode.IDEMPOTENCY_MISMATCH


async def test_a_batch_of_which_nothing_was_accepted_is_not_remembered(store: Store) -> None:
    """Its key is free when there is room."""
    await submit(store, track())
    full = SubmitLimits(queue_unfinished=1)
    assert codes(await store.submit_many([track()], full, KEY)) == [RefusalCode.QUEUE_FULL]

    said = track()
    assert await store.submit_many([said], NO_LIMITS, Idempotency(KEY.key, "b" * 64)) == (Submitted(said.id),)


@pytest.mark.parametrize("count", [0, BATCH + 1])
async def test_a_batch_has_a_size(store: Store, count: int) -> None:
    """None and too many are mistakes of the caller."""
    with pytest.raises(ValueError, match="1 to 100 jobs"):
        await store.submit_many([track() for _ in range(count)], NO_LIMITS)


async def test_a_batch_is_of_one_client(store: Store) -> None:
    """Limits and keys are a client's."""
    with pytest.raises(ValueError, match="of 2"):
        await store.submit_many([track("ann"), track("bob")], NO_LIMITS)
