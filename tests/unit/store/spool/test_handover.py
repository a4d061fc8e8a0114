"""The hand-over: whatever is cut off or killed between two steps, nothing is lost, and nothing is there twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.contract.steps import (
    LEASE_MS,
    NO_LIMITS,
    claim,
    claim_all,
    claim_one,
    complete,
    delay,
    fail,
    job_in,
    listed,
    open_album,
    state_of,
    submit,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import FakeClock
from tests.support.switched import Line
from tests.unit.store.spool.conftest import Stores

from tonearm.errors import StoreUnavailable
from tonearm.model import JobOrder, JobQuery, StageRef, State, Swept, TakenIn
from tonearm.store.base import PAGE
from tonearm.store.spool.spool import PROBE_S, SWEEPS
from tonearm.store.sqlite.unit import Unit

CLAIMED_FIRST = sorted(State, key=lambda state: state in (State.READY, State.WAITING))


async def away(stores: Stores) -> None:
    """The main store does not answer any more, and that was noticed."""
    stores.switch.set(Line.DOWN)
    await stores.spool.counts()


async def everywhere(stores: Stores) -> list[str]:
    """Every job of both stores; one that is in both stands twice."""
    return sorted(job.id for job in [*await listed(stores.main), *await listed(stores.local)])


async def test_everything_goes_over_in_its_order(stores: Stores) -> None:
    """Finished jobs become history there, the others go on; what runs here finishes here first."""
    await away(stores)
    cases = [await job_in(stores.spool, state) for state in CLAIMED_FIRST]
    running = [job.id for job in await listed(stores.local) if job.state is State.ACTIVE]

    await stores.settle_down()

    assert [job.id for job in await listed(stores.local)] == running
    moved = await listed(stores.main, JobQuery(order=JobOrder.CREATED))
    assert [job.id for job in moved] == [case.job_id for case in cases if case.job_id not in running]
    held = next(case.held for case in cases if case.job_id in running)
    await complete(stores.spool, held)
    await stores.settle_down()
    assert await listed(stores.local) == []
    assert await state_of(stores.main, running[0]) is State.COMPLETED
    assert await stores.local.moving() == ()


async def test_what_ran_here_goes_on_there_with_its_bytes(stores: Stores) -> None:
    """The stage, the retries and the epoch are known to the next claim, and nobody removes the stage."""
    await away(stores)
    await submit_track(stores.spool)
    held = await claim_one(stores.spool)
    await delay(stores.spool, held, 0)
    await stores.settle_down()

    again = await claim_one(stores.spool, "w2")
    assert (again.previous, again.epoch, again.retry_count) == (StageRef("w1", held.epoch), held.epoch + 1, 1)
    assert (await stores.spool.poll("w1", [])).discard == ()


async def test_a_long_album_goes_over_in_pages(stores: Stores) -> None:
    """And is whole there."""
    await away(stores)
    job_id = await open_album(stores.spool, 2 * PAGE + 1)
    await stores.settle_down()
    await sweep_all(stores.main)

    assert await everywhere(stores) == [job_id]
    assert len(await claim_all(stores.main)) == 2 * PAGE + 1


async def test_an_album_whose_tracks_run_here_stays_until_none_does(stores: Stores) -> None:
    """What is ready of it goes on here with the room that the queue leaves."""
    await away(stores)
    job_id = await open_album(stores.spool, 3)
    one = await claim_one(stores.spool)
    await stores.settle_down()
    assert [job.id for job in await listed(stores.local)] == [job_id]
    other = await claim_one(stores.spool)
    assert other.job_id == job_id
    await complete(stores.spool, one)
    await complete(stores.spool, other)

    await stores.settle_down()

    last = await claim_one(stores.main)
    assert (last.job_id, last.position) == (job_id, 3)
    assert (await stores.main.job(job_id)).completed_tracks == 2


async def test_what_a_killed_server_had_begun_goes_over_when_its_lease_has_ended(
    stores: Stores, clock: FakeClock
) -> None:
    """Also where no worker of this process sweeps (`serve --no-worker`)."""
    await away(stores)
    job_id = await submit_track(stores.spool)
    await claim_one(stores.spool)
    await stores.restart()
    await stores.settle_down()
    assert await state_of(stores.local, job_id) is State.ACTIVE

    clock.advance(LEASE_MS)
    await stores.settle_down()

    assert await listed(stores.local) == []
    assert (await claim_one(stores.main)).job_id == job_id


@pytest.mark.parametrize("line", [Line.UP, Line.DOWN])
async def test_what_goes_in_steps_here_is_carried_on_by_the_loop(stores: Stores, line: Line) -> None:
    """The tracks of a deleted album, whether the queue answers or not; at most so many steps in one look."""
    await away(stores)
    job_id = await open_album(stores.spool, 3 * PAGE)
    await stores.spool.delete(job_id)
    stores.switch.set(line)

    await stores.spool.look()

    assert (await stores.local.sweep()).children == 0


async def test_one_look_sweeps_so_often_and_the_next_goes_on(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is, the hand-over has its turn."""
    asked = 0

    async def endless() -> Swept:
        nonlocal asked
        asked += 1
        return Swept(more=True)

    monkeypatch.setattr(stores.local, "sweep", endless)
    assert await stores.spool.look() == PROBE_S
    assert asked == SWEEPS


STEPS = [(step, done) for step in ("begin_move", "dump", "take_in", "finish_move") for done in (False, True)]


@pytest.mark.parametrize("state", [state for state in CLAIMED_FIRST if state is not State.ACTIVE], ids=str)
@pytest.mark.parametrize("kill", STEPS, ids=lambda kill: f"{'after' if kill[1] else 'before'}-{kill[0]}")
async def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, kill: tuple[str, bool], state: State
) -> None:
    """The process stops there for ever; the next one finds what it has to do in the stores alone."""
    await away(stores)
    case = await job_in(stores.spool, state)
    first, second = case.job_id, await submit_track(stores.spool, "zoe")
    step, done = kill
    target = stores.main if step == "take_in" else stores.local
    real, reached = getattr(target, step), asyncio.Event()

    async def never_returns(*arguments: object, **named: object) -> None:
        if done:
            await real(*arguments, **named)
        reached.set()
        await asyncio.Event().wait()

    stores.switch.set(Line.UP)
    monkeypatch.setattr(target, step, never_returns)
    killed = asyncio.create_task(stores.spool.look())
    await reached.wait()
    if step == "take_in":
        monkeypatch.setattr(target, step, real)

    await stores.restart()
    await stores.settle_down()

    assert await everywhere(stores) == sorted([first, second])
    assert await listed(stores.local) == []
    assert (await stores.main.job(first)).state is state
    assert await stores.local.moving() == ()
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)


@pytest.mark.parametrize("line", [Line.DOWN, Line.DEAF])
async def test_what_was_not_answered_is_not_worked_on_here(stores: Stores, line: Line) -> None:
    """It may be there and run there; after a restart as well. Nobody can act on it before that is known."""
    await away(stores)
    first, second = await submit(stores.spool, track(), track())
    stores.switch.set(line, "take_in")
    await stores.spool.look()
    stores.switch.set(Line.DOWN)

    spool = await stores.restart()
    assert [one.job_id for one in await claim(spool, tracks=5)] == [second]
    with pytest.raises(StoreUnavailable):
        await spool.cancel(first)
    assert await state_of(stores.local, first) is State.READY
    assert (await spool.job(first)).state is State.READY

    await stores.settle_down()
    assert await state_of(stores.main, first) is State.READY


async def test_what_the_queue_refuses_is_worked_on_here(stores: Stores) -> None:
    """It is full and says that nothing was changed: then nothing runs twice."""
    await away(stores)
    job_id = await submit_track(stores.spool)
    stores.switch.set(Line.FULL, "take_in", "submit")
    await stores.spool.look()
    another = await submit_track(stores.spool)

    assert {one.job_id for one in await claim(stores.spool, tracks=5)} == {job_id, another}
    assert await stores.local.moving() == ()


async def test_a_submission_that_was_not_answered_runs_once(stores: Stores) -> None:
    """The queue had it, and its reply was lost: another process may run it already, so nobody does so here."""
    stores.switch.set(Line.DEAF, "submit")
    submitted = await stores.spool.submit(track(), NO_LIMITS)
    assert submitted.source == "local"
    stores.switch.set(Line.DOWN)

    assert await claim(stores.spool, tracks=1) == ()
    spool = await stores.restart()
    assert await claim(spool, tracks=1) == ()
    held = await claim_one(stores.main, "elsewhere")
    await complete(stores.main, held)

    await stores.settle_down()
    assert await everywhere(stores) == [submitted.job_id]
    assert await state_of(stores.main, submitted.job_id) is State.COMPLETED


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_a_kill_while_such_a_submission_is_accepted_here_does_not_double_it(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    """Whatever was written here first, it is not a job that can be claimed here as well as there."""
    stores.switch.set(Line.DEAF, "submit")
    real, reached = stores.local._write, asyncio.Event()

    async def never_returns(work: Callable[[Unit], object]) -> object:
        if done:
            await real(work)
        reached.set()
        return await asyncio.Event().wait()

    monkeypatch.setattr(stores.local, "_write", never_returns)
    killed = asyncio.create_task(stores.spool.submit(track(), NO_LIMITS))
    await reached.wait()
    stores.switch.set(Line.DOWN)

    spool = await stores.restart()
    assert await claim(spool, tracks=1) == ()
    held = await claim_one(stores.main, "elsewhere")
    await complete(stores.main, held)

    await stores.settle_down()
    assert await everywhere(stores) == [held.job_id]
    assert await state_of(stores.main, held.job_id) is State.COMPLETED
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)


async def test_a_submission_that_never_arrived_is_handed_over(stores: Stores) -> None:
    """It was acknowledged."""
    stores.switch.set(Line.DOWN)
    submitted = await stores.spool.submit(track(), NO_LIMITS)

    await stores.settle_down()

    assert (await claim_one(stores.main)).job_id == submitted.job_id


async def test_a_twin_of_a_job_here_is_not_marked_for_it(stores: Stores) -> None:
    """The submission was not answered, and repeats a job that is worked on here."""
    await away(stores)
    first = await submit_track(stores.spool)
    again = track(catalog_id=(await stores.spool.job(first)).spec.catalog_id)
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()
    stores.switch.set(Line.DOWN)

    assert (await stores.spool.submit(again, NO_LIMITS)).job_id == first
    assert (await claim_one(stores.spool)).job_id == first


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_job_deleted_there_meanwhile_does_not_come_back(stores: Stores, *, restarted: bool) -> None:
    """It was handed over, the reply was lost, and somebody deleted it there."""
    await away(stores)
    await submit_track(stores.spool)
    held = await claim_one(stores.spool)
    await delay(stores.spool, held, 0)
    stores.switch.set(Line.DEAF, "take_in")
    await stores.spool.look()
    await stores.main.delete(held.job_id)
    if restarted:
        stores.switch.set(Line.UP)
        await stores.restart()

    await stores.settle_down()

    assert await everywhere(stores) == []
    assert (held.task_id, held.epoch) in (await stores.spool.poll("w1", [])).discard


async def test_an_action_waits_for_the_hand_over_and_meets_the_job_where_it_is(stores: Stores) -> None:
    """A cancel between two steps is not lost with the copy that it was said to."""
    await away(stores)
    ids = await submit(stores.spool, *[track() for _ in range(20)])
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()

    await asyncio.gather(stores.spool.look(), *map(stores.spool.cancel, ids))
    await stores.settle_down()

    assert [job.state for job in await listed(stores.main)] == [State.CANCELLED] * 20
    assert await listed(stores.local) == []


async def test_an_action_brings_a_job_that_may_be_there_to_its_place_first(stores: Stores) -> None:
    """The reply to the hand-over was lost; the queue is back, and somebody pauses the job before the loop looks."""
    await away(stores)
    job_id = await submit_track(stores.spool)
    stores.switch.set(Line.DEAF, "take_in")
    await stores.spool.look()
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()

    await stores.spool.pause(job_id)

    assert await everywhere(stores) == [job_id]
    assert await state_of(stores.main, job_id) is State.PAUSED


async def test_the_queue_goes_away_again_in_the_middle(stores: Stores) -> None:
    """What was answered is over there; what was not sent goes on here, without a mark."""
    await away(stores)
    ids = await submit(stores.spool, *[track() for _ in range(5)])
    stores.switch.set(Line.UP)
    real, answered = stores.main.take_in, 0

    async def twice_only(dump: object) -> TakenIn:
        nonlocal answered
        answered += 1
        if answered == 3:
            stores.switch.set(Line.DOWN)
            raise StoreUnavailable("No answer")
        return await real(dump)  # type: ignore[arg-type]  # a dump, as it came

    stores.main.take_in = twice_only  # type: ignore[method-assign]  # as above
    await stores.spool.look()

    assert await stores.local.moving() == (ids[2],)
    assert [one.job_id for one in await claim(stores.spool, tracks=9)] == ids[3:]
    stores.main.take_in = real  # type: ignore[method-assign]  # as above
    await stores.settle_down()
    assert sorted(job.id for job in await listed(stores.main)) == sorted(ids[:3])


async def test_finished_jobs_become_history_there(stores: Stores) -> None:
    """With their files and their reasons."""
    await away(stores)
    await submit(stores.spool, track(), track())
    done, failed = await claim(stores.spool, tracks=2)
    await complete(stores.spool, done)
    await fail(stores.spool, failed)
    before = await stores.spool.metrics()

    await stores.settle_down()

    assert await stores.main.metrics() == before
    assert (await stores.main.job(done.job_id)).files
    assert (await stores.main.job(failed.job_id)).error
    assert stores.spool.warning is None


async def test_a_job_that_arrives_while_the_others_are_counted_is_not_forgotten(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count was read before it came; it is handed over all the same."""
    await away(stores)
    real = stores.local.counts

    async def late() -> object:
        counted = await real()
        await submit_track(stores.spool)
        return counted

    monkeypatch.setattr(stores.local, "counts", late)
    await stores.spool._both.handover.count()
    monkeypatch.setattr(stores.local, "counts", real)

    await stores.settle_down()

    assert (await stores.main.counts()).queued == 1
