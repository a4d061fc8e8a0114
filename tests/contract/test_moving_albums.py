"""Moving albums: one leaves a store and enters another with its tracks, in pages, whatever happens meanwhile."""

from __future__ import annotations

import pytest

from tests.contract.carrying import carry, half_an_album, pages
from tests.contract.engines import Engine
from tests.contract.steps import (
    DONE,
    album_tracks,
    claim,
    claim_album,
    claim_all,
    claim_one,
    complete,
    expand,
    info_of,
    open_album,
    submit_album,
    sweep_all,
)
from tests.support.clock import DAY, HOUR, MINUTE, FakeClock
from tonearm.errors import Invalid, NotFound, WrongState
from tonearm.model import (
    AlbumOutcome,
    State,
    TakenIn,
)
from tonearm.store.base import PAGE, Store


async def test_an_album_goes_on_where_it_was(store: Store, other: Store, clock: FakeClock) -> None:
    """What arrived counts, what failed stays failed, and the rest is downloaded there."""
    job_id = await half_an_album(store)
    active = await claim_one(store)
    assert active.position == 4

    await carry(store, other, job_id)

    moved = await other.job(job_id)
    assert (moved.state, moved.track_count, moved.completed_tracks, moved.failed_count) == (State.WAITING, 4, 1, 1)
    assert (moved.retry_count, moved.size, moved.files) == (1, DONE.size, DONE.files)
    rest = await claim_one(other)
    assert (rest.position, rest.epoch) == (4, active.epoch + 1)
    await complete(other, rest)
    clock.advance(MINUTE)
    await complete(other, await claim_one(other))
    ended = await other.job(job_id)
    assert (ended.state, ended.outcome) == (State.COMPLETED, AlbumOutcome.PARTIAL)
    await other.retry(job_id)
    assert [one.position for one in await claim_all(other)] == [2]


async def test_an_album_that_was_being_resolved_is_resolved_there(store: Store, other: Store) -> None:
    """What a page had entered of it is not its list yet."""
    job_id = await submit_album(store)
    resolving = await claim_album(store)
    await store.expand(resolving, info_of(resolving, 3), 1, album_tracks(2), last=False)

    await carry(store, other, job_id)

    moved = await other.job(job_id)
    assert (moved.state, moved.track_count) == (State.READY, 0)
    again = await claim_album(other)
    assert again.epoch == resolving.epoch + 1
    await expand(other, again, 3)
    assert len(await claim_all(other)) == 3


@pytest.mark.parametrize("count", [PAGE, PAGE + 1, 2 * PAGE + 50])
async def test_a_long_album_comes_in_pages_and_is_seen_with_the_last(store: Store, other: Store, count: int) -> None:
    """No page is larger than a call may be, and the album is whole when anything of it can be claimed."""
    job_id = await open_album(store, count)
    dumped = await pages(store, job_id)
    assert len(dumped) == -(-count // PAGE)

    for page in dumped[:-1]:
        assert await other.take_in(page) is TakenIn.MORE
        assert await other.take_in(page) is TakenIn.MORE
        with pytest.raises(NotFound):
            await other.job(job_id)
        assert await claim(other, tracks=1) == ()
    assert await other.take_in(dumped[-1]) is TakenIn.TAKEN
    assert await other.take_in(dumped[-1]) is TakenIn.KNOWN
    assert (await other.job(job_id)).track_count == count
    assert await other.audit() == ()

    await sweep_all(other)
    assert [one.position for one in await claim_all(other)] == list(range(1, count + 1))


async def test_pages_that_are_begun_anew_replace_the_first_ones(store: Store, other: Store) -> None:
    """Whoever stopped in the middle begins with the first page; a page without those before it is refused."""
    job_id = await open_album(store, 2 * PAGE + 1)
    first, second, third = await pages(store, job_id)
    with pytest.raises(Invalid):
        await other.take_in(second)
    await other.take_in(first)
    with pytest.raises(Invalid):
        await other.take_in(third)
    await other.take_in(second)
    await other.take_in(first)
    with pytest.raises(Invalid):
        await other.take_in(third)
    await other.take_in(second)

    assert await other.take_in(third) is TakenIn.TAKEN
    await sweep_all(other)
    assert len(await claim_all(other)) == 2 * PAGE + 1


async def test_pages_whose_last_never_comes_are_forgotten(store: Store, other: Store, clock: FakeClock) -> None:
    """After a day; until then nobody sees them."""
    job_id = await open_album(store, 2 * PAGE)
    first, second = await pages(store, job_id)
    await other.take_in(first)
    clock.advance(DAY + 1)
    await sweep_all(other)

    with pytest.raises(Invalid):
        await other.take_in(second)
    assert await carry(store, other, job_id) is TakenIn.TAKEN


async def test_pages_that_took_too_long_to_come_make_no_album(store: Store, other: Store, clock: FakeClock) -> None:
    """Once the first is forgotten, those behind it are no use: the album would wait for it for ever."""
    job_id = await open_album(store, 2 * PAGE + 1)
    first, second, third = await pages(store, job_id)
    await other.take_in(first)
    clock.advance(DAY - HOUR)
    await other.take_in(second)
    clock.advance(2 * HOUR)
    await sweep_all(other)

    with pytest.raises(Invalid):
        await other.take_in(third)
    assert await carry(store, other, job_id) is TakenIn.TAKEN


@pytest.mark.parametrize("action", ["cancel", "pause", "delete"])
async def test_an_album_can_be_stopped_while_its_tracks_arrive(store: Store, other: Store, action: str) -> None:
    """What people say of the album holds for the tracks that have no rows yet."""
    job_id = await open_album(store, 2 * PAGE)
    for page in await pages(store, job_id):
        await other.take_in(page)

    await getattr(other, action)(job_id)
    await sweep_all(other)

    assert await claim(other, tracks=9, albums=9) == ()
    if action == "pause":
        await other.resume(job_id)
        assert len(await claim_all(other)) == 2 * PAGE
    elif action == "cancel":
        await other.retry(job_id)
        await sweep_all(other)
        assert len(await claim_all(other)) == 2 * PAGE


async def test_an_album_that_arrives_can_be_handed_on_at_once(store: Store, other: Store, engine: Engine) -> None:
    """Its tracks are dumped, with and without rows."""
    job_id = await open_album(store, 2 * PAGE)
    first, second = await pages(store, job_id)
    await other.take_in(first)
    await other.take_in(second)
    onward = await pages(other, job_id)

    assert [page.album.tracks for page in onward if page.album] == [
        page.album.tracks for page in (first, second) if page.album
    ]
    assert engine.source == other.source


async def test_a_finished_album_that_arrives_is_retried_when_it_is_whole(store: Store, other: Store) -> None:
    """Before that the answer is to try again in a moment."""
    job_id = await open_album(store, 2 * PAGE)
    await store.cancel(job_id)
    await sweep_all(store)
    for page in await pages(store, job_id):
        await other.take_in(page)
    with pytest.raises(WrongState):
        await other.retry(job_id)
    await sweep_all(other)

    await other.retry(job_id)

    await sweep_all(other)
    assert len(await claim_all(other)) == 2 * PAGE


@pytest.mark.parametrize("action", ["cancel", "retry"])
async def test_what_the_tracks_had_yet_to_follow_is_done_where_they_enter(
    store: Store, other: Store, action: str
) -> None:
    """A store may be left in the middle of a long chore."""
    job_id = await open_album(store, 2 * PAGE)
    if action == "retry":
        await store.cancel(job_id)
        await sweep_all(store)
    await getattr(store, action)(job_id)

    await carry(store, other, job_id)

    assert len(await claim_all(other)) == (2 * PAGE if action == "retry" else 0)
    if action == "cancel":
        await other.retry(job_id)
        await sweep_all(other)
        assert len(await claim_all(other)) == 2 * PAGE
