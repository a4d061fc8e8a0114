"""Albums whose catalog announces more tracks than it lists: they never end as whole, and a retry asks it again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.contract.steps import (
    NOT_FOUND,
    TIMEOUT,
    album_tracks,
    claim,
    claim_album,
    claim_all,
    claim_one,
    complete,
    delay,
    expand,
    fail,
    info_of,
    listed_tracks,
    state_of,
    submit_album,
    sweep_all,
)
from tests.support.clock import MINUTE, FakeClock
from tonearm.errors import FailureCode, WrongState
from tonearm.model import AlbumOutcome, AlbumTrack, Cancelled, Claim, Failed, Reserved, Retry, State
from tonearm.store.base import PAGE, Store

ONE_MORE = "; 1 more was announced but not listed by the catalog"
TWO_MORE = "; 2 more were announced but not listed by the catalog"


async def enter(store: Store, resolving: Claim, listed: int, announced: int) -> None:
    """Enter a list of so many tracks, of which more, or fewer, were announced."""
    await store.expand(resolving, info_of(resolving, announced), 1, album_tracks(listed), last=True)


async def open_short(store: Store, listed: int, announced: int) -> str:
    """Submit an album and resolve it to a list that is shorter, or longer, than it was announced."""
    job_id = await submit_album(store)
    await enter(store, await claim_album(store), listed, announced)
    return job_id


@pytest.mark.parametrize(
    ("announced", "failing", "outcome", "error"),
    [
        (4, 0, AlbumOutcome.PARTIAL, "1 of 4 tracks was announced but not listed by the catalog"),
        (9, 0, AlbumOutcome.PARTIAL, "6 of 9 tracks were announced but not listed by the catalog"),
        (4, 2, AlbumOutcome.PARTIAL, f"2 of 3 tracks failed: 01 Title 1, 02 Title 2{ONE_MORE}"),
        (5, 1, AlbumOutcome.PARTIAL, f"1 of 3 tracks failed: 01 Title 1{TWO_MORE}"),
        (4, 3, None, "All tracks failed"),
        (3, 0, AlbumOutcome.OK, None),
        (2, 0, AlbumOutcome.OK, None),
        (0, 0, AlbumOutcome.OK, None),
    ],
)
async def test_an_album_is_whole_only_if_all_that_was_announced_arrived(
    store: Store, announced: int, failing: int, outcome: AlbumOutcome | None, error: str | None
) -> None:
    """Three tracks are listed; where that is more than was announced, the list counts."""
    job_id = await open_short(store, 3, announced)
    for number, held in enumerate(await claim(store, tracks=3)):
        await (fail(store, held) if number < failing else complete(store, held))

    record = await store.job(job_id)
    assert record.state is (State.FAILED if outcome is None else State.COMPLETED)
    assert (record.outcome, record.error) == (outcome, error)
    assert (record.track_count, record.completed_tracks, record.failed_count) == (3, 3 - failing, failing)


async def test_an_album_of_which_nothing_is_listed_says_what_was_announced(store: Store) -> None:
    """It has failed as one without tracks has; its history knows more."""
    job_id = await open_short(store, 0, 3)

    record = await store.job(job_id)
    assert (record.state, record.failure_code) == (State.FAILED, FailureCode.NOT_FOUND)
    assert record.error == "Album has no tracks"
    assert record.history[-1].message == "Album has no tracks (3 announced)"


async def test_the_text_stays_short_however_many_tracks_are_missing(store: Store) -> None:
    """What was not listed is said in any case."""
    job_id = await submit_album(store)
    resolving = await claim_album(store)
    await store.expand(resolving, info_of(resolving, PAGE + 1), 1, album_tracks(PAGE), last=True)
    done, *rest = await claim_all(store)
    await complete(store, done)
    for held in rest:
        await fail(store, held)

    error = (await store.job(job_id)).error
    assert error is not None
    assert len(error) <= 500
    assert error.endswith(f"more{ONE_MORE}")


async def test_a_retry_asks_for_the_list_again_and_keeps_what_arrived(store: Store) -> None:
    """What has the same place and catalog id stays; what has not begins anew, and so does what failed."""
    job_id = await open_short(store, 3, 4)
    one, two, three = await claim(store, tracks=3)
    await complete(store, one)
    await complete(store, two)
    await fail(store, three)
    await store.retry(job_id)
    assert await state_of(store, job_id) is State.READY
    assert await claim(store, tracks=9) == ()
    assert [track.status for track in await listed_tracks(store, job_id)] == ["completed", "completed", "pending"]

    resolving = await claim_album(store)
    assert (resolving.job_id, resolving.retry_count) == (job_id, 0)
    lines = album_tracks(4)
    lines[1] = AlbumTrack(777, "Other", track_number=2)
    await store.expand(resolving, info_of(resolving, 4), 1, lines, last=True)
    held = await claim(store, tracks=9)
    assert [(each.position, each.spec.catalog_id) for each in held] == [(2, 777), (3, 10_003), (4, 10_004)]
    assert [each.previous for each in held] == [None, None, None]
    for each in held:
        await complete(store, each)

    record = await store.job(job_id)
    assert (record.state, record.outcome, record.error) == (State.COMPLETED, AlbumOutcome.OK, None)
    assert (record.track_count, record.completed_tracks, record.file_count) == (4, 4, 4)


async def test_a_list_that_became_shorter_counts(store: Store) -> None:
    """What is not listed any more is gone from the record; a place that comes back later begins with a new epoch."""
    job_id = await open_short(store, 3, 4)
    one, two, three = await claim(store, tracks=3)
    await complete(store, one)
    await complete(store, two)
    await fail(store, three)
    for listed, announced in ((1, 4), (3, 3)):
        await store.retry(job_id)
        await enter(store, await claim_album(store), listed, announced)
        await sweep_all(store)
        assert (await store.job(job_id)).track_count == listed
    held = await claim(store, tracks=9)
    assert [each.position for each in held] == [2, 3]
    assert min(each.epoch for each in held) > max(two.epoch, three.epoch)
    for each in held:
        await complete(store, each)

    assert (await store.job(job_id)).outcome is AlbumOutcome.OK


@pytest.mark.parametrize("how", ["failed", "empty"])
async def test_an_album_whose_list_cannot_be_had_again_keeps_the_one_it_had(store: Store, how: str) -> None:
    """What arrived does not become a failure because the catalog is gone; what failed is still tried again."""
    job_id = await open_short(store, 2, 3)
    one, two = await claim(store, tracks=2)
    await complete(store, one)
    await fail(store, two)
    await store.retry(job_id)
    resolving = await claim_album(store)
    if how == "empty":
        await enter(store, resolving, 0, 3)
    else:
        await store.settle(resolving, NOT_FOUND)
    record = await store.job(job_id)
    assert (record.state, record.track_count) == (State.WAITING, 2)
    entry = record.history[-1]
    assert (entry.event, entry.attempt, entry.code) == ("failed", 1, FailureCode.NOT_FOUND)
    assert record.last_error == entry.message
    await complete(store, await claim_one(store))

    record = await store.job(job_id)
    assert (record.state, record.outcome) == (State.COMPLETED, AlbumOutcome.PARTIAL)
    assert record.error == "1 of 3 tracks was announced but not listed by the catalog"


async def test_an_album_of_which_only_the_unlisted_misses_ends_at_once_where_the_list_cannot_be_had(
    store: Store,
) -> None:
    """There is nothing to wait for; asked again later, it can become whole."""
    job_id = await open_short(store, 1, 2)
    await complete(store, await claim_one(store))
    await store.retry(job_id)
    await store.settle(await claim_album(store), Failed(TIMEOUT))
    record = await store.job(job_id)
    assert (record.state, record.outcome) == (State.COMPLETED, AlbumOutcome.PARTIAL)

    await store.retry(job_id)
    await enter(store, await claim_album(store), 1, 1)
    record = await store.job(job_id)
    assert (record.state, record.outcome, record.error) == (State.COMPLETED, AlbumOutcome.OK, None)
    with pytest.raises(WrongState):
        await store.retry(job_id)


async def test_the_retries_of_resolving_again_do_not_count_as_those_of_the_tracks(
    store: Store, clock: FakeClock
) -> None:
    """An album's count is the sum of its tracks'; each list is asked for with all its retries."""
    job_id = await open_short(store, 2, 3)
    one, two = await claim(store, tracks=2)
    await complete(store, one)
    for _ in range(3):
        await delay(store, two)
        clock.advance(MINUTE)
        two = await claim_one(store)
    await complete(store, two)
    assert (await store.job(job_id)).retry_count == 3
    await store.retry(job_id)
    for count in range(3):
        resolving = await claim_album(store)
        assert resolving.retry_count == count
        await store.settle(resolving, Retry(TIMEOUT, 1_000))
        clock.advance(MINUTE)
    await enter(store, await claim_album(store), 2, 3)

    assert (await store.job(job_id)).retry_count == 3


async def test_a_pause_or_cancel_while_the_list_is_asked_for_again_holds(store: Store) -> None:
    """Paused it waits as it came; cancelled it keeps what had arrived, and can be retried once more."""
    job_id = await open_short(store, 2, 3)
    one, two = await claim(store, tracks=2)
    await complete(store, one)
    await fail(store, two)
    await store.retry(job_id)
    await store.pause(job_id)
    assert await claim(store, tracks=9, albums=9) == ()
    await store.resume(job_id)
    resolving = await claim_album(store)
    await store.cancel(job_id)
    await store.settle(resolving, Cancelled())
    await sweep_all(store)
    record = await store.job(job_id)
    assert (record.state, record.completed_tracks, record.file_count) == (State.CANCELLED, 1, 1)

    await store.retry(job_id)
    await enter(store, await claim_album(store), 3, 3)
    assert [each.position for each in await claim(store, tracks=9)] == [2, 3]


async def test_a_large_album_is_listed_again_in_pages(store: Store) -> None:
    """While its tracks follow the retry in pages of their own."""
    job_id = await submit_album(store)
    resolving = await claim_album(store)
    count = 2 * PAGE + 50
    for start in range(1, count, PAGE):
        page = album_tracks(min(PAGE, count - start + 1), start)
        await store.expand(resolving, info_of(resolving, count + 1), start, page, last=start + PAGE > count)
    first, *rest = await claim_all(store)
    await complete(store, first)
    for held in rest:
        await fail(store, held)
    await store.retry(job_id)
    await expand(store, await claim_album(store), count + 1)
    await sweep_all(store)

    assert len(await claim_all(store)) == count
    assert (await store.job(job_id)).track_count == count + 1


async def test_a_track_that_moved_in_the_list_gets_the_name_that_it_had(store: Store) -> None:
    """The place of a track that the list lacked goes to that one, and the name with it that the place had reserved."""
    job_id = await submit_album(store)
    await expand_with(store, await claim_album(store), (1, 2, 4), announced=4)
    for track in await claim(store, tracks=3):
        assert await reserve_own(store, track) is Reserved.OWN
        await complete(store, track)
    await store.retry(job_id)
    await expand_with(store, await claim_album(store), (1, 2, 3, 4), announced=4)

    third, fourth = await claim(store, tracks=3)
    assert (third.spec.catalog_id, fourth.spec.catalog_id) == (3, 4)
    assert await reserve_own(store, fourth) is Reserved.OWN
    assert await reserve_own(store, third) is Reserved.OWN


async def test_an_album_that_is_cancelled_while_its_list_is_asked_for_again_keeps_the_one_that_it_had(
    store: Store,
) -> None:
    """Also where the new list would have been empty: what arrived is still counted."""
    job_id = await open_short(store, 2, 4)
    for track in await claim(store, tracks=2):
        await complete(store, track)
    await store.retry(job_id)
    resolving = await claim_album(store)
    await store.cancel(job_id)
    await enter(store, resolving, 0, 4)

    record = await store.job(job_id)
    assert (record.state, record.track_count, record.completed_tracks) == (State.CANCELLED, 2, 2)
    await store.retry(job_id)
    await enter(store, await claim_album(store), 2, 2)
    assert (await store.job(job_id)).outcome is AlbumOutcome.OK


async def expand_with(store: Store, resolving: Claim, ids: Sequence[int], *, announced: int) -> None:
    """Enter a list of just these tracks."""
    tracks = [AlbumTrack(id=number, title=f"Title {number}", track_number=number) for number in ids]
    await store.expand(resolving, info_of(resolving, announced), 1, tracks, last=True)


async def reserve_own(store: Store, track: Claim) -> Reserved:
    """Ask for the name that the track has by its own number."""
    name = f"A/{track.spec.catalog_id:02} Title"
    return await store.reserve(track, name, name.casefold())


@pytest.mark.parametrize("gone", [False, True], ids=["said", "worker gone"])
async def test_a_cancel_amid_a_new_list_takes_back_what_it_had_brought(
    store: Store, clock: FakeClock, *, gone: bool
) -> None:
    """The tracks of its first page are no part of the album, whether its worker said that it stopped, or died."""
    job_id = await open_short(store, 2, 5)
    for one in await claim_all(store):
        await complete(store, one)
    await store.retry(job_id)
    again = await claim_album(store)
    await store.expand(again, info_of(again, 5), 1, album_tracks(4), last=False)
    await store.cancel(job_id)
    if gone:
        clock.advance(2 * MINUTE)
        await sweep_all(store)
    else:
        await store.settle(again, Cancelled())

    assert await state_of(store, job_id) is State.CANCELLED
    assert len(await listed_tracks(store, job_id)) == 2
    assert await store.audit() == ()
