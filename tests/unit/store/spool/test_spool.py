"""The spool: a main store that goes away and comes back, and what everybody sees of it meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.steps import (
    DONE,
    NO_LIMITS,
    PUBLICATION,
    TIMEOUT,
    claim,
    claim_one,
    complete,
    listed,
    state_of,
    submit,
    submit_track,
    track,
)
from tests.support.clock import FakeClock
from tests.support.switched import Line
from tests.unit.store.spool.conftest import Stores

from tonearm.errors import NotFound, SetupError, StoreUnavailable
from tonearm.model import (
    Control,
    ControlChange,
    JobOrder,
    JobQuery,
    Priority,
    Retry,
    State,
)
from tonearm.store.base import Store
from tonearm.store.spool import open_spool
from tonearm.store.sqlite import open_sqlite

# Accepting


async def test_while_the_queue_answers_everything_is_its_own(stores: Stores) -> None:
    """No warning, no job here, and the source is that of the main store."""
    job_id = await submit_track(stores.spool)

    assert (stores.spool.source, stores.spool.warning) == ("memory", None)
    assert await state_of(stores.main, job_id) is State.READY
    assert (await stores.local.counts()).total == 0


async def test_while_it_is_away_jobs_are_accepted_here_with_a_warning(stores: Stores) -> None:
    """The answer says where the job lies, and so does everything that tells of the queue."""
    await stores.go_away()
    submitted = await stores.spool.submit(track(), NO_LIMITS)

    assert submitted.source == "local"
    assert submitted.warning is not None
    assert (stores.spool.source, stores.spool.warning) == ("local", submitted.warning)
    assert (await stores.spool.job(submitted.job_id)).state is State.READY
    assert [job.id for job in await listed(stores.spool)] == [submitted.job_id]
    assert (await stores.spool.counts()).queued == 1
    assert await stores.spool.oldest() is not None


async def test_away_at_the_start_is_no_reason_not_to_start(stores: Stores) -> None:
    """The main store is opened as soon as it answers."""
    stores.switch.set(Line.DOWN)
    spool = await stores.restart()
    job_id = await submit_track(spool)
    held = await claim_one(spool)
    assert held.job_id == job_id
    await complete(spool, held)

    await stores.settle_down()

    assert await state_of(stores.main, job_id) is State.COMPLETED
    assert spool.warning is None


async def test_what_cannot_be_used_is_an_error_at_the_start(stores: Stores) -> None:
    """Nobody is served by a queue that works on beside the one that was set up wrong."""

    async def wrong() -> Store:
        raise SetupError("maxmemory-policy is allkeys-lru")

    with pytest.raises(SetupError):
        await open_spool(wrong, await open_sqlite(None, stores.clock))


async def test_what_cannot_be_used_later_is_said_and_the_spool_goes_on(stores: Stores, clock: FakeClock) -> None:
    """A server that came up wrongly set up is as good as none."""
    errors: list[Exception] = [StoreUnavailable("No connection"), SetupError("maxmemory-policy is allkeys-lru")]

    async def opener() -> Store:
        if errors:
            raise errors.pop(0)
        return await stores.switch.open()

    spool = await open_spool(opener, await open_sqlite(None, clock))
    job_id = await submit_track(spool)
    await spool.look()
    assert (spool.source, (await spool.job(job_id)).state) == ("memory", State.READY)
    await spool.look()
    assert await state_of(stores.main, job_id) is State.READY
    await spool.close()


@pytest.mark.parametrize("place", ["file", "memory"])
async def test_a_server_without_a_worker_does_not_say_that_jobs_are_worked_on(
    tmp_path: Path, clock: FakeClock, place: str
) -> None:
    """`tonearm serve --no-worker` accepts them and hands them over, no more."""

    async def away() -> Store:
        raise StoreUnavailable("No connection")

    local = await open_sqlite(tmp_path / "local.db" if place == "file" else None, clock)
    spool = await open_spool(away, local, works=False)
    warning = (await spool.submit(track(), NO_LIMITS)).warning
    assert warning is not None
    assert " here meanwhile" in warning
    assert "worked on" not in warning
    await spool.close()


async def test_memory_says_that_it_forgets(clock: FakeClock) -> None:
    """QUEUE_FALLBACK=memory."""

    async def away() -> Store:
        raise StoreUnavailable("No connection")

    spool = await open_spool(away, await open_sqlite(None, clock))
    submitted = await spool.submit(track(), NO_LIMITS)
    assert submitted.source == "memory"
    assert "lost if the server ends" in (submitted.warning or "")
    await spool.close()


# A main store that is full


async def test_a_full_queue_is_not_away(stores: Stores) -> None:
    """New jobs are accepted here with a warning that says why; what lies there is read and acted on as ever."""
    first, second, third = await submit(stores.spool, track(), track(), track())
    stores.switch.set(Line.FULL)
    submitted = await stores.spool.submit(track(), NO_LIMITS)

    assert (submitted.source, stores.spool.source) == ("local", "memory")
    assert (submitted.warning or "").startswith("The queue is full. Jobs are accepted and worked on here")
    assert stores.spool.warning == submitted.warning
    assert await stores.spool.look() > 0
    await stores.spool.cancel(first)
    await stores.spool.prioritize(second, Priority.HIGH)
    await stores.spool.delete(third)
    with pytest.raises(NotFound):
        await stores.spool.job("job-1-unknown")
    assert await stores.local.moving() == ()
    assert {one.job_id for one in await claim(stores.spool, tracks=5)} == {second, submitted.job_id}

    await stores.spool.delete(submitted.job_id)
    await stores.spool.look()
    assert stores.spool.warning is None


async def test_when_a_full_queue_has_room_again_it_is_used(stores: Stores) -> None:
    """What came meanwhile is handed over, and the next job goes there at once."""
    stores.switch.set(Line.FULL)
    ids = await submit(stores.spool, track(), track())
    pauses = [await stores.spool.look() for _ in range(4)]
    assert pauses == [2.0, 4.0, 5.0, 5.0]
    assert [job.id for job in await listed(stores.local, JobQuery(order=JobOrder.CREATED))] == ids
    stores.switch.set(Line.UP)

    await stores.spool.look()
    ids += [(await stores.spool.submit(track(), NO_LIMITS)).job_id]

    assert [job.id for job in await listed(stores.main, JobQuery(order=JobOrder.CREATED))] == ids
    assert stores.spool.warning is None


async def test_a_queue_that_refuses_every_write_counts_as_away(stores: Stores) -> None:
    """A full disk of Redis, or a fail-over: it could not be told of anything either."""
    stores.switch.set(Line.REFUSES)
    submitted = await stores.spool.submit(track(), NO_LIMITS)

    assert "The queue is away" in (submitted.warning or "")
    assert await stores.local.moving() == ()
    assert (await claim_one(stores.spool)).job_id == submitted.job_id


# Reading and acting


async def test_a_job_that_is_not_here_is_unknown_not_absent(stores: Stores) -> None:
    """Nobody is told 404 of a job that lies in the queue; the same for every action."""
    job_id = await submit_track(stores.spool)
    await stores.go_away()
    spool = stores.spool

    for call in (
        spool.job(job_id),
        spool.tracks(job_id, limit=5),
        spool.files(job_id),
        spool.dump(job_id),
        spool.cancel(job_id),
        spool.pause(job_id),
        spool.resume(job_id),
        spool.retry(job_id),
        spool.prioritize(job_id, Priority.HIGH),
        spool.delete(job_id),
        spool.steer(ControlChange(paused=True)),
        spool.living([job_id]),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    await stores.settle_down()
    with pytest.raises(NotFound):
        await spool.job("job-1-unknown")


async def test_what_lies_here_can_be_acted_on_meanwhile(stores: Stores) -> None:
    """Cancel, pause and delete mean what they always do."""
    await stores.go_away()
    first, second, third = await submit(stores.spool, track(), track(), track())
    await stores.spool.cancel(first)
    await stores.spool.pause(second)
    await stores.spool.delete(third)

    await stores.settle_down()

    assert await state_of(stores.main, first) is State.CANCELLED
    assert await state_of(stores.main, second) is State.PAUSED
    assert len(await listed(stores.main)) == 2


async def test_a_file_is_nobody_elses_only_where_both_stores_say_so(stores: Stores) -> None:
    """A job there may name it as well as one here; while one of them does not answer, nobody knows."""
    there = await submit_track(stores.spool)
    await complete(stores.spool, await claim_one(stores.spool))
    await stores.go_away()
    here, other = await submit(stores.spool, track(), track())
    await complete(stores.spool, await claim_one(stores.spool))
    with pytest.raises(StoreUnavailable):
        await stores.spool.named_elsewhere(here, [PUBLICATION.path])
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()

    assert await stores.spool.named_elsewhere(here, [PUBLICATION.path]) == {PUBLICATION.path}
    assert await stores.spool.named_elsewhere(there, [PUBLICATION.path]) == {PUBLICATION.path}
    await stores.spool.delete(there)
    assert await stores.spool.named_elsewhere(here, [PUBLICATION.path]) == set()
    assert await stores.spool.named_elsewhere(other, [PUBLICATION.path]) == {PUBLICATION.path}


async def test_lists_go_through_both_stores(stores: Stores) -> None:
    """What runs here comes first; a cursor of the one that is away says so instead of ending early."""
    there = await submit(stores.spool, track(), track())
    await stores.go_away()
    here = await submit(stores.spool, track(), track(), track())
    await claim(stores.spool, tracks=3)  # so that they stay
    stores.switch.set(Line.UP)
    await stores.spool.look()

    for limit in (1, 2, 3, 4, 5):
        jobs = await listed(stores.spool, JobQuery(order=JobOrder.CREATED, limit=limit))
        assert [job.id for job in jobs] == here + there
    assert (await stores.spool.counts()).total == 5
    assert "3 jobs" in (stores.spool.warning or "")

    behind = (await stores.spool.jobs(JobQuery(order=JobOrder.CREATED, limit=4))).next
    assert behind is not None
    await stores.go_away()
    with pytest.raises(StoreUnavailable):
        await stores.spool.jobs(JobQuery(order=JobOrder.CREATED, limit=4, cursor=behind))


async def test_figures_are_those_of_both(stores: Stores) -> None:
    """Sums, and averages by weight."""
    await submit_track(stores.spool)
    await complete(stores.spool, await claim_one(stores.spool))
    await stores.go_away()
    await submit(stores.spool, track(), track())
    one, other = await claim(stores.spool, tracks=2)
    await stores.spool.settle(one, Retry(TIMEOUT, 0))
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()

    metrics = await stores.spool.metrics()
    assert (metrics.avg_success_rate, metrics.total_download_ms) == (100, DONE.download_ms)
    assert metrics.avg_retry_count == pytest.approx(1 / 3)
    await complete(stores.spool, other)


async def test_the_control_holds_while_the_queue_is_away(stores: Stores) -> None:
    """Somebody paused the whole queue: nothing is started here either."""
    await stores.spool.steer(ControlChange(paused=True))
    await stores.go_away()
    await submit_track(stores.spool)

    assert await claim(stores.spool, tracks=1) == ()
    assert await stores.spool.control() == Control(paused=True)

    spool = await stores.restart()
    assert await claim(spool, tracks=1) == ()
    await stores.settle_down()
    await spool.steer(ControlChange(paused=False))
    assert len(await claim(spool, tracks=1)) == 1


async def test_the_control_of_others_is_learnt_while_polling(stores: Stores) -> None:
    """Another process may have set it."""
    await stores.main.steer(ControlChange(paused=True, max_concurrent=2))
    assert (await stores.spool.poll("w1", [])).control == Control(paused=True, max_concurrent=2)
    await stores.go_away()
    assert (await stores.spool.poll("w1", [])).control == Control(paused=True, max_concurrent=2)
