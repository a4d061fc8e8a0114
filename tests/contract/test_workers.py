"""Workers: signs of life and what they report, for people only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.steps import LEASE_MS, claim_one, look, stall, submit_track, sweep_all
from tests.support.clock import DAY, MINUTE, SECOND, START_WALL_MS, FakeClock
from tonearm.model import Mark, Phase, RestingHost, RestKind, TaskKind, Transfer, WorkerReport, WorkerTask
from tonearm.store.base import Store


async def test_the_first_sign_of_life_says_when_a_worker_started(store: Store, clock: FakeClock) -> None:
    """Later ones say that it still lives."""
    assert await store.workers() == ()
    await store.heartbeat("w1", "den", 4)
    clock.advance(MINUTE)
    await store.heartbeat("w1", "den", 6)

    (worker,) = await store.workers()
    assert (worker.id, worker.host, worker.max_concurrent) == ("w1", "den", 6)
    assert (worker.started_at, worker.last_heartbeat) == (START_WALL_MS, START_WALL_MS + MINUTE)


async def test_workers_are_forgotten_a_day_after_their_last_sign(store: Store, clock: FakeClock) -> None:
    """Of store time."""
    await store.heartbeat("w1", "den", 4)
    clock.advance(DAY - SECOND)
    await store.heartbeat("w2", "loft", 2)
    assert {worker.id for worker in await store.workers()} == {"w1", "w2"}
    clock.advance(2 * SECOND)

    assert {worker.id for worker in await store.workers()} == {"w2"}
    await sweep_all(store)
    assert {worker.id for worker in await store.workers()} == {"w2"}


async def test_a_worker_is_alive_until_it_was_silent_for_too_long(store: Store, clock: FakeClock) -> None:
    """In store time, whatever the wall clock shows; another sign of life brings it back."""
    await store.heartbeat("w1", "den", 4)
    clock.advance(2 * MINUTE - SECOND)
    for step in (900, 0, 10 * DAY, -20 * DAY):
        clock.step_wall(step)
        assert [worker.alive for worker in await store.workers()] == [True]
    clock.advance(SECOND)
    assert [worker.alive for worker in await store.workers()] == [False]

    await store.heartbeat("w1", "den", 4)
    assert [worker.alive for worker in await store.workers()] == [True]


async def test_a_report_shows_what_runs(store: Store) -> None:
    """Slots in use, and bytes and speed of each task; the next report replaces it."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    await store.heartbeat("w1", "den", 4)
    for done, speed in ((1_000, 50.0), (4_000, 75.0)):
        transfer = Transfer(held.task_id, held.token, Mark(Phase.TRANSFER, done, 10_000), speed)
        await store.report(WorkerReport("w1", 1, 4, (transfer,)))
        record = await store.job(job_id)
        assert (record.bytes_downloaded, record.bytes_total, record.speed) == (done, 10_000, speed)
        (worker,) = await store.workers()
        assert (worker.active_downloads, worker.max_concurrent) == (1, 4)

    await store.report(WorkerReport("w1", 0, 4))
    (worker,) = await store.workers()
    assert worker.active_downloads == 0


async def test_a_report_says_what_a_worker_works_on(store: Store, clock: FakeClock) -> None:
    """Each task since the claim, as the wall shows that time now; the next report replaces it."""
    await store.heartbeat("w1", "den", 4)
    said = Transfer(
        *("job-1-a:3", "1:x", Mark(Phase.TRANSFER, 25, 100), 5.0),
        job_id="job-1-a",
        title="Three",
        album="Blue",
        catalog_id=13,
        since_ms=7 * SECOND,
    )
    resolving = Transfer("job-1-b", "1:y", Mark(Phase.CLAIMED), kind=TaskKind.RESOLVE, job_id="job-1-b")
    clock.step_wall(DAY)
    claimed = clock.wall_ms() - 7 * SECOND
    await store.report(WorkerReport("w1", 1, 4, (said, resolving)))
    now = clock.wall_ms()
    clock.advance(MINUTE)

    (worker,) = await store.workers()
    assert worker.tasks == (
        WorkerTask("job-1-a:3", "job-1-a", TaskKind.TRACK, claimed, Phase.TRANSFER, 0.25, 5.0, "Three", "Blue", 13, 25),
        WorkerTask("job-1-b", "job-1-b", TaskKind.RESOLVE, now, Phase.CLAIMED, 0.0),
    )
    await store.report(WorkerReport("w1", 0, 4))
    (worker,) = await store.workers()
    assert worker.tasks == ()


async def test_a_worker_that_never_learnt_of_its_loss_hides_nobodys_progress(store: Store) -> None:
    """Whoever spoke first or last: what counts is the word of the current claim."""
    job_id = await submit_track(store)
    old = await claim_one(store, "w1")
    await stall(store, "w1")
    held = await claim_one(store, "w2")
    for worker, claim, done in (("w2", held, 40), ("w1", old, 10), ("w2", held, 50)):
        transfer = Transfer(claim.task_id, claim.token, Mark(Phase.TRANSFER, done, 100), 5.0)
        await store.report(WorkerReport(worker, 1, 4, (transfer,)))
        record = await store.job(job_id)
        assert record.bytes_downloaded == (50 if done == 50 else 40)


async def test_a_report_says_what_holds_a_worker_up(store: Store, clock: FakeClock) -> None:
    """Hosts that rest until a time that the wall shows, and no longer; the reason to claim nothing; the disk."""
    await store.heartbeat("w1", "den", 4)
    hosts = (
        RestingHost("media:443", 30 * SECOND, RestKind.UNREACHABLE),
        RestingHost("catalog:80", 3 * SECOND, RestKind.RETRY_AFTER),
    )
    clock.step_wall(DAY)
    said = WorkerReport("w1", 0, 4, resting=hosts, holding="The disk is full.", disk_free=5, disk_min=100)
    await store.report(said)
    (worker,) = await store.workers()
    assert worker.resting == tuple(replace(host, until_ms=clock.wall_ms() + host.until_ms) for host in hosts)
    assert (worker.holding, worker.disk_free, worker.disk_min) == ("The disk is full.", 5, 100)

    clock.advance(3 * SECOND)
    (worker,) = await store.workers()
    assert [host.host for host in worker.resting] == ["media:443"]
    await store.report(WorkerReport("w1", 0, 4))
    (worker,) = await store.workers()
    assert (worker.resting, worker.holding, worker.disk_free, worker.disk_min) == ((), None, None, None)


async def test_a_dead_worker_holds_nothing_up(store: Store, clock: FakeClock) -> None:
    """What it said last is no news any more."""
    await store.heartbeat("w1", "den", 4)
    rest = RestingHost("media:443", DAY, RestKind.UNREACHABLE)
    task = Transfer("job-1-a", "1:x", Mark(Phase.TRANSFER))
    await store.report(WorkerReport("w1", 1, 4, (task,), resting=(rest,), holding="The disk is full."))
    clock.advance(2 * MINUTE)

    (worker,) = await store.workers()
    assert (worker.alive, worker.resting, worker.holding, worker.tasks) == (False, (), None, ())


async def test_a_report_of_a_lost_claim_shows_nothing(store: Store) -> None:
    """A worker that does not know yet that it lost a task cannot move its figures."""
    await submit_track(store)
    old = await claim_one(store, "w1")
    await stall(store, "w1")
    await claim_one(store, "w2")
    before = await look(store)
    await store.report(WorkerReport("w1", 1, 4, (Transfer(old.task_id, old.token, Mark(Phase.TRANSFER, 9, 10), 5.0),)))

    assert await look(store) == before


async def test_signs_of_life_do_not_prolong_leases(store: Store, clock: FakeClock) -> None:
    """Heartbeats and reports are for health only."""
    await submit_track(store)
    held = await claim_one(store)
    clock.advance(LEASE_MS)
    await store.heartbeat("w1", "den", 4)
    await store.report(
        WorkerReport("w1", 1, 4, (Transfer(held.task_id, held.token, Mark(Phase.TRANSFER, 9, 10), 5.0),))
    )

    assert await sweep_all(store) == 1


@pytest.mark.parametrize("count", [0, 1])
async def test_what_workers_say_changes_no_count(store: Store, count: int) -> None:
    """Workers are not jobs."""
    for _ in range(count):
        await submit_track(store)
    await store.heartbeat("w1", "den", 4)

    assert (await store.counts()).total == count
