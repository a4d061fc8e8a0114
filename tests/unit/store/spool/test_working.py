"""Working through a spool: claims, leases, reports and upkeep of two stores, one of which goes away and comes back."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.steps import (
    LEASE_MS,
    PUBLICATION,
    TIMEOUT,
    album_tracks,
    at,
    claim,
    claim_all,
    claim_one,
    complete,
    info_of,
    open_album,
    state_of,
    submit,
    submit_track,
    track,
)
from tests.support.clock import DAY, SECOND, FakeClock
from tests.support.exposition import Rise
from tests.support.switched import Line
from tests.unit.store.spool.conftest import Stores

from tonearm.errors import LeaseLost, PartlyRenewed, QuotaExceeded, StoreUnavailable
from tonearm.model import (
    KeyLimits,
    KeyRecord,
    Mark,
    Phase,
    Retry,
    Scope,
    State,
    SubmitLimits,
    Transfer,
    WorkerReport,
)
from tonearm.store.sweeping import sweep

WORKER_DEAD_MS = 120_000
"""What `open_sqlite` takes unless it is told otherwise."""


async def test_a_claim_is_settled_in_the_store_that_gave_it(stores: Stores) -> None:
    """Whatever went away or came back in between."""
    there = await submit_track(stores.spool)
    held_there = await claim_one(stores.spool)
    await stores.go_away()
    here = await submit_track(stores.spool)
    held_here = await claim_one(stores.spool)
    assert (held_there.job_id, held_here.job_id) == (there, here)

    with pytest.raises(StoreUnavailable):
        await stores.spool.commit(held_there, PUBLICATION)
    stores.switch.set(Line.UP)
    await complete(stores.spool, held_there)  # though nobody looked yet whether it is back
    await complete(stores.spool, held_here)

    assert await state_of(stores.main, there) is State.COMPLETED
    assert await state_of(stores.local, here) is State.COMPLETED
    await stores.settle_down()
    assert await state_of(stores.main, here) is State.COMPLETED


async def test_leases_here_are_renewed_while_the_queue_is_away(stores: Stores) -> None:
    """The worker learns which are, and which are not."""
    await submit_track(stores.spool)
    held_there = await claim_one(stores.spool)
    await stores.go_away()
    await submit(stores.spool, track(), track())
    kept, lost = await claim(stores.spool, tracks=2)
    await stores.local.recover("w1", {}, charge=False)
    kept = await claim_one(stores.spool)
    mark = at(Phase.TRANSFER, 5)

    with pytest.raises(PartlyRenewed) as partly:
        await stores.spool.renew("w1", {held_there.token: mark, kept.token: mark, lost.token: mark}, LEASE_MS)
    assert partly.value.unknown == {held_there.token}
    assert partly.value.lost == {lost.token}

    stores.switch.set(Line.UP)
    found = await stores.spool.renew("w1", {held_there.token: mark, kept.token: mark}, LEASE_MS)
    assert found == frozenset()
    with pytest.raises(LeaseLost):
        await stores.spool.commit(lost, PUBLICATION)


async def test_flags_of_both_reach_the_worker(stores: Stores) -> None:
    """A cancel here is heard though the queue is away."""
    await submit_track(stores.spool)
    held_there = await claim_one(stores.spool)
    await stores.go_away()
    here = await submit_track(stores.spool)
    held_here = await claim_one(stores.spool)
    held = [held_there.token, held_here.token]
    await stores.spool.cancel(here)
    assert (await stores.spool.poll("w1", held)).cancel == {here}

    await stores.settle_down()
    await stores.spool.pause(held_there.job_id)
    flags = await stores.spool.poll("w1", held)
    assert flags.cancel == {here}
    assert flags.pause == {held_there.task_id}


async def test_progress_is_seen_in_both(stores: Stores) -> None:
    """Each store knows the transfers of its own claims."""
    await submit_track(stores.spool)
    held_there = await claim_one(stores.spool)
    await stores.go_away()
    await submit_track(stores.spool)
    held_here = await claim_one(stores.spool)
    stores.switch.set(Line.UP)
    await stores.spool.look()
    transfers = tuple(
        Transfer(held.task_id, held.token, at(Phase.TRANSFER, 4_000_000), 500.0) for held in (held_there, held_here)
    )
    await stores.spool.report(WorkerReport("w1", 2, 4, transfers))

    for held in (held_there, held_here):
        assert (await stores.spool.job(held.job_id)).speed == 500.0


async def test_an_album_is_resolved_and_brought_here(stores: Stores) -> None:
    """Everything that a claim says goes to the local store."""
    await stores.go_away()
    job_id = await open_album(stores.spool, 2)
    one, other = await claim(stores.spool, tracks=2)
    await stores.spool.describe(one, title="T", artist="A", album="B")
    await stores.spool.reserve(one, "Name", "name")
    await complete(stores.spool, one)
    await stores.spool.commit(other, PUBLICATION)
    await stores.spool.retract(other)
    await complete(stores.spool, other)

    assert (await stores.spool.job(job_id)).completed_tracks == 2
    assert info_of(one, 2).track_count == len(album_tracks(2))


async def test_workers_are_alive_whichever_store_answers(stores: Stores) -> None:
    """A sign of life is given to both."""
    await stores.spool.heartbeat("w1", "den", 4)
    assert [worker.alive for worker in await stores.spool.workers()] == [True]
    await stores.go_away()
    await stores.spool.heartbeat("w1", "den", 4)
    assert [worker.alive for worker in await stores.spool.workers()] == [True]


async def test_workers_are_alive_as_soon_as_the_queue_is_back(stores: Stores, clock: FakeClock) -> None:
    """The sign of life that it did not hear is said again at once, and once."""
    await stores.spool.heartbeat("w1", "den", 4)
    await stores.go_away()
    clock.advance(WORKER_DEAD_MS + SECOND)
    await stores.spool.heartbeat("w1", "den", 4)

    await stores.settle_down()

    assert [worker.alive for worker in await stores.spool.workers()] == [True]
    assert stores.switch.calls.count("heartbeat") == 2


async def test_what_a_worker_reports_is_shown_as_soon_as_the_queue_is_back(stores: Stores) -> None:
    """A worker says what moved once; where nothing moves any more it would never be known."""
    await submit_track(stores.spool)
    held = await claim_one(stores.spool)
    await stores.go_away()
    await stores.spool.heartbeat("w1", "den", 4)
    for speed in (100.0, 500.0):
        moved = Transfer(held.task_id, held.token, at(Phase.TRANSFER, 1_000), speed)
        await stores.spool.report(WorkerReport("w1", 1, 4, (moved,)))

    await stores.settle_down()

    assert (await stores.spool.job(held.job_id)).speed == 500.0


async def test_a_worker_that_fell_silent_meanwhile_is_not_said_to_be_alive(stores: Stores, clock: FakeClock) -> None:
    """Its last word is older than a sign of life holds."""
    await stores.spool.heartbeat("w1", "den", 4)
    await stores.go_away()
    await stores.spool.heartbeat("w1", "den", 4)
    clock.advance(WORKER_DEAD_MS + SECOND)

    await stores.settle_down()

    assert [worker.alive for worker in await stores.spool.workers()] == [False]


async def test_stages_of_the_queue_are_not_removed_while_it_is_away(stores: Stores) -> None:
    """Only who hears of both stores knows that a stage is nobody's."""
    await submit_track(stores.spool)
    there = await claim_one(stores.spool)
    await stores.go_away()
    await submit_track(stores.spool)
    here = await claim_one(stores.spool)
    with pytest.raises(StoreUnavailable):
        await stores.spool.living([there.task_id, here.task_id])
    await stores.settle_down()
    assert await stores.spool.living([there.task_id, here.task_id, "x"]) == {there.task_id: 1, here.task_id: 1}


async def test_the_dead_are_buried_in_both_stores(stores: Stores) -> None:
    """A start does not wait for the queue; it hears of its dead before it gives anything to who has that name now."""
    there = await submit_track(stores.spool)
    await claim_one(stores.spool)
    await stores.go_away()
    here = await submit_track(stores.spool)
    await claim_one(stores.spool)
    spool = await stores.restart()

    assert await spool.recover("w1", {}, charge=True) == 1
    assert await spool.recover("w1", {}, charge=True) == 0
    assert await state_of(stores.local, here) is State.READY

    await stores.settle_down()
    assert {one.job_id for one in await claim(spool, tracks=2)} == {there, here}


async def test_a_claim_of_today_is_not_freed_for_a_death_of_yesterday(stores: Stores) -> None:
    """Killed and started again while the queue was away, it gets its task again; that is one crash and no more."""
    job_id = await submit_track(stores.spool)
    await claim_one(stores.spool)
    await stores.go_away()
    spool = await stores.restart()
    await spool.recover("w1", {}, charge=True)
    stores.switch.set(Line.UP)
    await spool._reach.probe()

    both = await asyncio.gather(claim(spool, tracks=1), claim(spool, tracks=1))
    await stores.settle_down()

    (held,) = [one for claims in both for one in claims]
    assert held.job_id == job_id
    assert await spool.renew("w1", {held.token: at(Phase.TRANSFER, 1)}, LEASE_MS) == frozenset()
    assert [line.event for line in (await spool.job(job_id)).history].count("recovered") == 1


async def test_who_died_elsewhere_may_live_again_when_the_queue_is_back(stores: Stores) -> None:
    """So nobody frees what it holds; its leases end by themselves."""
    await submit_track(stores.spool)
    held = await claim_one(stores.spool, "w2")
    await stores.go_away()
    spool = await stores.restart()
    await spool.recover("w2", {}, charge=True)

    await stores.settle_down()

    assert await claim(spool, "w1", tracks=1) == ()
    assert await stores.main.renew("w2", {held.token: at(Phase.TRANSFER, 1)}, LEASE_MS) == frozenset()


async def test_stages_are_discarded_through_both(stores: Stores) -> None:
    """Those of either store, and confirmed to both."""
    ids = []
    for turn in (stores.settle_down(), stores.go_away()):
        await turn
        ids.append(await submit_track(stores.spool))
        await stores.spool.settle(await claim_one(stores.spool), Retry(TIMEOUT, 60_000))
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()
    for job_id in ids:
        await stores.spool.cancel(job_id)
    flags = await stores.spool.poll("w1", [])
    assert {task for task, _ in flags.discard} == set(ids)
    await stores.spool.discarded("w1", flags.discard)
    assert (await stores.spool.poll("w1", [])).discard == ()


async def test_a_suspect_of_the_queue_runs_alone(stores: Stores) -> None:
    """Nothing of what lies here runs beside it."""
    await submit_track(stores.spool)
    for _ in range(2):
        await claim_one(stores.spool)
        await stores.main.recover("w1", {}, charge=True)
    await stores.go_away()
    await submit(stores.spool, track(), track())
    await claim(stores.spool, "w2", tracks=1)
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()

    (suspect,) = await claim(stores.spool, "w1", tracks=4)
    assert suspect.suspect


async def test_upkeep_goes_on_in_both(stores: Stores, clock: FakeClock) -> None:
    """Leases that ran out are freed, here and there, and counted once, whoever found them."""
    rise = Rise("tonearm_tasks_recovered")
    await submit_track(stores.spool)
    await claim_one(stores.spool)
    await stores.go_away()
    await submit_track(stores.spool)
    await claim_one(stores.spool)
    clock.advance(LEASE_MS)
    assert (await sweep(stores.spool)).recovered == 1
    assert rise.so_far() == {("tonearm_tasks_recovered_total",): 1}
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()  # it sweeps there itself
    assert rise.so_far() == {("tonearm_tasks_recovered_total",): 2}
    assert len(await claim_all(stores.spool)) == 2
    assert await stores.spool.audit() == ()


async def test_leases_end_here_also_where_no_worker_sweeps(stores: Stores, clock: FakeClock) -> None:
    """The loop that tends the spool frees them, and counts what it freed."""
    await stores.go_away()
    job_id = await submit_track(stores.spool)
    await claim_one(stores.spool)
    clock.advance(LEASE_MS)
    rise = Rise("tonearm_tasks_recovered")
    await stores.spool.look()

    assert await state_of(stores.spool, job_id) is State.READY
    assert rise.so_far() == {("tonearm_tasks_recovered_total",): 1}


async def test_the_limits_of_a_client_hold_in_each_store(stores: Stores) -> None:
    """Also those that its key has of its own, of which the local store has a copy; what each counts is its own."""
    await stores.main.add_key(KeyRecord("ann", Scope.SUBMIT, "0" * 64, 1, KeyLimits(bytes=100)))
    await stores.spool.keys()
    await stores.go_away()
    first, second = await submit(stores.spool, track("ann"), track("ann"))
    held = await claim_one(stores.spool)
    await stores.spool.settle(held, Retry(TIMEOUT, 365 * DAY), Mark(Phase.TRANSFER, received=100))

    assert held.job_id == first
    assert await claim(stores.spool, tracks=1) == ()
    with pytest.raises(QuotaExceeded):
        await stores.spool.submit(track("ann"), SubmitLimits(client_bytes=100))
    await stores.settle_down()
    assert [one.job_id for one in await claim(stores.spool, tracks=1)] == [second]
