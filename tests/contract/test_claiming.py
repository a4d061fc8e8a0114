"""Claiming: pick, state, lease and token in one step, in the order of the client's own wishes."""

from __future__ import annotations

import asyncio

from tests.contract.steps import (
    LEASE_MS,
    TIMEOUT,
    album_tracks,
    claim,
    claim_album,
    claim_all,
    claim_one,
    delay,
    expand,
    info_of,
    open_album,
    state_of,
    submit,
    submit_album,
    submit_track,
    track,
)
from tests.support.clock import SECOND, START_WALL_MS, FakeClock
from tonearm.errors import FailureCode
from tonearm.model import (
    Claimed,
    ClaimRequest,
    Failure,
    JobSpec,
    JobType,
    Priority,
    Quality,
    Released,
    Retry,
    StageRef,
    State,
    TaskKind,
)
from tonearm.store.base import PAGE, Store


async def test_an_empty_queue_hands_out_nothing(store: Store) -> None:
    """No claim, and nothing to wait for."""
    assert await store.claim(ClaimRequest("w1", 4, 2, LEASE_MS)) == Claimed((), None)


async def test_a_claim_tells_the_worker_all_it_needs(store: Store) -> None:
    """Spec, counts and a token, nothing of a claim before; and the job is active."""
    said = track("bob", max_retries=5)
    await submit(store, said)

    got = await claim_one(store, "w7")

    assert (got.task_id, got.job_id, got.kind, got.spec) == (said.id, said.id, TaskKind.TRACK, said.spec)
    assert (got.client, got.worker, got.max_retries) == ("bob", "w7", 5)
    assert (got.retry_count, got.corrupt_count, got.suspect) == (0, 0, False)
    assert (got.album, got.position, got.previous) == (None, None, None)
    assert (got.reserved, got.publication) == (None, None)
    assert got.token.startswith(f"{got.epoch}:")
    record = await store.job(said.id)
    assert (record.state, record.started_at) == (State.ACTIVE, START_WALL_MS)


async def test_a_claim_of_an_album_track_names_the_track_and_its_album(store: Store) -> None:
    """The spec is the track's own, in the album's quality; the album's description comes with it."""
    job_id = await submit_album(store)
    resolving = await claim_album(store)
    await expand(store, resolving, 2)

    first, second = await claim(store, tracks=2)

    assert (first.job_id, second.job_id) == (job_id, job_id)
    assert len({first.task_id, second.task_id, job_id}) == 3
    assert (first.position, second.position) == (1, 2)
    assert first.spec.type is JobType.TRACK
    assert (first.spec.catalog_id, first.spec.track_title) == (10_001, "Title 1")
    assert first.spec.quality is resolving.spec.quality
    assert first.album == info_of(resolving, 2)
    assert first.client == "ann"


async def test_a_worker_gets_no_more_than_it_asked_for(store: Store) -> None:
    """Three wanted of five: three; then the two that are left."""
    await submit(store, *[track() for _ in range(5)])

    assert len(await claim(store, tracks=3)) == 3
    assert len(await claim(store, tracks=3)) == 2
    assert await claim(store, tracks=3) == ()


async def test_transfers_and_albums_are_asked_for_separately(store: Store) -> None:
    """Who wants tracks gets no album to resolve, and the other way round."""
    await submit_track(store)
    await submit_album(store)

    assert await claim(store, tracks=0, albums=0) == ()
    assert [one.kind for one in await claim(store, tracks=2)] == [TaskKind.TRACK]
    assert [one.kind for one in await claim(store, albums=2)] == [TaskKind.RESOLVE]


async def test_one_request_can_bring_both_kinds(store: Store) -> None:
    """Transfers and albums in one call."""
    await submit_track(store)
    await submit_album(store)

    assert {one.kind for one in await claim(store, tracks=1, albums=1)} == {TaskKind.TRACK, TaskKind.RESOLVE}


async def test_no_task_is_handed_out_twice_to_workers_that_claim_at_once(store: Store) -> None:
    """Eight tasks, four workers at the same time: eight claims of eight tasks."""
    await submit(store, *[track() for _ in range(8)])

    rounds = await asyncio.gather(*[claim(store, f"w{n}", tracks=3) for n in range(4)])

    tasks = [one.task_id for got in rounds for one in got]
    assert len(tasks) == len(set(tasks)) == 8


async def test_every_claim_has_a_token_of_its_own_and_epochs_grow(store: Store) -> None:
    """Two claims of one task differ in epoch and in what cannot be guessed."""
    job_id = await submit_track(store)
    first = await claim_one(store)
    await store.settle(first, Released("stop"))
    second = await claim_one(store)

    assert second.task_id == first.task_id == job_id
    assert second.epoch > first.epoch
    assert second.token.partition(":")[2] != first.token.partition(":")[2]


async def test_a_later_claim_names_the_stage_of_the_one_before(store: Store) -> None:
    """The bytes of the last attempt can be found and adopted."""
    await submit_track(store)
    first = await claim_one(store, "w1")
    await store.settle(first, Released("stop"))

    second = await claim_one(store, "w2")
    assert second.previous == StageRef("w1", first.epoch)

    await store.settle(second, Released("stop"))
    assert (await claim_one(store, "w1")).previous == StageRef("w2", second.epoch)


async def test_counts_of_retries_and_of_corrupt_bodies_reach_the_next_claim(store: Store) -> None:
    """A retry costs one; an integrity failure is counted beside; a release costs nothing."""
    await submit_track(store)
    await store.settle(await claim_one(store), Retry(Failure(FailureCode.INTEGRITY, "Cut"), 0))
    await store.settle(await claim_one(store), Retry(TIMEOUT, 0))
    await store.settle(await claim_one(store), Released("host rests"))

    got = await claim_one(store)
    assert (got.retry_count, got.corrupt_count) == (2, 1)


async def test_a_delayed_task_is_not_claimed_before_it_is_due(store: Store, clock: FakeClock) -> None:
    """`next_due_ms` says how long, and then it counts as ready."""
    job_id = await submit_track(store)
    await delay(store, await claim_one(store), 5 * SECOND)

    assert await store.claim(ClaimRequest("w1", 1, 0, LEASE_MS)) == Claimed((), 5 * SECOND)
    clock.advance(5 * SECOND - 1)
    assert await store.claim(ClaimRequest("w1", 1, 0, LEASE_MS)) == Claimed((), 1)
    clock.advance(1)
    answer = await store.claim(ClaimRequest("w1", 1, 0, LEASE_MS))
    assert ([one.job_id for one in answer.claims], answer.next_due_ms) == ([job_id], None)


async def test_next_due_is_the_earliest_of_the_delayed(store: Store) -> None:
    """Of several delays the shortest is told."""
    await submit(store, *[track() for _ in range(3)])
    for one, seconds in zip(await claim(store, tracks=3), (9, 4, 7), strict=True):
        await delay(store, one, seconds * SECOND)

    assert (await store.claim(ClaimRequest("w1", 1, 0, LEASE_MS))).next_due_ms == 4 * SECOND


async def test_a_paused_delay_is_nothing_to_wait_for(store: Store) -> None:
    """What a person holds has no due time for workers."""
    job_id = await submit_track(store)
    await delay(store, await claim_one(store))
    await store.pause(job_id)

    assert (await store.claim(ClaimRequest("w1", 1, 0, LEASE_MS))).next_due_ms is None


async def test_more_delays_than_one_call_promotes_all_come_in_the_end(store: Store, clock: FakeClock) -> None:
    """Promotion is bounded by PAGE a call; nothing is left behind by that."""
    ids = await submit(store, *[track() for _ in range(PAGE + 50)])
    for one in await claim_all(store):
        await delay(store, one)
    clock.advance(5 * SECOND)

    assert sorted(one.job_id for one in await claim_all(store)) == sorted(ids)


async def test_one_clients_tracks_are_handed_out_by_age(store: Store, clock: FakeClock) -> None:
    """First in, first out."""
    ids = []
    for _ in range(6):
        ids.append(await submit_track(store))
        clock.advance(1)

    assert [one.job_id for one in await claim_all(store)] == ids


async def test_jobs_submitted_in_one_millisecond_keep_their_order(store: Store) -> None:
    """Age is the order of submission, not the reading of a clock."""
    ids = await submit(store, *[track() for _ in range(20)])

    assert [one.job_id for one in await claim_all(store)] == ids


async def test_priority_orders_one_clients_own_jobs(store: Store) -> None:
    """High before normal before low, whatever came first."""
    low = await submit_track(store, priority=Priority.LOW)
    normal = await submit_track(store)
    high = await submit_track(store, priority=Priority.HIGH)

    assert [one.job_id for one in await claim_all(store)] == [high, normal, low]


async def test_prioritize_moves_a_waiting_job_among_its_clients_own(store: Store) -> None:
    """To the front and to the back."""
    first, second, third = [await submit_track(store) for _ in range(3)]
    await store.prioritize(third, Priority.HIGH)
    await store.prioritize(first, Priority.LOW)

    assert [one.job_id for one in await claim_all(store)] == [third, second, first]


async def test_a_single_track_goes_before_the_same_clients_album_tracks(store: Store) -> None:
    """Though the album came first."""
    album_id = await open_album(store, 2)
    single = await submit_track(store)

    assert [one.job_id for one in await claim_all(store)] == [single, album_id, album_id]


async def test_priority_comes_before_the_preference_for_singles(store: Store) -> None:
    """An album of high priority goes before a single of normal priority."""
    album_id = await open_album(store, 2, priority=Priority.HIGH)
    single = await submit_track(store)

    assert [one.job_id for one in await claim_all(store)] == [album_id, album_id, single]


async def test_prioritizing_an_album_moves_all_its_tracks(store: Store) -> None:
    """One entry moves, whatever the number of tracks."""
    first = await open_album(store, 2)
    second = await open_album(store, 2)
    await store.prioritize(second, Priority.HIGH)

    assert [one.job_id for one in await claim_all(store)] == [second, second, first, first]


async def test_the_tracks_of_an_album_come_in_its_order(store: Store) -> None:
    """Position by position."""
    await open_album(store, 7)

    assert [one.position for one in await claim_all(store)] == list(range(1, 8))


async def test_an_older_album_is_finished_before_a_younger_one_begins(store: Store) -> None:
    """By age; the younger one steps in while the older has nothing ready."""
    older = await open_album(store, 2)
    younger = await open_album(store, 2)

    first, second, third = await claim(store, tracks=3)
    assert [one.job_id for one in (first, second, third)] == [older, older, younger]
    await store.settle(second, Released("stop"))
    assert (await claim_one(store)).task_id == second.task_id


async def test_a_client_has_two_albums_open_at_most(store: Store) -> None:
    """The third is resolved when one of the two is done; other clients are not held up."""
    first, second, third = [await submit_album(store) for _ in range(3)]
    bobs = await submit_album(store, "bob")

    got = await claim(store, albums=4)
    assert {one.job_id for one in got} == {first, second, bobs}
    by_job = {one.job_id: one for one in got}
    for job_id in (first, second):
        await expand(store, by_job[job_id], 1)
    assert await claim(store, albums=4) == ()

    only = await claim_one(store)
    await store.settle(only, Released("not now"))
    await store.pause(only.job_id)
    assert [one.job_id for one in await claim(store, albums=4)] == [third]


async def test_an_album_that_ends_makes_room_for_the_next(store: Store) -> None:
    """Failing, cancelling and deleting an open album all free its place."""
    ids = [await submit_album(store) for _ in range(5)]
    one, two = await claim(store, albums=5)
    assert [one.job_id, two.job_id] == ids[:2]

    await store.settle(one, Released("host rests", delay_ms=SECOND))
    (three,) = await claim(store, albums=5)
    assert three.job_id == ids[2]
    await store.delete(ids[2])
    (four,) = await claim(store, albums=5)
    assert four.job_id == ids[3]
    await expand(store, four, 3)
    await store.cancel(ids[3])
    (five,) = await claim(store, albums=5)
    assert five.job_id == ids[4]


async def test_two_tracks_of_one_album_may_have_one_catalog_id(store: Store) -> None:
    """A list that names a track twice is taken as it is."""
    job_id = await submit_album(store)
    resolving = await claim_album(store)
    (line,) = album_tracks(1)
    await store.expand(resolving, info_of(resolving, 2), 1, [line, line], last=True)

    got = await claim(store, tracks=5)
    assert [(one.job_id, one.spec.catalog_id, one.position) for one in got] == [
        (job_id, 10_001, 1),
        (job_id, 10_001, 2),
    ]


async def test_titles_of_the_submission_reach_the_claim(store: Store) -> None:
    """Hints for people travel with the spec."""
    said = track()
    spec = JobSpec(JobType.TRACK, 77, Quality.LOW, "Blue", "Colours", "Nobody")
    await submit(store, type(said)(said.id, "ann", spec))

    assert (await claim_one(store)).spec == spec


async def test_started_at_is_the_first_start(store: Store, clock: FakeClock) -> None:
    """A second attempt does not rewrite when the job began."""
    job_id = await submit_track(store)
    await store.settle(await claim_one(store), Released("stop"))
    clock.advance(9 * SECOND)
    await claim_one(store)

    assert (await store.job(job_id)).started_at == START_WALL_MS
    assert await state_of(store, job_id) is State.ACTIVE
