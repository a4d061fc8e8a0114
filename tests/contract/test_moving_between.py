"""Moving between engines: what SQLite dumped enters every other engine, and comes back as it was, only older."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from tests.contract.carrying import carry_all, half_an_album, pages
from tests.contract.steps import (
    PUBLICATION,
    album_tracks,
    at,
    claim,
    claim_album,
    claim_one,
    complete,
    delay,
    info_of,
    job_in,
    listed,
    open_album,
    stall,
    submit_album,
    submit_track,
    sweep_all,
)
from tests.support.clock import HOUR, SECOND, FakeClock
from tonearm.model import JobDump, JobOrder, JobQuery, Phase, State, TaskDump
from tonearm.store import dumps
from tonearm.store.base import PAGE, STALLS_TO_SUSPECT, Store
from tonearm.store.sqlite import open_sqlite

Situation = Callable[[Store], Awaitable[object]]


async def _begun(store: Store) -> str:
    """A track that failed once, and has a name, a file to publish and some bytes."""
    job_id = await submit_track(store)
    await delay(store, await claim_one(store), 0)
    held = await claim_one(store)
    await store.describe(held, title='Blüte \U0001f33c "x" \\ /\n', artist="", album="\u2028")
    await store.reserve(held, "Blüte", "blüte")
    await store.renew("w1", {held.token: at(Phase.TRANSFER, 4_000)}, HOUR)
    return job_id


async def _committed(store: Store) -> None:
    await submit_track(store)
    held = await claim_one(store)
    await store.reserve(held, "Name", "name")
    await store.commit(held, PUBLICATION)


async def _cancelled(store: Store) -> None:
    await store.cancel(await _begun(store))


async def _paused(store: Store) -> None:
    await store.pause(await _begun(store))


async def _waiting_and_paused(store: Store) -> None:
    job_id = await submit_track(store)
    await delay(store, await claim_one(store), HOUR)
    await store.pause(job_id)


async def _suspect(store: Store) -> None:
    await submit_track(store)
    for _ in range(STALLS_TO_SUSPECT):
        await claim_one(store)
        await stall(store, "w1")


async def _resolving(store: Store) -> None:
    await submit_album(store)
    held = await claim_album(store)
    await store.expand(held, info_of(held, 9), 1, album_tracks(2), last=False)


async def _resolving_again(store: Store) -> None:
    """An album that has a list of which not all was listed, is partial, and was told to try again."""
    job_id = await submit_album(store)
    held = await claim_album(store)
    await store.expand(held, info_of(held, 5), 1, album_tracks(2), last=True)
    for one in await claim(store, tracks=2):
        await complete(store, one)
    await store.retry(job_id)


async def _long(store: Store) -> str:
    job_id = await open_album(store, 2 * PAGE + 1)
    for one in await claim(store, tracks=3):
        await store.reserve(one, f"Name {one.position}", f"name {one.position}")
    return job_id


async def _long_and_cancelled(store: Store) -> str:
    job_id = await _long(store)
    await store.cancel(job_id)
    return job_id


async def _long_and_retried(store: Store) -> None:
    job_id = await _long_and_cancelled(store)
    await sweep_all(store)
    await store.retry(job_id)


SITUATIONS: dict[str, Situation] = {state.value: partial(job_in, state=state) for state in State} | {
    "half an album": half_an_album,
    "begun": _begun,
    "committed": _committed,
    "cancelled while active": _cancelled,
    "paused while active": _paused,
    "paused while delayed": _waiting_and_paused,
    "suspect": _suspect,
    "resolving": _resolving,
    "resolving again": _resolving_again,
    "a long album": _long,
    "a long album that is cancelled": _long_and_cancelled,
    "a long album that is retried": _long_and_retried,
}


@pytest.fixture
async def first(clock: FakeClock) -> AsyncIterator[Store]:
    """Where the jobs are at first."""
    opened = await open_sqlite(None, clock)
    yield opened
    await opened.close()


@pytest.fixture
async def last() -> AsyncIterator[Store]:
    """Where they come at the end, by a clock of its own."""
    opened = await open_sqlite(None, FakeClock(FakeClock().wall_ms() - HOUR))
    yield opened
    differences = await opened.audit()
    await opened.close()
    assert differences == ()


async def whole(store: Store) -> list[JobDump]:
    """Every job with all its pages, in the order of submission, without what a move itself changes."""
    jobs = await listed(store, JobQuery(order=JobOrder.CREATED))
    return [_still(page) for job in jobs for page in await pages(store, job.id)]


def _still(dump: JobDump) -> JobDump:
    story = tuple(line for line in dump.history if line.event not in ("moved", "cancelled"))
    return replace(dump, at=0, task=replace(dump.task, updated=0), history=story)


def moved(dump: JobDump) -> JobDump:
    """What becomes of a dump where it is taken in."""
    task, album = _moved(dump.task), dump.album
    if album is not None:
        tracks = tuple(replace(track, task=_moved(track.task, dump.task.state)) for track in album.tracks)
        album = replace(album, tracks=tracks)
    return replace(dump, task=task, album=album)


def _moved(task: TaskDump, album: State | None = None) -> TaskDump:
    entered = dumps.entering(task, album=album)
    if entered.state.final and not task.state.final and entered.stage_worker is not None:
        entered = replace(entered, stage_worker=None, updated=0)
    return replace(entered, reserved=None) if entered.state.final and album is None else entered


def _later(dump: JobDump, by_ms: int) -> JobDump:
    return _still(dump.aged(by_ms))


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_a_job_comes_back_as_it_was(
    first: Store, store: Store, last: Store, clock: FakeClock, situation: str
) -> None:
    """From SQLite there and back again, each time a few seconds older and otherwise the same."""
    await SITUATIONS[situation](first)
    clock.advance(3 * SECOND)
    before = await whole(first)

    await carry_all(first, store)
    clock.advance(4 * SECOND)
    there = await whole(store)
    await carry_all(store, last)

    assert there == [_later(moved(dump), 4 * SECOND) for dump in before]
    assert await whole(last) == there
    assert await last.counts() == await store.counts()
    assert await last.metrics() == await store.metrics()


async def test_what_has_no_records_yet_goes_on_as_it_came(first: Store, store: Store, clock: FakeClock) -> None:
    """The pages of a long album may wait for a sweep; who dumps it meanwhile gets them from any position on."""
    job_id = await _long(first)
    for page in await pages(first, job_id):
        await store.take_in(page)
    position = 2 * PAGE - 1
    clock.advance(SECOND)

    here, there = await first.dump(job_id, start=position), await store.dump(job_id, start=position)

    assert here.album is not None
    assert there.album is not None
    assert [track.position for track in there.album.tracks] == [position, position + 1]
    assert [(track.catalog_id, track.track_title, track.task.reserved) for track in there.album.tracks] == [
        (track.catalog_id, track.track_title, track.task.reserved) for track in here.album.tracks[:2]
    ]
