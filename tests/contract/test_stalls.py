"""Stalls and suspects: a poison task is found out, and its neighbours come to no harm (design, "Crash")."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    LEASE_MS,
    TIMEOUT,
    at,
    claim,
    claim_album,
    claim_all,
    claim_one,
    complete,
    fail,
    open_album,
    stall,
    state_of,
    submit,
    submit_album,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import FakeClock
from tonearm.errors import FailureCode
from tonearm.model import Claim, Phase, Released, Retry, State
from tonearm.store.base import STALLS_TO_CRASH, STALLS_TO_SUSPECT, Store


async def make_suspect(store: Store) -> str:
    """Submit a track and let it stall until it is suspected."""
    job_id = await submit_track(store)
    for _ in range(STALLS_TO_SUSPECT):
        held = await claim_one(store, "poisoned")
        assert (held.job_id, held.suspect) == (job_id, False)
        await stall(store, "poisoned")
    return job_id


async def test_two_stalls_in_a_row_make_a_suspect(store: Store) -> None:
    """The claim says so, and no stall is counted as a retry."""
    job_id = await make_suspect(store)

    held = await claim_one(store)
    assert (held.job_id, held.suspect, held.retry_count) == (job_id, True, 0)


async def test_three_stalls_alone_make_it_failed_as_crashed(store: Store) -> None:
    """The poison job ends where people see it."""
    job_id = await make_suspect(store)
    for _ in range(STALLS_TO_CRASH):
        assert (await claim_one(store)).suspect
        assert await state_of(store, job_id) is State.ACTIVE
        await stall(store, "w1")

    record = await store.job(job_id)
    assert (record.state, record.failure_code) == (State.FAILED, FailureCode.CRASHED)
    assert record.error
    assert record.completed_at is not None


async def test_leases_that_run_out_are_charged_like_deaths(store: Store, clock: FakeClock) -> None:
    """The sweep counts stalls too, and says how many tasks it gave up."""
    job_id = await submit_track(store)
    for _ in range(STALLS_TO_SUSPECT + STALLS_TO_CRASH - 1):
        await claim_one(store)
        clock.advance(LEASE_MS)
        await sweep_all(store)
        assert await state_of(store, job_id) is State.READY
    await claim_one(store)
    clock.advance(LEASE_MS)

    swept = await store.sweep()
    assert (swept.recovered, swept.crashed) == (0, 1)
    assert (await store.job(job_id)).failure_code is FailureCode.CRASHED


async def test_a_power_cut_is_nobodys_fault(store: Store) -> None:
    """Without a charge no number of restarts makes a suspect."""
    await submit_track(store)
    for _ in range(10):
        assert not (await claim_one(store)).suspect
        await stall(store, "w1", charge=False)

    assert not (await claim_one(store)).suspect


@pytest.mark.parametrize("how", ["renewed", "found on disk"])
async def test_progress_clears_the_count(store: Store, how: str) -> None:
    """A claim that came further than those before it is not charged, even if its worker died."""
    job_id = await submit_track(store)
    for step in range(1, 2 + STALLS_TO_SUSPECT + STALLS_TO_CRASH):
        held = await claim_one(store)
        assert not held.suspect
        mark = at(Phase.TRANSFER, step * 1_000)
        if how == "renewed":
            await store.renew("w1", {held.token: mark}, LEASE_MS)
            await stall(store, "w1")
        else:
            await stall(store, "w1", {held.task_id: mark})

    assert await state_of(store, job_id) is State.READY


async def test_a_later_phase_is_progress(store: Store) -> None:
    """The same bytes, but now they are being verified."""
    await submit_track(store)
    for phase in (Phase.TRANSFER, Phase.VERIFY, Phase.PUBLISH):
        held = await claim_one(store)
        await stall(store, "w1", {held.task_id: at(phase, 1_000)})

    assert not (await claim_one(store)).suspect


async def test_reaching_the_same_point_again_is_no_progress(store: Store) -> None:
    """A task that always dies at the same byte is found out."""
    job_id = await submit_track(store)
    marks = {job_id: at(Phase.VERIFY, 5_000)}
    suspected = []
    for _ in range(1 + STALLS_TO_SUSPECT + STALLS_TO_CRASH):
        suspected.append((await claim_one(store)).suspect)
        await stall(store, "w1", marks)

    # The first claim made progress; two stalls then make it a suspect, three more end it.
    assert suspected == [False, False, False, True, True, True]
    assert (await store.job(job_id)).failure_code is FailureCode.CRASHED


async def test_progress_of_a_suspect_clears_its_name(store: Store) -> None:
    """From then on it runs among the others again."""
    await make_suspect(store)
    held = await claim_one(store)
    assert held.suspect
    await stall(store, "w1", {held.task_id: at(Phase.TRANSFER, 10)})

    assert not (await claim_one(store)).suspect


@pytest.mark.parametrize("outcome", [Retry(TIMEOUT, 0), Released("stop")], ids=["retry", "released"])
async def test_a_regular_end_clears_the_count(store: Store, outcome: Retry | Released) -> None:
    """Whoever settles was not killed by the task."""
    await make_suspect(store)
    held = await claim_one(store)
    assert held.suspect
    await store.settle(held, outcome)

    assert not (await claim_one(store)).suspect


async def test_a_retry_by_hand_clears_the_count(store: Store) -> None:
    """A crashed job that is retried starts without suspicion."""
    job_id = await make_suspect(store)
    for _ in range(STALLS_TO_CRASH):
        await claim_one(store)
        await stall(store, "w1")
    await store.retry(job_id)

    assert not (await claim_one(store)).suspect


async def test_a_suspect_runs_alone(store: Store) -> None:
    """One call hands out it or others, never both, and its worker gets nothing beside it."""
    suspect = await make_suspect(store)
    others = await submit(store, *[track() for _ in range(3)])

    first = await claim(store, "w1", tracks=4)

    assert [one.job_id for one in first] == [suspect]
    assert await claim(store, "w1", tracks=4, albums=2) == ()
    await complete(store, first[0])
    assert [one.job_id for one in await claim(store, "w1", tracks=4)] == others


async def test_a_worker_that_holds_tasks_drains_before_a_suspect(store: Store) -> None:
    """Nothing more is handed out to it while the suspect is next; then the suspect alone."""
    busy = await submit_track(store)
    held = await claim_one(store, "w1")
    assert held.job_id == busy
    suspect = await make_suspect(store)
    await submit(store, track(), track())

    assert await claim(store, "w1", tracks=4) == ()
    await complete(store, held)
    assert [one.job_id for one in await claim(store, "w1", tracks=4)] == [suspect]


async def test_other_workers_go_on_while_a_suspect_runs(store: Store) -> None:
    """It is alone on its worker, not in the queue."""
    suspect = await make_suspect(store)
    others = await submit(store, track(), track())
    assert (await claim_one(store, "w1")).job_id == suspect

    assert [one.job_id for one in await claim(store, "w2", tracks=4)] == others


async def test_two_suspects_do_not_run_at_once(store: Store) -> None:
    """One at a time over all workers."""
    ids = await submit(store, track(), track())
    for _ in range(STALLS_TO_SUSPECT):
        assert len(await claim(store, "w1", tracks=2)) == 2
        await stall(store, "w1")

    first = await claim_one(store, "w1")
    assert (first.job_id, first.suspect) == (ids[0], True)
    assert await claim(store, "w2", tracks=2) == ()
    await complete(store, first)
    second = await claim_one(store, "w2")
    assert (second.job_id, second.suspect) == (ids[1], True)


async def test_a_neighbour_of_a_poison_task_is_not_failed(store: Store) -> None:
    """Four tasks run together, one kills the worker every time: one crashes, three complete."""
    ids = await submit(store, *[track() for _ in range(4)])
    poison = ids[2]

    for _ in range(40):
        held = await claim(store, "w1", tracks=4)
        if not held:
            break
        if any(one.job_id == poison for one in held):
            await stall(store, "w1")
        else:
            for one in held:
                await complete(store, one)

    states = {job_id: await state_of(store, job_id) for job_id in ids}
    assert states == {job_id: State.FAILED if job_id == poison else State.COMPLETED for job_id in ids}


async def test_a_poison_track_does_not_fail_its_album(store: Store) -> None:
    """The album is partial and names the track that crashed."""
    job_id = await open_album(store, 3)
    for _ in range(40):
        held = await claim(store, "w1", tracks=4)
        if not held:
            break
        if any(one.position == 2 for one in held):
            await stall(store, "w1")
        else:
            for one in held:
                await complete(store, one)

    record = await store.job(job_id)
    assert (record.state, record.completed_tracks, record.failed_count) == (State.COMPLETED, 2, 1)
    assert [failed.code for failed in record.failed_tracks] == [FailureCode.CRASHED]


async def test_an_album_that_kills_its_resolver_is_found_out(store: Store) -> None:
    """Resolving is a task like others: suspected, then crashed."""
    job_id = await submit_album(store)
    seen: list[Claim] = []
    while not (await store.job(job_id)).state.final:
        seen.append(await claim_album(store))
        await stall(store, "w1")

    assert [one.suspect for one in seen] == [False] * STALLS_TO_SUSPECT + [True] * STALLS_TO_CRASH
    assert (await store.job(job_id)).failure_code is FailureCode.CRASHED


async def test_a_suspect_is_claimed_before_others_wait_for_ever(store: Store) -> None:
    """A single worker that keeps asking finishes everything: the suspect and the rest."""
    await make_suspect(store)
    await submit(store, *[track() for _ in range(5)])
    for _ in range(10):
        for one in await claim_all(store):
            await (fail(store, one) if one.suspect else complete(store, one))

    counts = await store.counts()
    assert (counts.completed, counts.failed, counts.unfinished) == (5, 1, 0)
