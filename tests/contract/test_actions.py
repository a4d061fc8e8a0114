"""What people ask of a job: which states each action leaves, where it leads, and what it refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.contract.steps import (
    TIMEOUT,
    Case,
    claim,
    claim_album,
    claim_one,
    delay,
    fail,
    job_in,
    look,
    new_id,
    open_album,
    state_of,
    submit_album,
    submit_track,
)
from tests.support.clock import SECOND, FakeClock
from tonearm.errors import FailureCode, NotFound, WrongState
from tonearm.model import Cancelled, Failure, Paused, Priority, Retry, State
from tonearm.store.base import Store

Action = Callable[[Store, str], Awaitable[object]]


async def _cancel(store: Store, job_id: str) -> None:
    await store.cancel(job_id)


async def _pause(store: Store, job_id: str) -> None:
    await store.pause(job_id)


async def _resume(store: Store, job_id: str) -> None:
    await store.resume(job_id)


async def _retry(store: Store, job_id: str) -> None:
    await store.retry(job_id)


async def _prioritize(store: Store, job_id: str) -> None:
    await store.prioritize(job_id, Priority.HIGH)


async def _delete(store: Store, job_id: str) -> None:
    await store.delete(job_id)


ACTIONS: dict[str, Action] = {
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "retry": _retry,
    "prioritize": _prioritize,
    "delete": _delete,
}

S = State
LEADS_TO: dict[str, dict[State, State]] = {
    "cancel": {
        S.READY: S.CANCELLED,
        S.DELAYED: S.CANCELLED,
        S.PAUSED: S.CANCELLED,
        S.WAITING: S.CANCELLED,
        S.ACTIVE: S.ACTIVE,
        S.CANCELLED: S.CANCELLED,
    },
    "pause": {
        S.READY: S.PAUSED,
        S.DELAYED: S.PAUSED,
        S.WAITING: S.PAUSED,
        S.ACTIVE: S.ACTIVE,
        S.PAUSED: S.PAUSED,
    },
    "resume": {
        S.PAUSED: S.READY,
        S.READY: S.READY,
        S.DELAYED: S.DELAYED,
        S.ACTIVE: S.ACTIVE,
        S.WAITING: S.WAITING,
    },
    "retry": {S.FAILED: S.READY, S.CANCELLED: S.READY},
    "prioritize": {state: state for state in State if not state.final},
}
MOVES = [(name, start) for name in LEADS_TO for start in State]


@pytest.mark.parametrize(("name", "start"), MOVES, ids=[f"{name}-{start}" for name, start in MOVES])
async def test_an_action_leads_where_the_drawing_says_or_is_refused(store: Store, name: str, start: State) -> None:
    """The states of design section 4: every action from every state; a refusal changes nothing."""
    case = await job_in(store, start)
    before = await look(store)
    target = LEADS_TO[name].get(start)

    if target is None:
        with pytest.raises(WrongState):
            await ACTIONS[name](store, case.job_id)
        assert await look(store) == before
    else:
        await ACTIONS[name](store, case.job_id)
        assert await state_of(store, case.job_id) is target


AGAIN = [(name, start) for name, moves in LEADS_TO.items() if name != "retry" for start in moves]


@pytest.mark.parametrize(("name", "start"), AGAIN, ids=[f"{name}-{start}" for name, start in AGAIN])
async def test_an_action_said_again_changes_nothing_more(
    store: Store, clock: FakeClock, name: str, start: State
) -> None:
    """A lost reply: the second call answers like the first and leaves no trace, not even an event."""
    case = await job_in(store, start)
    await ACTIONS[name](store, case.job_id)
    before = await look(store)
    clock.advance(SECOND)

    await ACTIONS[name](store, case.job_id)

    assert await look(store) == before


@pytest.mark.parametrize("name", list(ACTIONS))
async def test_an_action_on_an_unknown_job_is_not_found(store: Store, name: str) -> None:
    """No such job, never or no more."""
    gone = await submit_track(store)
    await store.delete(gone)

    for job_id in (new_id(), gone, "no-id-at-all", ""):
        with pytest.raises(NotFound):
            await ACTIONS[name](store, job_id)


@pytest.mark.parametrize("name", list(ACTIONS))
async def test_a_track_of_an_album_is_no_job(store: Store, name: str) -> None:
    """Actions go to the album; its tracks have no life of their own."""
    await open_album(store, 2)
    task = await claim_one(store)

    with pytest.raises(NotFound):
        await ACTIONS[name](store, task.task_id)


async def test_a_cancel_of_a_running_job_shows_until_it_is_honoured(store: Store) -> None:
    """The record says that a cancel was requested, and then that it happened."""
    case = await job_in(store, State.ACTIVE)
    await store.cancel(case.job_id)
    assert (await store.job(case.job_id)).cancel_requested

    await store.settle(case.held, Cancelled())

    record = await store.job(case.job_id)
    assert (record.state, record.cancel_requested) == (State.CANCELLED, False)
    assert record.completed_at is not None


async def test_a_pause_of_a_running_job_shows_until_it_is_honoured(store: Store) -> None:
    """The record says that a pause was requested, and then that it happened."""
    case = await job_in(store, State.ACTIVE)
    await store.pause(case.job_id)
    assert (await store.job(case.job_id)).pause_requested

    await store.settle(case.held, Paused())

    record = await store.job(case.job_id)
    assert (record.state, record.pause_requested) == (State.PAUSED, False)


async def test_a_pause_after_a_requested_cancel_is_refused(store: Store) -> None:
    """Who asked to cancel cannot be answered with a pause."""
    case = await job_in(store, State.ACTIVE)
    await store.cancel(case.job_id)

    with pytest.raises(WrongState):
        await store.pause(case.job_id)


async def test_a_cancel_after_a_requested_pause_wins(store: Store) -> None:
    """A running job that was to be paused can still be cancelled."""
    case = await job_in(store, State.ACTIVE)
    await store.pause(case.job_id)
    await store.cancel(case.job_id)

    assert case.job_id in (await store.poll("w1", [case.held.token])).cancel
    await store.settle(case.held, Paused())
    assert await state_of(store, case.job_id) is State.CANCELLED


async def test_a_resume_takes_back_a_requested_pause(store: Store) -> None:
    """Nothing is wanted of the task any more, and it runs on."""
    case = await job_in(store, State.ACTIVE)
    await store.pause(case.job_id)
    await store.resume(case.job_id)

    assert not (await store.job(case.job_id)).pause_requested
    assert not (await store.poll("w1", [case.held.token])).pause


async def test_a_resume_does_not_take_back_a_cancel(store: Store) -> None:
    """Resume is about pauses only."""
    case = await job_in(store, State.ACTIVE)
    await store.cancel(case.job_id)
    await store.resume(case.job_id)

    assert (await store.job(case.job_id)).cancel_requested


async def test_a_delayed_job_that_was_paused_keeps_its_due_time(store: Store, clock: FakeClock) -> None:
    """Resumed early it still waits; the pause neither shortens nor lengthens the back-off."""
    case = await job_in(store, State.DELAYED)
    due = (await store.job(case.job_id)).next_retry_at
    await store.pause(case.job_id)
    clock.advance(2 * SECOND)
    await store.resume(case.job_id)

    record = await store.job(case.job_id)
    assert (record.state, record.next_retry_at) == (State.DELAYED, due)
    clock.advance(3 * SECOND - 1)
    assert await claim(store, tracks=1) == ()
    clock.advance(1)
    assert (await claim_one(store)).job_id == case.job_id


async def test_a_delayed_job_resumed_after_its_due_time_is_claimable_at_once(store: Store, clock: FakeClock) -> None:
    """Its back-off has passed while it was paused."""
    case = await job_in(store, State.DELAYED)
    await store.pause(case.job_id)
    clock.advance(60 * SECOND)
    assert await claim(store, tracks=1) == ()
    await store.resume(case.job_id)

    assert (await claim_one(store)).job_id == case.job_id


async def test_a_job_paused_while_it_ran_goes_on_when_resumed(store: Store) -> None:
    """An active task comes back to ready."""
    case = await job_in(store, State.ACTIVE)
    await store.pause(case.job_id)
    await store.settle(case.held, Paused())
    assert await claim(store, tracks=1) == ()
    await store.resume(case.job_id)

    assert (await claim_one(store)).job_id == case.job_id


async def test_a_retried_job_has_all_its_retries_and_its_history(store: Store) -> None:
    """A fresh start in everything but the story."""
    case = await job_in(store, State.ACTIVE)
    await store.settle(case.held, Retry(TIMEOUT, 0))
    again = await claim_one(store)
    assert again.retry_count == 1
    await fail(store, again, Failure(FailureCode.AUTH, "Key refused"))
    story = (await store.job(case.job_id)).history

    await store.retry(case.job_id)

    record = await store.job(case.job_id)
    assert (record.state, record.retry_count) == (State.READY, 0)
    assert (record.error, record.failure_code) == (None, None)
    assert (record.next_retry_at, record.completed_at) == (None, None)
    assert set(story) <= set(record.history)
    fresh = await claim_one(store)
    assert (fresh.retry_count, fresh.corrupt_count, fresh.suspect) == (0, 0, False)
    assert fresh.epoch > again.epoch


async def test_a_retry_said_again_is_refused_and_changes_nothing(store: Store) -> None:
    """The job is unfinished then; the caller reads the state."""
    case = await job_in(store, State.FAILED)
    await store.retry(case.job_id)
    before = await look(store)

    with pytest.raises(WrongState):
        await store.retry(case.job_id)
    assert await look(store) == before


async def test_an_album_that_failed_before_it_was_resolved_is_resolved_again(store: Store) -> None:
    """Its retry leads to ready."""
    job_id = await submit_album(store)
    await fail(store, await claim_album(store))
    assert await state_of(store, job_id) is State.FAILED

    await store.retry(job_id)

    assert await state_of(store, job_id) is State.READY
    assert (await claim_album(store)).job_id == job_id


async def test_a_priority_is_seen_by_readers_and_kept_by_a_retry(store: Store) -> None:
    """The new place belongs to the job."""
    case = await job_in(store, State.ACTIVE)
    await store.prioritize(case.job_id, Priority.LOW)
    await fail(store, case.held)
    await store.retry(case.job_id)

    assert (await store.job(case.job_id)).priority is Priority.LOW


async def test_deleting_says_whether_something_was_cut_short(store: Store) -> None:
    """True for an unfinished job, False for a final one."""
    for state in State:
        case: Case = await job_in(store, state)
        assert await store.delete(case.job_id) is not state.final


async def test_a_due_delay_can_be_cancelled(store: Store, clock: FakeClock) -> None:
    """A task between back-off and claim is cancelled at once."""
    case = await job_in(store, State.DELAYED)
    clock.advance(10 * SECOND)
    await store.cancel(case.job_id)

    assert await claim(store, tracks=1) == ()
    assert await state_of(store, case.job_id) is State.CANCELLED


async def test_a_cancelled_job_is_not_claimed_until_it_is_retried(store: Store) -> None:
    """Cancelled means out of the queue, retry means in again."""
    job_id = await submit_track(store)
    await store.cancel(job_id)
    assert await claim(store, tracks=1) == ()

    await store.retry(job_id)
    assert (await claim_one(store)).job_id == job_id


async def test_a_retried_job_that_is_delayed_counts_its_attempts_anew(store: Store) -> None:
    """After a retry the first failure is attempt one again."""
    case = await job_in(store, State.FAILED)
    await store.retry(case.job_id)
    await delay(store, await claim_one(store))

    assert (await store.job(case.job_id)).retry_count == 1
