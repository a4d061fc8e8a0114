"""Many callers at once: each call is one unit, gets its own answer, and a caller that goes away disturbs nobody."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.steps import (
    NO_LIMITS,
    claim,
    claim_one,
    complete,
    listed,
    open_album,
    submit,
    submit_track,
    track,
)
from tonearm.errors import LeaseLost, QuotaExceeded
from tonearm.model import Cancelled, Claim, JobRecord, Reserved, State, SubmitLimits, Submitted
from tonearm.store.base import Store


async def test_a_record_is_a_view_of_one_moment(store: Store) -> None:
    """While the tracks of an album complete, every reading of it adds up."""
    job_id = await open_album(store, 40)
    held = await claim(store, tracks=40)
    seen: list[JobRecord] = []

    async def read() -> None:
        while not seen or not seen[-1].state.final:
            seen.append(await store.job(job_id))

    await asyncio.gather(read(), *[complete(store, one) for one in held])

    for record in seen:
        arrived = sum(told.status == "completed" for told in record.track_progress)
        assert record.completed_tracks == arrived == record.file_count
        assert record.state.final == (arrived == 40)
    counted = [record.completed_tracks for record in seen]
    assert counted == sorted(counted)


async def test_a_cancelled_call_disturbs_no_other(store: Store) -> None:
    """Callers that go away in the middle: their calls happen whole or not at all, the others get their own answers."""
    wanted = [track() for _ in range(60)]
    calls = [asyncio.create_task(store.submit(said, NO_LIMITS)) for said in wanted]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert answers[1::2] == [Submitted(said.id) for said in wanted[1::2]]
    there = {job.id for job in await listed(store)}
    assert {said.id for said in wanted[1::2]} <= there <= {said.id for said in wanted}
    for said in wanted:
        await store.submit(said, NO_LIMITS)
    assert {job.id for job in await listed(store)} == {said.id for said in wanted}


async def test_a_limit_holds_against_many_at_once(store: Store) -> None:
    """Fifty submissions at the same time, ten fit: ten are there."""
    ten = SubmitLimits(client_unfinished=10)
    answers = await asyncio.gather(*[store.submit(track(), ten) for _ in range(50)], return_exceptions=True)

    assert sum(isinstance(answer, Submitted) for answer in answers) == 10
    assert sum(isinstance(answer, QuotaExceeded) for answer in answers) == 40
    assert (await store.counts()).queued == 10


async def test_twins_submitted_at_once_become_one_job(store: Store) -> None:
    """One is entered, the others are told of it."""
    answers = await asyncio.gather(*[store.submit(track(catalog_id=5), NO_LIMITS) for _ in range(20)])

    assert len({answer.job_id for answer in answers}) == 1
    assert sum(not answer.duplicate for answer in answers) == 1


async def test_a_submission_said_many_times_at_once_is_one_job(store: Store) -> None:
    """Each time it is answered as the first time."""
    said = track()
    answers = await asyncio.gather(*[store.submit(said, NO_LIMITS) for _ in range(20)])

    assert set(answers) == {Submitted(said.id, duplicate=False)}
    assert (await store.counts()).queued == 1


async def test_jobs_for_the_same_thing_that_end_at_once_are_nobodys_twins(store: Store) -> None:
    """While any of them is unfinished, another one is told of it; then it is a job of its own."""
    wanted = [track(catalog_id=5, check_duplicate=False) for _ in range(10)]
    await asyncio.gather(*[store.submit(one, NO_LIMITS) for one in wanted])
    *most, last = await claim(store, tracks=10)

    await asyncio.gather(*[complete(store, one) for one in most])
    assert await store.submit(track(catalog_id=5), NO_LIMITS) == Submitted(last.job_id, duplicate=True)
    await complete(store, last)
    assert not (await store.submit(track(catalog_id=5), NO_LIMITS)).duplicate


async def test_a_name_reserved_by_many_at_once_belongs_to_one(store: Store) -> None:
    """Exactly one hears yes."""
    await submit(store, *[track() for _ in range(20)])
    held = await claim(store, tracks=20)

    answers = await asyncio.gather(*[store.reserve(one, "Name", "name") for one in held])
    assert answers.count(Reserved.OWN) == 1


@pytest.mark.parametrize("first", ["cancel", "settle"])
async def test_a_cancel_and_an_end_at_the_same_time_agree_on_one_story(store: Store, first: str) -> None:
    """Whoever comes first: completed and "too late", or cancelled and the lease is lost at the commit."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    calls = [store.cancel(job_id), _finish(store, held)]

    results = await asyncio.gather(*(calls if first == "cancel" else reversed(calls)), return_exceptions=True)

    refused = sum(isinstance(result, Exception) for result in results)
    record = await store.job(job_id)
    assert (record.state, refused) in {(State.COMPLETED, 1), (State.CANCELLED, 0)}


async def _finish(store: Store, held: Claim) -> None:
    try:
        await complete(store, held)
    except LeaseLost:
        await store.settle(held, Cancelled())


async def test_the_last_tracks_of_an_album_may_end_at_once(store: Store) -> None:
    """However they interleave, the album ends once and whole."""
    job_id = await open_album(store, 30)
    held = [*await claim(store, "w1", tracks=15), *await claim(store, "w2", tracks=15)]
    await asyncio.gather(*[complete(store, one) for one in held])

    record = await store.job(job_id)
    assert (record.state, record.completed_tracks) == (State.COMPLETED, 30)
    assert sum(entry.event == "completed" for entry in record.history) <= 1
