"""Names: what a task reserves in the library, and the titles that a claim fills in."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    DONE,
    LEASE_MS,
    NO_LIMITS,
    PUBLICATION,
    claim,
    claim_one,
    complete,
    delay,
    fail,
    new_id,
    open_album,
    stall,
    submit,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import SECOND, FakeClock
from tonearm.model import Cancelled, Claim, JobSpec, JobType, Mark, Phase, Quality, Released, Reserved, Submission
from tonearm.store.base import Store

NAME, KEY = "Artist/Album/01 Title", "artist/album/01 title"


async def two(store: Store) -> tuple[Claim, Claim]:
    """Two tasks running at once."""
    await submit(store, track("ann"), track("bob"))
    one, other = await claim(store, tracks=2)
    return one, other


async def test_a_name_belongs_to_the_first_that_reserves_it(store: Store) -> None:
    """The second is told no, the first hears yes as often as it asks."""
    one, other = await two(store)

    assert await store.reserve(one, NAME, KEY) is Reserved.OWN
    assert await store.reserve(one, NAME, KEY) is Reserved.OWN
    assert await store.reserve(other, NAME, KEY) is Reserved.TAKEN
    assert await store.reserve(other, f"{NAME} (2)", f"{KEY} (2)") is Reserved.OWN


async def test_names_are_compared_by_their_folded_key(store: Store) -> None:
    """Two spellings of one file to some file systems are one name."""
    one, other = await two(store)
    await store.reserve(one, NAME, KEY)

    assert await store.reserve(other, NAME.upper(), KEY) is Reserved.TAKEN


async def test_a_task_has_one_reservation(store: Store) -> None:
    """Another one replaces it, and the first is free again."""
    one, other = await two(store)
    await store.reserve(one, NAME, KEY)
    assert await store.reserve(one, "Another", "another") is Reserved.OWN

    assert await store.reserve(other, NAME, KEY) is Reserved.OWN
    assert await store.reserve(other, "Another", "another") is Reserved.TAKEN


async def test_every_attempt_of_a_task_gets_the_same_name(store: Store, clock: FakeClock) -> None:
    """Through a retry, a release and a crash; meanwhile nobody else gets it."""
    one, other = await two(store)
    assert one.reserved is None
    await store.reserve(one, NAME, KEY)
    await delay(store, one)
    clock.advance(5 * SECOND)
    again = await claim_one(store)
    assert (again.task_id, again.reserved) == (one.task_id, NAME)
    await store.settle(again, Released("stop"))
    again = await claim_one(store, "w2")
    assert again.reserved == NAME
    await stall(store, "w2")
    again = await claim_one(store)
    assert again.reserved == NAME

    assert await store.reserve(other, NAME, KEY) is Reserved.TAKEN
    assert await store.reserve(again, NAME, KEY) is Reserved.OWN


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "deleted"])
async def test_a_final_task_holds_no_name(store: Store, end: str) -> None:
    """The next one may have it; what lies in the library is the library's to know."""
    one, other = await two(store)
    await store.reserve(one, NAME, KEY)
    if end == "completed":
        await complete(store, one)
    elif end == "failed":
        await fail(store, one)
    elif end == "cancelled":
        await store.cancel(one.job_id)
        await store.settle(one, Cancelled())
    else:
        await store.delete(one.job_id)

    assert await store.reserve(other, NAME, KEY) is Reserved.OWN


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_two_tracks_of_one_album_never_get_one_name(store: Store, end: str) -> None:
    """Also when the first is final before the second asks, which would replace its file."""
    await open_album(store, 2)
    one, two_ = await claim(store, tracks=2)
    assert await store.reserve(one, NAME, KEY) is Reserved.OWN
    await (complete(store, one) if end == "completed" else fail(store, one))

    assert await store.reserve(two_, NAME, KEY) is Reserved.TAKEN
    assert await store.reserve(two_, f"{NAME} (2)", f"{KEY} (2)") is Reserved.OWN


@pytest.mark.parametrize("end", ["completed", "partial", "failed", "cancelled"])
async def test_the_tracks_of_a_final_album_hold_no_name(store: Store, end: str) -> None:
    """Whatever became of them."""
    job_id = await open_album(store, 2)
    one, two_ = await claim(store, tracks=2)
    await store.reserve(one, NAME, KEY)
    await store.reserve(two_, f"{NAME} (2)", f"{KEY} (2)")
    await (fail(store, one) if end == "failed" else complete(store, one))
    if end == "cancelled":
        await store.cancel(job_id)
        await store.settle(two_, Cancelled())
    else:
        await (complete(store, two_) if end == "completed" else fail(store, two_))
    assert (await store.job(job_id)).state.final
    await submit(store, track(), track())
    three, four = await claim(store, tracks=2)

    assert await store.reserve(three, NAME, KEY) is Reserved.OWN
    assert await store.reserve(four, f"{NAME} (2)", f"{KEY} (2)") is Reserved.OWN


async def test_a_retried_album_has_the_names_again_that_nobody_took(store: Store) -> None:
    """Its tracks still do not take one another's, and a name that was given to another job is lost to them."""
    job_id = await open_album(store, 3)
    claims = await claim(store, tracks=3)
    for number, one in enumerate(claims, 1):
        assert await store.reserve(one, f"{NAME} ({number})", f"{KEY} ({number})") is Reserved.OWN
        await (complete(store, one) if number == 1 else fail(store, one))
    await submit_track(store)
    other = await claim_one(store)
    assert await store.reserve(other, f"{NAME} (2)", f"{KEY} (2)") is Reserved.OWN
    await store.retry(job_id)
    again, last = await claim(store, tracks=2)

    assert (again.reserved, last.reserved) == (None, f"{NAME} (3)")
    assert await store.reserve(again, f"{NAME} (1)", f"{KEY} (1)") is Reserved.TAKEN
    assert await store.reserve(again, f"{NAME} (2)", f"{KEY} (2)") is Reserved.TAKEN


async def test_a_track_that_still_publishes_keeps_its_name_in_a_cancelled_album(store: Store) -> None:
    """It had committed before the cancel; whoever wants the name asks again, and once it has arrived, it is free."""
    job_id = await open_album(store, 2)
    held = await claim_one(store)
    await store.reserve(held, NAME, KEY)
    await store.commit(held, PUBLICATION)
    await store.cancel(job_id)
    await submit_track(store)
    other = await claim_one(store)
    assert await store.reserve(other, NAME, KEY) is Reserved.LEAVING
    await store.settle(held, DONE)

    assert await store.reserve(other, NAME, KEY) is Reserved.OWN


@pytest.mark.parametrize("kind", ["track", "album"])
@pytest.mark.parametrize("end", ["settled", "lease over", "recovered"])
async def test_a_deleted_task_that_still_publishes_keeps_its_name(
    store: Store, clock: FakeClock, kind: str, end: str
) -> None:
    """The same thing submitted again waits for it, and neither meets its file halfway nor takes another name."""
    job_id = await (submit_track(store) if kind == "track" else open_album(store, 2))
    held = await claim_one(store)
    await store.reserve(held, NAME, KEY)
    await store.commit(held, PUBLICATION)
    await store.delete(job_id)
    await submit_track(store)
    other = await claim_one(store, "w2")
    for _ in range(2):
        assert await store.reserve(other, NAME, KEY) is Reserved.LEAVING
        assert await store.reserve(other, f"{NAME} (2)", f"{KEY} (2)") is Reserved.OWN
        await sweep_all(store)
    if end == "settled":
        await store.settle(held, DONE)
    elif end == "recovered":
        await stall(store, "w1")
    else:
        clock.advance(LEASE_MS - 1)
        assert await store.renew("w2", {other.token: Mark(Phase.TRANSFER)}, LEASE_MS) == frozenset()
        assert await store.reserve(other, NAME, KEY) is Reserved.LEAVING
        clock.advance(1)
        await sweep_all(store)

    assert await store.reserve(other, NAME, KEY) is Reserved.OWN


async def test_a_deleted_task_that_never_committed_holds_no_name(store: Store) -> None:
    """It cannot commit any more, so the name is free although its worker has not stopped yet."""
    job_id = await open_album(store, 2)
    held = await claim_one(store)
    await store.reserve(held, NAME, KEY)
    await store.delete(job_id)
    await submit_track(store)

    assert await store.reserve(await claim_one(store, "w2"), NAME, KEY) is Reserved.OWN


async def test_the_names_of_a_deleted_albums_tracks_are_freed(store: Store) -> None:
    """At the latest when the sweep has removed them."""
    job_id = await open_album(store, 1)
    held = await claim_one(store)
    await store.reserve(held, NAME, KEY)
    await store.delete(job_id)
    await sweep_all(store)
    await submit_track(store)

    assert await store.reserve(await claim_one(store), NAME, KEY) is Reserved.OWN


async def test_the_names_of_a_cancelled_albums_waiting_tracks_are_freed(store: Store) -> None:
    """At the latest when the sweep has settled them."""
    job_id = await open_album(store, 1)
    held = await claim_one(store)
    await store.reserve(held, NAME, KEY)
    await store.settle(held, Released("stop"))
    await store.cancel(job_id)
    await sweep_all(store)
    await submit_track(store)

    assert await store.reserve(await claim_one(store), NAME, KEY) is Reserved.OWN


async def test_describe_fills_in_only_what_was_left_out(store: Store) -> None:
    """What the client said stays; again is harmless."""
    spec = JobSpec(JobType.TRACK, 5, Quality.LOW, track_title="Mine")
    job_id = new_id()
    await store.submit(Submission(job_id, "ann", spec), NO_LIMITS)
    held = await claim_one(store)
    for _ in range(2):
        await store.describe(held, title="Theirs", artist="Artist", album="Album")

    got = (await store.job(job_id)).spec
    assert (got.track_title, got.artist_name, got.album_title) == ("Mine", "Artist", "Album")
    await store.settle(held, Released("stop"))
    assert (await claim_one(store)).spec == got
