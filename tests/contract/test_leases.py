"""Leases and tokens: who holds a task, for how long, and how everybody else is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.contract.steps import (
    DONE,
    LEASE_MS,
    NOT_FOUND,
    PUBLICATION,
    TIMEOUT,
    album_tracks,
    at,
    claim,
    claim_album,
    claim_one,
    complete,
    info_of,
    job_in,
    look,
    open_album,
    stall,
    state_of,
    submit,
    submit_album,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import FakeClock
from tonearm.errors import LeaseLost
from tonearm.model import Cancelled, Claim, Mark, Outcome, Paused, Phase, Released, Retry, State
from tonearm.store.base import Store

Write = Callable[[Store, Claim], Awaitable[object]]


def settling(outcome: Outcome) -> Write:
    """Settle with *outcome*."""

    async def write(store: Store, held: Claim) -> None:
        await store.settle(held, outcome, at(Phase.TRANSFER, 1))

    return write


async def _describe(store: Store, held: Claim) -> None:
    await store.describe(held, title="T", artist="A", album="B")


async def _reserve(store: Store, held: Claim) -> None:
    await store.reserve(held, "Artist/Album/01 Title", "artist/album/01 title")


async def _commit(store: Store, held: Claim) -> None:
    await store.commit(held, PUBLICATION)


async def _expand(store: Store, held: Claim) -> None:
    await store.expand(held, info_of(held, 2), 1, album_tracks(2), last=True)


async def _renew(store: Store, held: Claim) -> None:
    if held.token in await store.renew(held.worker, {held.token: at(Phase.TRANSFER, 1)}, LEASE_MS):
        raise LeaseLost


TRACK_WRITES: dict[str, Write] = {
    "renew": _renew,
    "describe": _describe,
    "reserve": _reserve,
    "commit": _commit,
    "completed": settling(DONE),
    "failed": settling(NOT_FOUND),
    "retry": settling(Retry(TIMEOUT, 1_000)),
    "released": settling(Released("stop")),
    "cancelled": settling(Cancelled()),
    "paused": settling(Paused()),
}
ALBUM_WRITES: dict[str, Write] = {"renew": _renew, "expand": _expand, "failed": settling(NOT_FOUND)}


@pytest.mark.parametrize("name", list(TRACK_WRITES))
async def test_a_worker_whose_lease_was_swept_cannot_write(store: Store, clock: FakeClock, name: str) -> None:
    """The token of an old claim is refused by every write, and the new holder notices nothing."""
    await submit_track(store)
    old = await claim_one(store, "w1")
    clock.advance(LEASE_MS)
    await sweep_all(store)
    new = await claim_one(store, "w2")
    before = await look(store)

    with pytest.raises(LeaseLost):
        await TRACK_WRITES[name](store, old)

    assert await look(store) == before
    await complete(store, new)


@pytest.mark.parametrize("name", list(TRACK_WRITES))
async def test_a_swept_lease_is_refused_before_anybody_claims_again(store: Store, clock: FakeClock, name: str) -> None:
    """Between the sweep and the next claim nobody holds the task."""
    await submit_track(store)
    old = await claim_one(store)
    clock.advance(LEASE_MS)
    await sweep_all(store)
    before = await look(store)

    with pytest.raises(LeaseLost):
        await TRACK_WRITES[name](store, old)
    assert await look(store) == before


@pytest.mark.parametrize("name", list(TRACK_WRITES))
@pytest.mark.parametrize("kind", ["track", "album"])
async def test_a_deleted_job_takes_nothing_from_its_worker_but_the_end(store: Store, kind: str, name: str) -> None:
    """At once, before the sweep has come to the track of an album, and after it; and nothing of it is seen."""
    job_id = await (submit_track(store) if kind == "track" else open_album(store, 3))
    held = await claim_one(store)
    await store.delete(job_id)
    before = await look(store)

    for _ in range(2):
        if name in ("describe", "reserve", "commit"):
            with pytest.raises(LeaseLost):
                await TRACK_WRITES[name](store, held)
        else:
            await TRACK_WRITES[name](store, held)
        assert await look(store) == before
        await sweep_all(store)
    for claim_ in forged(held):
        with pytest.raises(LeaseLost):
            await TRACK_WRITES[name](store, claim_)


def forged(held: Claim) -> list[Claim]:
    """Tokens that resemble the current one of *held*."""
    epoch, _, secret = held.token.partition(":")
    wrong = [
        f"{epoch}:{'0' * len(secret)}",
        f"{int(epoch) + 1}:{secret}",
        f"{epoch}:",
        f"{epoch}:{secret}x",
        secret,
        "",
    ]
    return [replace(held, token=token) for token in wrong]


@pytest.mark.parametrize("name", list(TRACK_WRITES))
async def test_a_token_is_compared_whole(store: Store, name: str) -> None:
    """The right epoch with another secret, or the right secret with another epoch, is no token."""
    await submit_track(store)
    held = await claim_one(store)
    before = await look(store)

    for claim_ in forged(held):
        with pytest.raises(LeaseLost):
            await TRACK_WRITES[name](store, claim_)

    assert await look(store) == before
    await complete(store, held)


@pytest.mark.parametrize("name", list(TRACK_WRITES))
async def test_the_token_of_one_task_opens_no_other(store: Store, name: str) -> None:
    """A current token beside the wrong task is refused (or, where only the token counts, moves its own task alone)."""
    await submit(store, track(), track())
    mine, other = await claim(store, tracks=2)
    crossed = replace(other, token=mine.token)
    theirs = await store.job(other.job_id)

    with suppress(LeaseLost):
        await TRACK_WRITES[name](store, crossed)

    assert await store.job(other.job_id) == theirs


@pytest.mark.parametrize("name", list(ALBUM_WRITES))
async def test_a_resolver_whose_lease_was_lost_cannot_write(store: Store, clock: FakeClock, name: str) -> None:
    """Resolving an album is fenced like a transfer: after a sweep and a new claim."""
    await submit_album(store)
    old = await claim_album(store, "w1")
    clock.advance(LEASE_MS)
    await sweep_all(store)
    with pytest.raises(LeaseLost):
        await ALBUM_WRITES[name](store, old)
    new = await claim_album(store, "w2")
    for claim_ in (old, *forged(new)):
        with pytest.raises(LeaseLost):
            await ALBUM_WRITES[name](store, claim_)


@pytest.mark.parametrize("name", ["describe", "reserve", "commit"])
async def test_a_settled_claim_can_write_nothing_more(store: Store, name: str) -> None:
    """The end of a claim is its end."""
    await submit_track(store)
    held = await claim_one(store)
    await store.settle(held, Released("stop"))

    with pytest.raises(LeaseLost):
        await TRACK_WRITES[name](store, held)


async def test_a_lease_lasts_as_long_as_was_said(store: Store, clock: FakeClock) -> None:
    """Not a millisecond less, and no longer."""
    job_id = await submit_track(store)
    await claim_one(store)
    clock.advance(LEASE_MS - 1)
    assert await sweep_all(store) == 0
    clock.advance(1)

    assert await sweep_all(store) == 1
    assert await state_of(store, job_id) is State.READY


async def test_renewing_prolongs_from_now(store: Store, clock: FakeClock) -> None:
    """Each renewal gives the whole time again, for all tokens in one call."""
    await submit(store, track(), track())
    held = await claim(store, tracks=2)
    for _ in range(3):
        clock.advance(LEASE_MS - 1)
        assert await store.renew("w1", {one.token: at(Phase.TRANSFER) for one in held}, LEASE_MS) == frozenset()
        assert await sweep_all(store) == 0
    clock.advance(LEASE_MS)

    assert await sweep_all(store) == 2


async def test_renewing_names_the_tokens_that_are_lost(store: Store, clock: FakeClock) -> None:
    """And prolongs the others."""
    await submit_track(store)
    gone = await claim_one(store)
    await stall(store, "w1")
    await store.cancel(gone.job_id)
    await submit_track(store)
    kept = await claim_one(store)
    clock.advance(LEASE_MS - 1)

    marks = {gone.token: at(Phase.CLAIMED), kept.token: at(Phase.CLAIMED), "9:forged": at(Phase.CLAIMED)}
    assert await store.renew("w1", marks, LEASE_MS) == {gone.token, "9:forged"}
    clock.advance(LEASE_MS - 1)
    assert await sweep_all(store) == 0


async def test_a_renewal_shows_how_far_the_task_is(store: Store) -> None:
    """Bytes done and announced stand in the job."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    await store.renew("w1", {held.token: Mark(Phase.TRANSFER, 3_000, 10_000)}, LEASE_MS)

    record = await store.job(job_id)
    assert (record.bytes_downloaded, record.bytes_total) == (3_000, 10_000)
    assert record.progress == pytest.approx(0.3)


async def test_a_sweep_says_what_happened_in_the_history(store: Store, clock: FakeClock) -> None:
    """Recovered from crash."""
    job_id = await submit_track(store)
    await claim_one(store)
    clock.advance(LEASE_MS)
    await sweep_all(store)

    history = (await store.job(job_id)).history
    assert any("Recovered from crash" in (entry.event, entry.message) for entry in history)


async def test_two_sweeps_free_a_lease_once(store: Store, clock: FakeClock) -> None:
    """Several processes may sweep; the history says it once."""
    job_id = await submit_track(store)
    await claim_one(store)
    clock.advance(LEASE_MS)
    assert await sweep_all(store) == 1
    before = await store.job(job_id)

    assert await sweep_all(store) == 0
    assert await store.job(job_id) == before


async def test_recover_frees_the_dead_workers_leases_and_no_others(store: Store) -> None:
    """All of that worker's, counted, then none."""
    await submit(store, track(), track(), track())
    dead = await claim(store, "w1", tracks=2)
    (living,) = await claim(store, "w2", tracks=1)

    assert await store.recover("w1", {}, charge=True) == 2
    assert await store.recover("w1", {}, charge=True) == 0

    assert [await state_of(store, one.job_id) for one in dead] == [State.READY, State.READY]
    assert await state_of(store, living.job_id) is State.ACTIVE
    assert (await store.poll("w2", [living.token])).lost == frozenset()
    history = (await store.job(dead[0].job_id)).history
    assert any("Recovered from crash" in (entry.event, entry.message) for entry in history)


async def test_recover_is_bounded_and_comes_to_an_end(store: Store) -> None:
    """At most a page a call; call until nothing is left."""
    ids = await submit(store, *[track() for _ in range(230)])
    while await claim(store, "w1", tracks=50):
        pass

    freed = [await store.recover("w1", {}, charge=False)]
    while freed[-1]:
        freed.append(await store.recover("w1", {}, charge=False))

    assert max(freed) <= 200
    assert sum(freed) == len(ids)
    assert (await store.counts()).queued == len(ids)


async def test_a_recovered_resolver_leaves_the_album_ready(store: Store) -> None:
    """The next worker resolves it from the beginning."""
    job_id = await submit_album(store)
    held = await claim_album(store)
    await store.expand(held, info_of(held, 5), 1, album_tracks(2), last=False)
    await stall(store, "w1", charge=False)

    assert await state_of(store, job_id) is State.READY
    assert await claim(store, tracks=5) == ()
    assert (await claim_album(store)).job_id == job_id


async def test_a_recovered_task_that_was_to_be_cancelled_is_cancelled(store: Store) -> None:
    """A flag is honoured by the recovery when the worker cannot."""
    case = await job_in(store, State.ACTIVE)
    await store.cancel(case.job_id)
    await stall(store, "w1")

    assert await state_of(store, case.job_id) is State.CANCELLED


async def test_a_recovered_task_that_was_to_be_paused_is_paused(store: Store) -> None:
    """A flag is honoured by the recovery when the worker cannot."""
    case = await job_in(store, State.ACTIVE)
    await store.pause(case.job_id)
    await stall(store, "w1")

    assert await state_of(store, case.job_id) is State.PAUSED


async def test_living_names_unfinished_tasks_with_their_newest_epoch(store: Store) -> None:
    """For the janitor: what may keep its stage."""
    await open_album(store, 3)
    one, two, three = await claim(store, tracks=3)
    await complete(store, one)
    await store.settle(two, Released("stop"))
    again = await claim_one(store)
    idle = await submit_track(store)

    living = await store.living([one.task_id, two.task_id, three.task_id, idle, "unknown"])

    assert living.pop(idle, 0) == 0
    assert living == {two.task_id: again.epoch, three.task_id: three.epoch}


async def test_a_cancelled_albums_tracks_are_not_living(store: Store) -> None:
    """What the album says wins, before and after the sweep."""
    job_id = await open_album(store, 2)
    held = await claim_one(store)
    await store.settle(held, Released("stop"))
    await store.cancel(job_id)

    assert await store.living([held.task_id]) == {}
    await sweep_all(store)
    assert await store.living([held.task_id]) == {}
