"""Albums: one entry in the queue whatever the number of tracks, settled by its last one."""

from __future__ import annotations

from contextlib import suppress

from tests.contract.steps import (
    TIMEOUT,
    album,
    album_tracks,
    claim,
    claim_album,
    claim_all,
    claim_one,
    complete,
    expand,
    fail,
    info_of,
    listed_tracks,
    look,
    open_album,
    state_of,
    submit,
    submit_album,
    sweep_all,
)
from tonearm.errors import FailureCode, LeaseLost
from tonearm.model import (
    AlbumInfo,
    AlbumOutcome,
    AlbumTrack,
    Completed,
    Failure,
    JobSpec,
    JobType,
    Quality,
    Released,
    Retry,
    State,
    Submission,
)
from tonearm.store.base import PAGE, Store


async def test_resolving_is_active_and_then_waits_for_the_tracks(store: Store) -> None:
    """Ready, active, waiting; the claim has ended with the last page."""
    job_id = await submit_album(store)
    assert await state_of(store, job_id) is State.READY
    held = await claim_album(store)
    assert await state_of(store, job_id) is State.ACTIVE
    await expand(store, held, 3)

    record = await store.job(job_id)
    assert (record.state, record.track_count, record.completed_tracks) == (State.WAITING, 3, 0)
    before = await look(store)
    with suppress(LeaseLost):
        await store.settle(held, Released("stop"))
    assert await look(store) == before


async def test_no_track_is_claimed_before_the_list_is_whole(store: Store) -> None:
    """Pages before the last one are not handed out."""
    await submit_album(store)
    held = await claim_album(store)
    await store.expand(held, info_of(held, 4), 1, album_tracks(2), last=False)
    assert await claim(store, tracks=5) == ()
    await store.expand(held, info_of(held, 4), 3, album_tracks(2, 3), last=True)

    assert [one.position for one in await claim(store, tracks=5)] == [1, 2, 3, 4]


async def test_every_page_may_be_said_again(store: Store) -> None:
    """A repeated page, the last one included, adds nothing."""
    job_id = await submit_album(store)
    held = await claim_album(store)
    info = info_of(held, 4)
    for _ in range(2):
        await store.expand(held, info, 1, album_tracks(2), last=False)
    await store.expand(held, info, 3, album_tracks(2, 3), last=True)
    before = await look(store)
    await store.expand(held, info, 3, album_tracks(2, 3), last=True)

    assert await look(store) == before
    assert (await store.job(job_id)).track_count == 4
    assert [one.position for one in await claim_all(store)] == [1, 2, 3, 4]


async def test_an_earlier_longer_resolving_leaves_nothing_behind(store: Store) -> None:
    """The catalog's list has become shorter and other; only the new one counts."""
    job_id = await submit_album(store)
    first = await claim_album(store)
    await store.expand(first, info_of(first, 9), 1, album_tracks(9), last=False)
    await store.settle(first, Released("stop"))
    second = await claim_album(store)
    lines = [AlbumTrack(77, "Other", track_number=1), AlbumTrack(78, "Else", track_number=2)]
    await store.expand(second, info_of(second, 2), 1, lines, last=True)

    assert (await store.job(job_id)).track_count == 2
    assert [one.spec.catalog_id for one in await claim_all(store)] == [77, 78]
    await sweep_all(store)
    assert [one.track_title for one in await listed_tracks(store, job_id)] == ["Other", "Else"]


async def test_titles_that_were_left_out_come_from_the_catalog(store: Store) -> None:
    """What the client said stays."""
    job_id = await submit_album(store)
    await expand(store, await claim_album(store), 1)
    spec = (await store.job(job_id)).spec
    assert (spec.album_title, spec.artist_name) == ("The Album", "The Artist")

    said = Submission("job-1-said", "bob", JobSpec(JobType.ALBUM, 5, Quality.LOW, album_title="Mine"))
    await submit(store, said)
    await expand(store, await claim_album(store), 1)
    spec = (await store.job(said.id)).spec
    assert (spec.album_title, spec.artist_name) == ("Mine", "The Artist")


async def test_a_resolved_albums_retries_are_those_of_its_tracks(store: Store) -> None:
    """What resolving it cost is over when the list is there."""
    job_id = await submit_album(store)
    await store.settle(await claim_album(store), Retry(TIMEOUT, 0))
    again = await claim_album(store)
    assert again.retry_count == 1
    await expand(store, again, 2)
    await store.settle(await claim_one(store), Retry(TIMEOUT, 0))

    assert (await store.job(job_id)).retry_count == 1


async def test_an_album_without_tracks_fails(store: Store) -> None:
    """`not_found`, "Album has no tracks"; and again is harmless."""
    job_id = await submit_album(store)
    held = await claim_album(store)
    await expand(store, held, 0)
    before = await look(store)
    await expand(store, held, 0)

    record = await store.job(job_id)
    assert (record.state, record.failure_code) == (State.FAILED, FailureCode.NOT_FOUND)
    assert (record.error, record.track_count) == ("Album has no tracks", 0)
    assert await look(store) == before


async def test_an_album_without_tracks_is_resolved_again_by_a_retry(store: Store) -> None:
    """It would wait for ever otherwise."""
    job_id = await submit_album(store)
    await expand(store, await claim_album(store), 0)
    await store.retry(job_id)

    await expand(store, await claim_album(store), 1)
    await complete(store, await claim_one(store))
    assert await state_of(store, job_id) is State.COMPLETED


async def test_an_album_of_one_track_completes_with_it(store: Store) -> None:
    """The smallest album."""
    job_id = await open_album(store, 1)
    await complete(store, await claim_one(store))

    record = await store.job(job_id)
    assert (record.state, record.outcome, record.progress) == (State.COMPLETED, AlbumOutcome.OK, 1.0)
    assert (record.completed_tracks, record.failed_count, record.file_count) == (1, 0, 1)


async def test_a_whole_album_adds_up_its_tracks(store: Store) -> None:
    """Files in order, sizes, retries; completed with the last one and not before."""
    job_id = await open_album(store, 3)
    held = await claim(store, tracks=3)
    await store.settle(held[0], Retry(TIMEOUT, 0))
    for one in (held[2], held[1]):
        await complete(store, one, Completed((f"{one.position}.flac",), 1_000, 10))
    assert await state_of(store, job_id) is State.WAITING
    await complete(store, await claim_one(store), Completed(("1.flac",), 1_000, 10))

    record = await store.job(job_id)
    assert (record.state, record.outcome, record.error) == (State.COMPLETED, AlbumOutcome.OK, None)
    assert (record.files, record.size, record.retry_count) == (("1.flac", "2.flac", "3.flac"), 3_000, 1)
    assert (await store.counts()).completed == 1


async def test_an_album_that_misses_some_is_completed_and_names_each(store: Store) -> None:
    """Partial, with text, code and attempts of every missing track."""
    job_id = await open_album(store, 12)
    for one in await claim_all(store):
        if one.position == 3:
            await store.settle(one, Retry(TIMEOUT, 0))
            await fail(store, await claim_one(store), TIMEOUT)
        elif one.position == 7:
            await fail(store, one)
        else:
            await complete(store, one)

    record = await store.job(job_id)
    assert (record.state, record.outcome) == (State.COMPLETED, AlbumOutcome.PARTIAL)
    assert record.error == "2 of 12 tracks failed: 03 Title 3, 07 Title 7"
    assert (record.completed_tracks, record.failed_count, record.file_count) == (10, 2, 10)
    missing = [(m.track_id, m.track_title, m.error, m.code, m.attempts) for m in record.failed_tracks]
    assert missing == [
        (10_003, "Title 3", TIMEOUT.message, FailureCode.TIMEOUT, 2),
        (10_007, "Title 7", "Track not found", FailureCode.NOT_FOUND, 1),
    ]


async def test_an_album_of_which_nothing_came_is_failed(store: Store) -> None:
    """All tracks failed."""
    job_id = await open_album(store, 2)
    for one in await claim_all(store):
        await fail(store, one)

    record = await store.job(job_id)
    assert (record.state, record.error, record.failed_count) == (State.FAILED, "All tracks failed", 2)
    assert record.failure_code is not None


async def test_an_album_of_five_thousand_tracks_is_taken_in_and_settled_in_bounded_steps(store: Store) -> None:
    """Pages in, one entry in the queue, tracks by keyset, deleted in pages."""
    job_id = await open_album(store, 5_000)
    record = await store.job(job_id)
    assert (record.track_count, len(record.track_progress)) == (5_000, 1_000)
    assert [one.position for one in await claim(store, tracks=4)] == [1, 2, 3, 4]
    seen = [one.track_id for one in await listed_tracks(store, job_id, limit=500)]
    assert seen == list(range(10_001, 15_001))
    await store.delete(job_id)
    assert await claim(store, tracks=1) == ()

    steps = [await store.sweep()]
    while steps[-1].more:
        steps.append(await store.sweep())
    assert max(step.children for step in steps) <= PAGE
    assert 5_000 - PAGE <= sum(step.children for step in steps) <= 5_000


async def test_an_album_spreads_over_workers(store: Store) -> None:
    """Two workers take turns on one album, and either may bring it to its end."""
    job_id = await open_album(store, 4)
    first = await claim(store, "w1", tracks=2)
    second = await claim(store, "w2", tracks=2)
    for one in (*second, *first):
        await complete(store, one)

    assert await state_of(store, job_id) is State.COMPLETED


async def test_the_progress_of_an_album_is_that_of_its_tracks(store: Store) -> None:
    """Half of the tracks done reads as half; each track tells its own state."""
    job_id = await open_album(store, 4)
    one, two, _three = await claim(store, tracks=3)
    await complete(store, one)
    await fail(store, two, Failure(FailureCode.AUTH, "Key refused"))

    record = await store.job(job_id)
    assert 0.0 < record.progress < 1.0
    told = [(t.track_id, t.track_title, t.status, t.error) for t in record.track_progress]
    assert told == [
        (10_001, "Title 1", "completed", None),
        (10_002, "Title 2", "failed", "Key refused"),
        (10_003, "Title 3", "downloading", None),
        (10_004, "Title 4", "pending", None),
    ]
    assert list(record.track_progress) == await listed_tracks(store, job_id)


async def test_the_description_of_an_album_travels_whole(store: Store) -> None:
    """Every field of the catalog's answer reaches the tracks' claims."""
    await submit(store, album())
    held = await claim_album(store)
    info = AlbumInfo(held.spec.catalog_id, "T", "A", "AA", 1999, 2, "http://catalog/cover", 1)
    await store.expand(held, info, 1, album_tracks(1), last=True)

    assert (await claim_one(store)).album == info
