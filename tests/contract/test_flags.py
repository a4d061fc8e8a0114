"""Flags: what a worker learns when it polls, and which stages it must remove."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    LEASE_MS,
    NOT_FOUND,
    PUBLICATION,
    TIMEOUT,
    claim,
    claim_album,
    claim_all,
    claim_one,
    complete,
    delay,
    feed_end,
    job_in,
    look,
    news,
    open_album,
    stall,
    submit,
    submit_album,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import HOUR, FakeClock
from tonearm.errors import LeaseLost
from tonearm.model import Cancelled, Failed, Flags, Mark, Paused, Phase, Released, Retry, State
from tonearm.store.base import PAGE, STALLS_TO_CRASH, STALLS_TO_SUSPECT, Store


async def test_a_poll_of_undisturbed_claims_says_nothing(store: Store) -> None:
    """No flag, nothing lost, nothing to remove; and reading changes nothing."""
    case = await job_in(store, State.ACTIVE)
    before = await look(store)

    assert await store.poll("w1", [case.held.token]) == Flags()
    assert await store.poll("w1", []) == Flags()
    assert await look(store) == before


async def test_a_poll_tells_each_claim_its_own_flag(store: Store) -> None:
    """One call for all tasks of a worker: cancelled, paused, deleted and undisturbed."""
    await submit(store, *[track() for _ in range(4)])
    cancelled, paused, deleted, free = await claim(store, tracks=4)
    await store.cancel(cancelled.job_id)
    await store.pause(paused.job_id)
    await store.delete(deleted.job_id)

    flags = await store.poll("w1", [one.token for one in (cancelled, paused, deleted, free)])

    assert flags == Flags(cancel=frozenset({cancelled.task_id, deleted.task_id}), pause=frozenset({paused.task_id}))


async def test_a_claim_that_was_swept_is_lost(store: Store, clock: FakeClock) -> None:
    """Before and after somebody else has claimed the task."""
    await submit_track(store)
    old = await claim_one(store, "w1")
    clock.advance(LEASE_MS)
    await sweep_all(store)
    assert (await store.poll("w1", [old.token])).lost == {old.task_id}
    new = await claim_one(store, "w2")

    assert (await store.poll("w1", [old.token])).lost == {old.task_id}
    assert (await store.poll("w2", [new.token])).lost == frozenset()


async def test_a_resolver_polls_like_the_others(store: Store) -> None:
    """Flags of an album that is being resolved reach its claim."""
    job_id = await submit_album(store)
    held = await claim_album(store)
    await store.pause(job_id)
    assert (await store.poll("w1", [held.token])).pause == {job_id}
    await store.cancel(job_id)
    assert (await store.poll("w1", [held.token])).cancel == {job_id}
    await store.delete(job_id)
    assert await store.poll("w1", [held.token]) == Flags(cancel=frozenset({job_id}))
    await store.settle(held, Cancelled())
    assert await store.poll("w1", [held.token]) == Flags()


async def test_the_will_of_an_album_reaches_its_running_tracks(store: Store) -> None:
    """Paused, resumed, cancelled: the tracks hear it at their next poll."""
    job_id = await open_album(store, 3)
    one, two = await claim(store, tracks=2)
    tokens = [one.token, two.token]
    both = {one.task_id, two.task_id}

    await store.pause(job_id)
    assert (await store.poll("w1", tokens)).pause == both
    await store.resume(job_id)
    assert await store.poll("w1", tokens) == Flags()
    await store.cancel(job_id)
    assert (await store.poll("w1", tokens)).cancel == both


async def test_the_tracks_of_a_deleted_album_are_cancelled(store: Store) -> None:
    """At once and after the sweep; what nobody works on is to be removed."""
    job_id = await open_album(store, 4)
    one, two, left = await claim(store, tracks=3)
    await store.settle(left, Released("stop"))
    await store.delete(job_id)
    for _ in range(2):
        flags = await store.poll("w1", [one.token, two.token])
        assert flags.cancel == {one.task_id, two.task_id}
        assert flags.discard == ((left.task_id, left.epoch),)
        await sweep_all(store)


async def test_the_many_running_tracks_of_a_deleted_album_are_all_cancelled(store: Store) -> None:
    """Also those beyond the first page, before and after the sweep; each may be renewed and settled."""
    job_id = await open_album(store, PAGE + 60)
    held = await claim_all(store)
    await store.delete(job_id)
    for swept in (False, True):
        if swept:
            await sweep_all(store)
        for page in (held[:PAGE], held[PAGE:]):
            tokens = {one.token: Mark(Phase.TRANSFER, 1) for one in page}
            assert (await store.poll("w1", list(tokens))).cancel == {one.task_id for one in page}
            assert await store.renew("w1", tokens, LEASE_MS) == frozenset()
        last = held.pop()
        for _ in range(2):
            await store.settle(last, Cancelled())
        with pytest.raises(LeaseLost):
            await store.commit(held[-1], PUBLICATION)


@pytest.mark.parametrize("kind", ["track", "album", "resolving"])
async def test_the_claim_of_a_deleted_task_may_be_settled_and_nothing_else(store: Store, kind: str) -> None:
    """However it ends; the last word, said again, is harmless, and the stage is asked for where it was kept."""
    for outcome in (Cancelled(), NOT_FOUND, Paused(), Released("stop", 1_000), Retry(TIMEOUT, 1_000)):
        if kind == "resolving":
            job_id, held = await submit_album(store), await claim_album(store)
        else:
            job_id = await (submit_track(store) if kind == "track" else open_album(store, 2))
            held = await claim_one(store)
        await store.delete(job_id)
        with pytest.raises(LeaseLost):
            await store.commit(held, PUBLICATION)
        with pytest.raises(LeaseLost):
            await store.reserve(held, "Name", "name")
        end = await feed_end(store)
        for _ in range(2):
            await store.settle(held, outcome)
        kept = kind != "resolving" and not isinstance(outcome, Cancelled | Failed)
        flags = await store.poll("w1", [held.token])
        assert flags == Flags(discard=((held.task_id, held.epoch),) if kept else ())
        await store.discarded("w1", flags.discard)
        assert await news(store, end) == []
        assert (await store.counts()).total == 0


async def test_the_claim_of_a_deleted_task_ends_with_its_lease(store: Store, clock: FakeClock) -> None:
    """Its worker may be dead: then the stage is anybody's to remove, and what it says later is too late."""
    await submit_track(store)
    held = await claim_one(store)
    await store.delete(held.job_id)
    clock.advance(LEASE_MS - 1)
    await sweep_all(store)
    assert await store.renew("w1", {held.token: Mark(Phase.TRANSFER, 1)}, LEASE_MS) == frozenset()
    clock.advance(LEASE_MS)
    await sweep_all(store)

    assert (await store.poll("w2", [])).discard == ((held.task_id, held.epoch),)
    assert (await store.poll("w1", [held.token])).lost == {held.task_id}
    with pytest.raises(LeaseLost):
        await store.settle(held, Cancelled())
    assert await store.renew("w1", {held.token: Mark(Phase.TRANSFER, 1)}, LEASE_MS) == {held.token}


async def test_a_cancelled_flag_stays_with_a_task_that_is_claimed_again(store: Store) -> None:
    """Flags are of the job, and honoured by whoever holds it: a released task with a cancel wanted is cancelled."""
    case = await job_in(store, State.ACTIVE)
    await store.cancel(case.job_id)
    await store.settle(case.held, Released("stop"))

    assert (await store.job(case.job_id)).state is State.CANCELLED
    assert await claim(store, tracks=1) == ()


@pytest.mark.parametrize("action", ["cancel", "delete"])
@pytest.mark.parametrize("resting", ["delayed", "paused", "released", "recovered"])
async def test_a_stage_whose_task_went_while_nobody_worked_on_it_is_to_be_removed(
    store: Store, action: str, resting: str
) -> None:
    """The worker that keeps it is told, until it says that it is gone; while it is alive, nobody else."""
    await store.heartbeat("w1", "den", 4)
    job_id = await submit_track(store)
    held = await claim_one(store, "w1")
    if resting == "delayed":
        await delay(store, held)
    elif resting == "paused":
        await store.pause(job_id)
        await store.settle(held, Paused())
    elif resting == "released":
        await store.settle(held, Released("stop"))
    else:
        await stall(store, "w1")
    assert await store.poll("w1", []) == Flags()

    await (store.cancel(job_id) if action == "cancel" else store.delete(job_id))

    stage = (job_id, held.epoch)
    assert (await store.poll("w2", [])).discard == ()
    assert (await store.poll("w1", [])).discard == (stage,)
    assert (await store.poll("w1", [])).discard == (stage,)
    await store.discarded("w1", [stage])
    await store.discarded("w1", [stage])
    assert await store.poll("w1", []) == Flags()


async def test_the_stages_of_a_dead_worker_are_anybodys_to_remove(store: Store, clock: FakeClock) -> None:
    """It may have come up again under another name; who confirms makes no difference."""
    ids = await submit(store, track(), track())
    one, two = [await claim_one(store, worker) for worker in ("w1", "w2")]
    for worker, held in (("w1", one), ("w2", two)):
        await store.heartbeat(worker, "den", 4)
        await store.settle(held, Released("stop"))
    for job_id in ids:
        await store.cancel(job_id)
    stages = [(held.task_id, held.epoch) for held in (one, two)]
    assert (await store.poll("w3", [])).discard == ()
    clock.advance(HOUR)
    await store.heartbeat("w2", "den", 4)

    assert (await store.poll("w3", [])).discard == (stages[0],)
    assert set((await store.poll("w2", [])).discard) == set(stages)
    await store.discarded("w3", stages[:1])
    assert (await store.poll("w1", [])).discard == ()
    assert (await store.poll("w2", [])).discard == (stages[1],)


async def test_a_task_that_was_never_claimed_leaves_no_stage(store: Store) -> None:
    """Nothing to remove."""
    for action in (store.cancel, store.delete):
        await action(await submit_track(store))

    assert (await store.poll("w1", [])).discard == ()


async def test_a_worker_that_honours_a_cancel_has_removed_its_stage(store: Store) -> None:
    """Settling final means that the stage is gone already: nothing is asked again."""
    case = await job_in(store, State.ACTIVE)
    await store.cancel(case.job_id)
    await store.settle(case.held, Cancelled())

    assert await store.poll("w1", []) == Flags()


@pytest.mark.parametrize("outcome", [Released("stop"), Retry(TIMEOUT, 1_000), Paused()], ids=lambda o: type(o).__name__)
async def test_a_cancel_that_the_worker_did_not_know_of_asks_for_its_stage(
    store: Store, outcome: Released | Retry | Paused
) -> None:
    """It gave the task back and kept the bytes; the cancel had come first."""
    case = await job_in(store, State.ACTIVE)
    await store.cancel(case.job_id)
    await store.settle(case.held, outcome)

    assert (await store.job(case.job_id)).state is State.CANCELLED
    assert (await store.poll("w1", [])).discard == ((case.job_id, case.held.epoch),)


async def test_a_completed_or_failed_task_leaves_no_stage(store: Store) -> None:
    """Nor does deleting its record later."""
    for state in (State.COMPLETED, State.FAILED):
        case = await job_in(store, state)
        await store.delete(case.job_id)

    assert await store.poll("w1", []) == Flags()


async def test_the_stage_of_a_crashed_task_is_to_be_removed(store: Store) -> None:
    """The store made it final while nobody worked on it."""
    job_id = await submit_track(store)
    held = None
    for _ in range(STALLS_TO_SUSPECT + STALLS_TO_CRASH):
        held = await claim_one(store, "w1")
        await stall(store, "w1")
    assert held is not None

    assert (job_id, held.epoch) in (await store.poll("w1", [])).discard


async def test_the_stages_of_a_cancelled_albums_waiting_tracks_are_to_be_removed(store: Store) -> None:
    """When the sweep has come to them."""
    job_id = await open_album(store, 3)
    held = await claim_one(store)
    await delay(store, held)
    await store.cancel(job_id)
    await sweep_all(store)

    assert (await store.poll("w1", [])).discard == ((held.task_id, held.epoch),)


async def test_confirming_what_was_never_asked_is_harmless(store: Store) -> None:
    """An unknown stage changes nothing."""
    await complete_one(store)
    before = await look(store)
    await store.discarded("w1", [("job-1-nothing", 3)])

    assert await look(store) == before


async def complete_one(store: Store) -> None:
    """One job that went well."""
    await submit_track(store)
    await complete(store, await claim_one(store))


async def test_stages_to_remove_are_told_in_pages(store: Store) -> None:
    """At most a page a poll; what was confirmed makes room for the rest."""
    ids = await submit(store, *[track() for _ in range(PAGE + 30)])
    for one in await claim_all(store):
        await store.settle(one, Released("stop"))
    for job_id in ids:
        await store.cancel(job_id)

    first = (await store.poll("w1", [])).discard
    assert len(first) == PAGE
    await store.discarded("w1", first)
    second = (await store.poll("w1", [])).discard
    assert {task for task, _ in (*first, *second)} == set(ids)
    await store.discarded("w1", second)
    assert await store.poll("w1", []) == Flags()
