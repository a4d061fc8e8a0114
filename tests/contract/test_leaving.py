"""Leaving: a job is handed over to another store in steps, and a kill between any two of them harms nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.engines import ENGINES, Engine
from tests.contract.steps import (
    LEASE_MS,
    NO_LIMITS,
    claim,
    claim_all,
    claim_one,
    delay,
    expand,
    fail,
    feed_end,
    job_in,
    listed,
    news,
    open_album,
    submit,
    submit_album,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import SECOND, FakeClock
from tonearm.errors import NotFound, QuotaExceeded, WrongState
from tonearm.model import Released, State, SubmitLimits, Submitted, TakenIn
from tonearm.store.base import PAGE, LocalStore
from tonearm.store.sqlite import SqliteStore

LOCAL = [engine for engine in ENGINES if engine.source in ("sqlite", "memory")]
"""The engines that can stand in for another store."""


@pytest.fixture(params=LOCAL, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen = request.param
    assert isinstance(chosen, Engine)
    return chosen


@pytest.fixture
async def local(engine: Engine, quick_place: Path, clock: FakeClock) -> AsyncIterator[LocalStore]:
    """A new store; after every test its records and its indexes must still agree."""
    opened = await engine.open(quick_place, clock)
    assert isinstance(opened, SqliteStore)
    yield opened
    differences = await opened.audit()
    await opened.close()
    assert differences == ()


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE], ids=str)
async def test_a_marked_job_cannot_be_claimed(local: LocalStore, clock: FakeClock, state: State) -> None:
    """In whatever state; taking the mark back lets it go on as it was."""
    case = await job_in(local, state)
    assert await local.begin_move(case.job_id) is True
    assert await local.begin_move(case.job_id) is True
    clock.advance(5 * SECOND)

    assert await claim(local, tracks=9, albums=9) == ()
    assert (await local.job(case.job_id)).state in (state, State.READY)

    await local.abandon_move(case.job_id)
    await local.abandon_move(case.job_id)
    ready = {State.READY: 1, State.DELAYED: 1, State.WAITING: 2}
    assert len(await claim(local, tracks=9, albums=9)) == ready.get(state, 0)


async def test_what_may_be_elsewhere_is_marked_as_it_is_accepted(local: LocalStore) -> None:
    """Nobody can claim it before the mark is taken back; what the submission repeats is left as it is."""
    wished = track()
    assert (await local.submit_marked(wished, NO_LIMITS)).job_id == wished.id
    assert await local.submit_marked(wished, NO_LIMITS) == Submitted(wished.id)
    twin = track(catalog_id=wished.spec.catalog_id)
    assert await local.submit_marked(twin, NO_LIMITS) == Submitted(wished.id, duplicate=True)
    with pytest.raises(QuotaExceeded):
        await local.submit_marked(track(), SubmitLimits(client_unfinished=1))

    assert (await local.job(wished.id)).state is State.READY
    assert await local.moving() == (wished.id,)
    assert await claim(local, tracks=1) == ()
    await local.abandon_move(wished.id)
    assert (await claim_one(local)).job_id == wished.id


async def test_the_twin_of_what_may_be_elsewhere_goes_on_here(local: LocalStore) -> None:
    """It was there first, and is not what was not answered."""
    first = track()
    await local.submit(first, NO_LIMITS)
    assert (await local.submit_marked(track(catalog_id=first.spec.catalog_id), NO_LIMITS)).job_id == first.id
    assert await local.moving() == ()
    held = await claim_one(local)
    await local.submit_marked(first, NO_LIMITS)
    assert await local.moving() == ()
    await fail(local, held)
    await local.delete(first.id)
    assert await local.submit_marked(first, NO_LIMITS) == Submitted(first.id)
    assert await listed(local) == []


async def test_what_somebody_works_on_is_not_marked(local: LocalStore) -> None:
    """Neither a track, nor an album while it is resolved or one of its tracks runs; the others go on being claimed."""
    job_id = await submit_track(local)
    held = await claim_one(local)
    assert await local.begin_move(job_id) is False
    await delay(local, held, 0)
    assert await local.begin_move(job_id) is True

    album_id = await submit_album(local, "bob")
    (resolving,) = await claim(local, albums=1)
    assert await local.begin_move(album_id) is False
    await expand(local, resolving, 2)
    one = await claim_one(local)
    assert await local.begin_move(album_id) is False
    assert await local.moving() == (job_id,)
    assert (await claim_one(local)).job_id == album_id
    await local.settle(one, Released("stop"))


async def test_a_lease_that_ran_out_keeps_nobody_from_moving(local: LocalStore, clock: FakeClock) -> None:
    """Once it is swept."""
    case = await job_in(local, State.ACTIVE)
    clock.advance(LEASE_MS)
    await sweep_all(local)
    assert await local.begin_move(case.job_id) is True


async def test_a_job_that_is_elsewhere_leaves_without_a_word(local: LocalStore) -> None:
    """Its record is gone; its stage is wanted there, so nobody has to remove it, and no reader hears of a removal."""
    job_id = await submit_track(local)
    await delay(local, await claim_one(local), 0)
    await local.begin_move(job_id)
    end = await feed_end(local)

    await local.finish_move(job_id)
    await local.finish_move(job_id)

    assert (await listed(local), await local.moving()) == ([], ())
    assert await news(local, end) == []
    assert (await local.poll("w1", [])).discard == ()


async def test_a_job_that_is_not_marked_stays(local: LocalStore) -> None:
    """Only what was marked can be elsewhere."""
    job_id = await submit_track(local)
    with pytest.raises(WrongState):
        await local.finish_move(job_id)
    assert [job.id for job in await listed(local)] == [job_id]


async def test_a_job_that_is_not_here_cannot_be_marked(local: LocalStore) -> None:
    """It was deleted meanwhile, perhaps."""
    for step in (local.begin_move, local.abandon_move):
        with pytest.raises(NotFound):
            await step("job-1-unknown")


async def test_a_long_album_leaves_in_pages(local: LocalStore) -> None:
    """Hidden at once, its tracks go by and by, and their stages stay."""
    job_id = await open_album(local, 2 * PAGE + 1)
    for one in await claim(local, tracks=3):
        await local.settle(one, Released("stop"))
    await local.begin_move(job_id)

    await local.finish_move(job_id)

    assert await listed(local) == []
    await sweep_all(local)
    assert (await local.poll("w1", [])).discard == ()


async def test_what_left_can_come_back(local: LocalStore) -> None:
    """A hand-over is no deletion."""
    job_id = await submit_track(local)
    await local.begin_move(job_id)
    page = await local.dump(job_id)
    await local.finish_move(job_id)

    assert await local.take_in(page) is TakenIn.TAKEN
    assert [one.job_id for one in await claim_all(local)] == [job_id]


async def test_the_marked_are_listed_in_pages(local: LocalStore) -> None:
    """By id, so that a reader can go on where it was."""
    ids = await submit(local, *[track() for _ in range(PAGE + 1)])
    for job_id in ids:
        await local.begin_move(job_id)

    first = await local.moving()
    assert list(first) == sorted(ids)[:PAGE]
    assert await local.moving(first[-1]) == (max(ids),)


async def test_a_mark_survives_the_process(engine: Engine, quick_place: Path, clock: FakeClock) -> None:
    """What may be elsewhere is not worked on by the next one."""
    if engine.contents is None:
        return  # an engine that forgets everything forgets the job too
    store = await engine.open(quick_place, clock)
    assert isinstance(store, SqliteStore)
    job_id = await submit_track(store)
    await store.begin_move(job_id)
    await store.close()

    store = await engine.open(quick_place, clock)
    assert isinstance(store, SqliteStore)
    assert await store.moving() == (job_id,)
    assert await claim(store, tracks=1) == ()
    await store.close()
