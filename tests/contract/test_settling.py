"""Settling: how an attempt ends, and what people read afterwards. The commit point between."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from tests.contract.steps import (
    DONE,
    NOT_FOUND,
    PUBLICATION,
    TIMEOUT,
    Case,
    at,
    claim,
    claim_all,
    claim_one,
    complete,
    fail,
    job_in,
    look,
    open_album,
    stall,
    state_of,
    submit_track,
)
from tests.support.clock import SECOND, START_WALL_MS, FakeClock
from tonearm.errors import FailureCode, LeaseLost, WrongState
from tonearm.model import (
    Cancelled,
    Claim,
    Completed,
    Failed,
    Failure,
    Outcome,
    Paused,
    Phase,
    Publication,
    Released,
    Retry,
    State,
)
from tonearm.store.base import Store

OUTCOMES: dict[str, Outcome] = {
    "completed": DONE,
    "failed": NOT_FOUND,
    "retry": Retry(TIMEOUT, 5_000),
    "released": Released("host rests"),
    "released for later": Released("host rests", delay_ms=5_000),
    "cancelled": Cancelled(),
    "paused": Paused(),
}


async def test_completed_tells_what_arrived(store: Store, clock: FakeClock) -> None:
    """Files, size, time and warnings stand in the record."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    clock.advance(3 * SECOND)
    await complete(store, held, Completed(("A/B/01 C.flac",), 123_456, 2_500, ("No cover",)))

    record = await store.job(job_id)
    assert (record.state, record.progress) == (State.COMPLETED, 1.0)
    assert (record.files, record.file_count, record.size) == (("A/B/01 C.flac",), 1, 123_456)
    assert (record.download_ms, record.warnings) == (2_500, ("No cover",))
    assert record.completed_at == record.updated_at == START_WALL_MS + 3 * SECOND
    assert record.error is record.failure_code is None


async def test_failed_tells_why(store: Store) -> None:
    """Error, code, and the same as the last error."""
    case = await job_in(store, State.ACTIVE)
    await fail(store, case.held, Failure(FailureCode.DISK_FULL, "3 MB free, 9 MB needed"))

    record = await store.job(case.job_id)
    assert (record.state, record.failure_code) == (State.FAILED, FailureCode.DISK_FULL)
    assert record.error == record.last_error == "3 MB free, 9 MB needed"
    assert record.completed_at is not None


async def test_retry_waits_and_counts(store: Store) -> None:
    """Delayed, one retry used, the next attempt's time and the last error in the record."""
    case = await job_in(store, State.ACTIVE)
    await store.settle(case.held, Retry(TIMEOUT, 5_000))

    record = await store.job(case.job_id)
    assert (record.state, record.retry_count) == (State.DELAYED, 1)
    assert record.next_retry_at == START_WALL_MS + 5_000
    assert (record.last_error, record.error) == (TIMEOUT.message, None)


async def test_released_costs_nothing_and_says_why(store: Store) -> None:
    """Ready again, no retry used, the reason in the history."""
    case = await job_in(store, State.ACTIVE)
    await store.settle(case.held, Released("The worker stops"))

    record = await store.job(case.job_id)
    assert (record.state, record.retry_count, record.last_error) == (State.READY, 0, None)
    assert any(entry.message == "The worker stops" for entry in record.history)


async def test_released_for_later_waits(store: Store, clock: FakeClock) -> None:
    """Delayed without costing an attempt."""
    case = await job_in(store, State.ACTIVE)
    await store.settle(case.held, Released("The media host rests", delay_ms=5_000))
    assert (await store.job(case.job_id)).state is State.DELAYED
    assert await claim(store, tracks=1) == ()
    clock.advance(5_000)

    assert (await claim_one(store)).retry_count == 0


@pytest.mark.parametrize("outcome", [Cancelled(), Paused()], ids=["cancelled", "paused"])
async def test_an_end_that_nobody_wants_any_more_becomes_ready(store: Store, outcome: Outcome) -> None:
    """The flag was taken back while the worker stopped."""
    case = await job_in(store, State.ACTIVE)
    await store.settle(case.held, outcome)

    assert await state_of(store, case.job_id) is State.READY
    assert (await claim_one(store)).job_id == case.job_id


@pytest.mark.parametrize("name", [name for name in OUTCOMES if name != "completed"])
async def test_while_a_cancel_is_wanted_every_end_but_completed_is_cancelled(store: Store, name: str) -> None:
    """A cancel is honoured, however the attempt happened to end."""
    case = await job_in(store, State.ACTIVE)
    await store.cancel(case.job_id)
    await store.settle(case.held, OUTCOMES[name])

    assert await state_of(store, case.job_id) is State.CANCELLED


@pytest.mark.parametrize("name", ["retry", "released", "released for later", "paused"])
async def test_while_a_pause_is_wanted_what_would_wait_is_paused(store: Store, clock: FakeClock, name: str) -> None:
    """And it comes back with a resume, with what the attempt cost."""
    case = await job_in(store, State.ACTIVE)
    await store.pause(case.job_id)
    await store.settle(case.held, OUTCOMES[name])
    assert await state_of(store, case.job_id) is State.PAUSED
    assert (await store.job(case.job_id)).retry_count == (1 if name == "retry" else 0)

    await store.resume(case.job_id)
    clock.advance(5_000)
    assert (await claim_one(store)).job_id == case.job_id


async def test_a_failure_is_not_hidden_by_a_pause(store: Store) -> None:
    """Failed stays failed while a pause is wanted."""
    case = await job_in(store, State.ACTIVE)
    await store.pause(case.job_id)
    await fail(store, case.held)

    record = await store.job(case.job_id)
    assert (record.state, record.pause_requested) == (State.FAILED, False)


@pytest.mark.parametrize("name", list(OUTCOMES))
async def test_settling_again_is_harmless(store: Store, clock: FakeClock, name: str) -> None:
    """The reply was lost; the second call leaves no trace."""
    case = await job_in(store, State.ACTIVE)
    if name == "completed":
        await store.commit(case.held, PUBLICATION)
    await store.settle(case.held, OUTCOMES[name], at(Phase.TRANSFER, 10))
    before = await look(store)
    clock.advance(SECOND)

    await store.settle(case.held, OUTCOMES[name], at(Phase.TRANSFER, 10))

    assert await look(store) == before


@pytest.mark.parametrize("name", ["retry", "released", "paused"])
async def test_settling_again_after_somebody_else_claimed_changes_nothing(
    store: Store, clock: FakeClock, name: str
) -> None:
    """A very late repeat finds another holder and leaves him alone."""
    case = await job_in(store, State.ACTIVE)
    await store.settle(case.held, OUTCOMES[name])
    clock.advance(5_000)
    new = await claim_one(store, "w2")
    before = await look(store)

    with suppress(LeaseLost):
        await store.settle(case.held, OUTCOMES[name])

    assert await look(store) == before
    await complete(store, new)


async def test_completed_needs_a_commit(store: Store) -> None:
    """Without the commit point nothing is completed."""
    case = await job_in(store, State.ACTIVE)

    with pytest.raises((LeaseLost, ValueError)):
        await store.settle(case.held, DONE)

    assert await state_of(store, case.job_id) is State.ACTIVE
    await complete(store, case.held)


async def test_a_file_that_failed_verification_is_counted(store: Store) -> None:
    """`corrupt_count` counts integrity failures alone."""
    await submit_track(store)
    for code, corrupt in ((FailureCode.INTEGRITY, 1), (FailureCode.NETWORK, 1), (FailureCode.INTEGRITY, 2)):
        await store.settle(await claim_one(store), Retry(Failure(code, "x"), 0))
        (got,) = await claim(store, tracks=1)
        assert got.corrupt_count == corrupt
        await store.settle(got, Released("stop"))


async def committed(store: Store) -> Case:
    """A running job past its commit point."""
    case = await job_in(store, State.ACTIVE)
    await store.commit(case.held, PUBLICATION)
    return case


async def test_commit_again_is_harmless(store: Store) -> None:
    """The same publication twice is one commit."""
    case = await committed(store)
    before = await look(store)
    await store.commit(case.held, PUBLICATION)

    assert await look(store) == before


@pytest.mark.parametrize("action", ["cancel", "pause"])
async def test_after_the_commit_point_it_is_too_late(store: Store, action: str) -> None:
    """The answer says so, nothing is flagged, and the job completes."""
    case = await committed(store)

    with pytest.raises(WrongState, match=r"(?i)too late"):
        await (store.cancel(case.job_id) if action == "cancel" else store.pause(case.job_id))

    flags = await store.poll("w1", [case.held.token])
    assert not flags.cancel
    assert not flags.pause
    await store.settle(case.held, DONE)
    assert await state_of(store, case.job_id) is State.COMPLETED


@pytest.mark.parametrize("action", ["cancel", "pause"])
async def test_too_late_holds_after_a_crash_as_well(store: Store, action: str) -> None:
    """The file may be in the library already: who takes over adopts it."""
    case = await committed(store)
    await stall(store, "w1")

    with pytest.raises(WrongState, match=r"(?i)too late"):
        await (store.cancel(case.job_id) if action == "cancel" else store.pause(case.job_id))


@pytest.mark.parametrize("action", ["cancel", "pause"])
async def test_a_flag_before_the_commit_point_stops_the_commit(store: Store, action: str) -> None:
    """What was asked first wins; the worker stops and honours it."""
    case = await job_in(store, State.ACTIVE)
    await (store.cancel(case.job_id) if action == "cancel" else store.pause(case.job_id))

    with pytest.raises(LeaseLost):
        await store.commit(case.held, PUBLICATION)

    await store.settle(case.held, Cancelled() if action == "cancel" else Paused())
    assert await state_of(store, case.job_id) is (State.CANCELLED if action == "cancel" else State.PAUSED)


@pytest.mark.parametrize("action", ["cancel", "pause", "delete"])
async def test_the_will_of_an_album_stops_the_commit_of_its_tracks(store: Store, action: str) -> None:
    """Before any sweep."""
    job_id = await open_album(store, 2)
    held = await claim_one(store)
    await getattr(store, action)(job_id)

    with pytest.raises(LeaseLost):
        await store.commit(held, PUBLICATION)


async def test_a_resumed_task_can_commit(store: Store) -> None:
    """A pause that was taken back stands in nobody's way."""
    case = await job_in(store, State.ACTIVE)
    await store.pause(case.job_id)
    await store.resume(case.job_id)

    await complete(store, case.held)
    assert await state_of(store, case.job_id) is State.COMPLETED


async def test_the_next_holder_finds_what_was_committed(store: Store) -> None:
    """After a crash between publish and settle the file is adopted by name, size and inode."""
    case = await committed(store)
    await stall(store, "w1")

    again: Claim = await claim_one(store, "w2")
    assert again.publication == PUBLICATION
    await store.commit(again, PUBLICATION)
    await store.settle(again, DONE)
    assert await state_of(store, case.job_id) is State.COMPLETED


async def test_the_next_holder_may_commit_something_else(store: Store) -> None:
    """The first file never came into the library; a new one has another inode."""
    await committed(store)
    await stall(store, "w1")
    again = await claim_one(store, "w2")
    anew: Publication = replace(PUBLICATION, inode=4712)

    await store.commit(again, anew)
    await stall(store, "w2")

    assert (await claim_one(store, "w3")).publication == anew


async def test_a_committed_job_can_be_deleted(store: Store) -> None:
    """The record goes, its worker says how it ended; the file is the library's."""
    case = await committed(store)

    assert await store.delete(case.job_id)
    await store.settle(case.held, DONE)
    assert (await store.counts()).total == 0
    assert (await store.metrics()).total_download_ms == 0


@pytest.mark.parametrize("action", ["cancel", "pause"])
async def test_a_track_past_its_commit_point_completes_whatever_its_album_says(store: Store, action: str) -> None:
    """What is published stays, and the album counts it."""
    job_id = await open_album(store, 2)
    held = await claim_one(store)
    await store.commit(held, PUBLICATION)
    await (store.cancel(job_id) if action == "cancel" else store.pause(job_id))
    await store.settle(held, DONE)

    record = await store.job(job_id)
    assert record.state is (State.CANCELLED if action == "cancel" else State.PAUSED)
    assert (record.completed_tracks, record.files) == (1, DONE.files)


async def test_a_job_that_was_completed_and_deleted_is_not_claimed(store: Store) -> None:
    """Nothing of it is left in the queue."""
    case = await job_in(store, State.COMPLETED)
    await store.delete(case.job_id)

    assert await claim_all(store) == []


async def test_the_history_tells_the_story_in_order(store: Store, clock: FakeClock) -> None:
    """Submitted, claimed, tried again, claimed, failed: with times, attempts, codes and workers."""
    job_id = await submit_track(store)
    clock.advance(SECOND)
    await store.settle(await claim_one(store, "w1"), Retry(TIMEOUT, 0))
    clock.advance(SECOND)
    await store.settle(await claim_one(store, "w2"), Failed(Failure(FailureCode.AUTH, "Key refused")))

    story = (await store.job(job_id)).history
    times = [entry.at for entry in story]
    assert times == sorted(times)
    by_code = {entry.code: entry for entry in story if entry.code}
    assert set(by_code) == {FailureCode.TIMEOUT, FailureCode.AUTH}
    assert by_code[FailureCode.TIMEOUT].message == TIMEOUT.message
    assert by_code[FailureCode.AUTH].at == START_WALL_MS + 2 * SECOND
    assert {"w1", "w2"} <= {entry.worker for entry in story}


async def test_the_history_keeps_the_newest_fifty(store: Store) -> None:
    """A job's own story is bounded."""
    job_id = await submit_track(store)
    for n in range(70):
        await store.settle(await claim_one(store), Released(f"stop {n}"))

    story = (await store.job(job_id)).history
    assert len(story) == 50
    assert "stop 69" in (story[-1].message, story[0].message)
