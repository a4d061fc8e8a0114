"""The allowance: bytes that a client may receive in a rolling 24 hours, and what a key allows of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.conftest import Reopened
from tests.contract.steps import (
    DONE,
    KEEP_NOTHING,
    LEASE_MS,
    PUBLICATION,
    TIMEOUT,
    claim_one,
    complete,
    open_album,
    state_of,
    submit,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import DAY, HOUR, MINUTE, FakeClock
from tonearm.errors import LeaseLost, QuotaExceeded, RefusalCode
from tonearm.model import (
    Cancelled,
    Claim,
    ClaimRequest,
    Idempotency,
    JobType,
    KeyLimits,
    KeyRecord,
    Mark,
    Paused,
    Phase,
    Retry,
    Scope,
    State,
    SubmitLimits,
    Submitted,
)
from tonearm.store.allowance import BUCKET_MS, WINDOW_MS
from tonearm.store.base import PAGE, Store

LIMIT = 1_000
LIMITS = SubmitLimits(client_bytes=LIMIT)
QUARTER = BUCKET_MS


def received(size: int, bytes_done: int | None = None) -> Mark:
    """A mark of a transfer that has brought so many bytes over the line."""
    return Mark(Phase.TRANSFER, size if bytes_done is None else bytes_done, 8_000, size)


async def claimed(
    store: Store, worker: str = "w1", *, tracks: int = 9, albums: int = 0, allowed: int = LIMIT, most: int = 0
) -> tuple[Claim, ...]:
    """What a worker gets whose settings allow so much."""
    return (await store.claim(ClaimRequest(worker, tracks, albums, LEASE_MS, most, allowed))).claims


async def spend(store: Store, size: int = LIMIT, client: str = "ann") -> Claim:
    """Let a client receive so many bytes with a new job, which is retried in a year."""
    await submit_track(store, client)
    (one,) = [each for each in await claimed(store, allowed=0) if each.client == client]
    await store.settle(one, Retry(TIMEOUT, 365 * DAY), received(size))
    return one


async def refused(store: Store, client: str = "ann", limits: SubmitLimits = LIMITS) -> QuotaExceeded:
    """How a submission of this client is refused."""
    with pytest.raises(QuotaExceeded) as caught:
        await store.submit(track(client), limits)
    assert caught.value.code is RefusalCode.CLIENT_BYTES_EXCEEDED
    return caught.value


async def is_spent(store: Store, limit: int, client: str = "ann") -> bool:
    """Whether a submission is refused where so much is allowed."""
    try:
        await store.submit(track(client, start_paused=True), SubmitLimits(client_bytes=limit))
    except QuotaExceeded:
        return True
    return False


async def has_received(store: Store, size: int, client: str = "ann") -> bool:
    """Whether exactly so many bytes count for a client."""
    return await is_spent(store, size, client) and not await is_spent(store, size + 1, client)


def key(name: str, limits: KeyLimits) -> KeyRecord:
    """A key that has limits of its own."""
    return KeyRecord(name, Scope.SUBMIT, "0" * 64, 1_763_900_000_000, limits)


# --- what counts ----------------------------------------------------------------------------------------------------


async def test_who_has_received_all_he_may_submits_nothing_until_enough_has_left_the_window(
    store: Store, clock: FakeClock
) -> None:
    """The answer says when, and it is true: a millisecond before it is too early."""
    await spend(store)

    told = await refused(store)

    assert told.limit == LIMIT
    assert "1,000 bytes in 24 hours" in told.message
    assert told.retry_after_ms is not None
    assert DAY <= told.retry_after_ms <= DAY + BUCKET_MS
    clock.advance(told.retry_after_ms - 1)
    assert (await refused(store)).retry_after_ms == 1
    clock.advance(1)
    await store.submit(track(), LIMITS)


async def test_the_window_rolls_bucket_by_bucket(store: Store, clock: FakeClock) -> None:
    """What was received first leaves first, and only so much has to leave as is too much."""
    for _ in range(3):
        await spend(store, 400)
        clock.advance(6 * HOUR)

    one_leaves = (await refused(store)).retry_after_ms
    all_leave = (await refused(store, limits=SubmitLimits(client_bytes=300))).retry_after_ms
    assert one_leaves is not None
    assert 6 * HOUR <= one_leaves <= 6 * HOUR + BUCKET_MS
    assert all_leave == one_leaves + 12 * HOUR
    clock.advance(one_leaves)
    assert await has_received(store, 800)


async def test_others_submit_meanwhile(store: Store) -> None:
    """It is the client's allowance."""
    await spend(store)
    bobs = await store.submit(track("bob"), LIMITS)
    assert await state_of(store, bobs.job_id) is State.READY
    await refused(store)


async def test_bytes_short_of_the_limit_are_no_reason(store: Store) -> None:
    """One byte is left."""
    await spend(store, LIMIT - 1)
    accepted = await store.submit(track(), LIMITS)
    assert await state_of(store, accepted.job_id) is State.READY


async def test_a_mark_that_is_said_again_counts_once(store: Store) -> None:
    """A claim says how much it has received in all; a later smaller number takes nothing back."""
    await submit_track(store)
    one = await claim_one(store)
    for size in (100, 100, 300, 200):
        await store.renew("w1", {one.token: received(size)}, LEASE_MS)
    assert await has_received(store, 300)

    await store.settle(one, Retry(TIMEOUT, DAY), received(350))
    await store.settle(one, Retry(TIMEOUT, DAY), received(350))
    assert await has_received(store, 350)


async def test_a_resumed_transfer_counts_only_what_it_brings(store: Store, clock: FakeClock) -> None:
    """The bytes that an earlier claim left on disk were counted for that one."""
    await submit_track(store)
    await store.settle(await claim_one(store), Retry(TIMEOUT, 1_000), received(500))
    clock.advance(1_000)
    again = await claim_one(store)

    await store.renew("w1", {again.token: received(0, bytes_done=500)}, LEASE_MS)
    assert await has_received(store, 500)
    await store.settle(again, Paused(), received(200, bytes_done=700))
    assert await has_received(store, 700)


async def test_what_begins_anew_counts_again(store: Store, clock: FakeClock) -> None:
    """Bytes received are bytes received, also those that were thrown away."""
    await submit_track(store)
    await store.settle(await claim_one(store), Retry(TIMEOUT, 1_000), received(500))
    clock.advance(1_000)

    await store.settle(await claim_one(store), Retry(TIMEOUT, 1_000), received(500))

    assert await has_received(store, 1_000)


async def test_a_completed_transfer_counts_what_it_received(store: Store) -> None:
    """Not what the file is long in the end."""
    await submit_track(store)
    one = await claim_one(store)
    await store.commit(one, PUBLICATION)
    await store.settle(one, DONE, received(123))
    assert await has_received(store, 123)


async def test_a_late_token_counts_nothing(store: Store, clock: FakeClock) -> None:
    """Only the worker that has the claim is believed."""
    await submit_track(store)
    late = await claim_one(store)
    clock.advance(LEASE_MS)
    await sweep_all(store)
    await claim_one(store, "w2")

    assert await store.renew("w1", {late.token: received(100)}, LEASE_MS) == {late.token}
    with pytest.raises(LeaseLost):
        await store.settle(late, Retry(TIMEOUT, 1), received(100))

    await store.submit(track(), SubmitLimits(client_bytes=1))


async def test_what_a_dead_worker_left_on_disk_counts_as_far_as_it_was_not_told(store: Store) -> None:
    """Between its last word and its death it went on receiving."""
    await submit_track(store)
    one = await claim_one(store)
    await store.renew("w1", {one.token: received(300)}, LEASE_MS)

    assert await store.recover("w1", {one.task_id: Mark(Phase.TRANSFER, 450)}, charge=True) == 1
    assert await store.recover("w1", {one.task_id: Mark(Phase.TRANSFER, 450)}, charge=True) == 0

    assert await has_received(store, 450)


async def test_deleting_a_job_hides_no_byte(store: Store) -> None:
    """What a running transfer received counts also where its job is gone when it says so, and once."""
    job_id = await submit_track(store)
    one = await claim_one(store)
    await store.renew("w1", {one.token: received(100)}, LEASE_MS)
    await store.delete(job_id)

    for size in (100, 250, 250):
        assert await store.renew("w1", {one.token: received(size)}, LEASE_MS) == frozenset()
    assert await has_received(store, 250)
    await store.settle(one, Cancelled(), received(400))
    await store.settle(one, Cancelled(), received(400))

    assert await has_received(store, 400)


async def test_the_tracks_of_an_album_count_for_its_client(store: Store) -> None:
    """Also those of one that is deleted meanwhile."""
    album_id = await open_album(store, 3)
    first, second = (await claimed(store, tracks=2, allowed=0))[:2]
    await store.settle(first, Retry(TIMEOUT, DAY), received(200))
    await store.delete(album_id)
    await store.settle(second, Cancelled(), received(300))

    assert await has_received(store, 500)


# --- submitting -----------------------------------------------------------------------------------------------------


async def test_what_is_no_new_job_is_answered_as_before(store: Store) -> None:
    """The same id, a duplicate, and what was answered under an idempotency key."""
    keyed = replace(track(), idempotency=Idempotency("key", "a" * 64))
    twin = track()
    await submit(store, keyed, twin)
    await store.settle(await claim_one(store), Retry(TIMEOUT, DAY), received(LIMIT))

    assert await store.submit(keyed, LIMITS) == Submitted(keyed.id)
    assert await store.submit(twin, LIMITS) == Submitted(twin.id)
    repeated = replace(track(), spec=twin.spec)
    assert await store.submit(repeated, LIMITS) == Submitted(twin.id, duplicate=True)


async def test_each_new_job_of_a_batch_is_refused(store: Store) -> None:
    """A duplicate among them is answered, and the answers are remembered under the batch's key."""
    twin = track()
    await submit(store, twin)
    await store.settle(await claim_one(store), Retry(TIMEOUT, DAY), received(LIMIT))
    batch = [track(), replace(track(), spec=twin.spec), track()]
    once = Idempotency("batch", "b" * 64)

    answers = await store.submit_many(batch, LIMITS, once)

    assert answers[1] == Submitted(twin.id, duplicate=True)
    for answer in (answers[0], answers[2]):
        assert isinstance(answer, QuotaExceeded)
        assert (answer.code, answer.limit) == (RefusalCode.CLIENT_BYTES_EXCEEDED, LIMIT)
        assert (answer.retry_after_ms or 0) >= DAY
    again = await store.submit_many(batch, LIMITS, once)
    assert [str(answer) for answer in again] == [str(answer) for answer in answers]


async def test_a_submission_that_is_refused_costs_nothing_of_the_rate(store: Store) -> None:
    """The next one is refused for the bytes again."""
    await spend(store)
    limits = replace(LIMITS, rate_per_minute=1)
    for _ in range(2):
        assert (await refused(store, limits=limits)).code is RefusalCode.CLIENT_BYTES_EXCEEDED


# --- claiming -------------------------------------------------------------------------------------------------------


async def test_who_has_received_all_he_may_is_passed_over_and_others_are_not(store: Store) -> None:
    """Tracks, albums and their tracks wait; what runs goes on to its end."""
    await open_album(store, 3)
    running = await claim_one(store)
    await store.renew("w1", {running.token: received(LIMIT)}, LEASE_MS)
    await submit(store, track(), track("bob"), track("bob"))

    assert [one.client for one in await claimed(store, albums=2)] == ["bob", "bob"]
    await complete(store, running)
    assert await claimed(store, albums=2) == ()


async def test_an_album_is_not_even_asked_for(store: Store) -> None:
    """Nothing of the client is claimed."""
    await spend(store)
    album_id = (await submit(store, replace(track(), spec=replace(track().spec, type=JobType.ALBUM))))[0]

    assert await claimed(store, albums=2) == ()
    (resolving,) = await claimed(store, albums=2, allowed=LIMIT + 1)
    assert resolving.job_id == album_id


async def test_they_go_on_by_themselves_when_enough_has_left_the_window(store: Store, clock: FakeClock) -> None:
    """And whoever waits for work knows when."""
    await spend(store)
    job_id = await submit_track(store)
    told = await store.claim(ClaimRequest("w1", 9, 0, LEASE_MS, 0, LIMIT))

    assert told.claims == ()
    assert told.next_due_ms == (await refused(store)).retry_after_ms
    assert told.next_due_ms is not None
    clock.advance(told.next_due_ms - 1)
    assert await claimed(store) == ()
    clock.advance(1)
    assert [one.job_id for one in await claimed(store)] == [job_id]


async def test_they_go_on_when_the_setting_rises(store: Store) -> None:
    """Or is taken away, and not when it falls."""
    await spend(store)
    first, second = await submit_track(store), await submit_track(store)

    assert await claimed(store) == ()
    assert await claimed(store, allowed=LIMIT - 1) == ()
    assert [one.job_id for one in await claimed(store, tracks=1, allowed=LIMIT + 1)] == [first]
    assert await claimed(store, tracks=1) == ()
    assert [one.job_id for one in await claimed(store, tracks=1, allowed=0)] == [second]


async def test_workers_whose_settings_differ_do_not_keep_each_other_awake(store: Store) -> None:
    """Where one closes what the other opens, and neither takes it: both have looked, and wait."""
    await submit_track(store)
    one = await claim_one(store)
    await store.renew("w1", {one.token: received(LIMIT)}, LEASE_MS)
    await submit_track(store)

    async def nobody_is_woken(seen: int) -> bool:
        return await store.changed(seen, 50) == seen

    await claimed(store)
    seen = await store.changed(0, 50)
    for _ in range(3):
        assert await claimed(store, "w2", allowed=2 * LIMIT, most=1) == ()
        assert await claimed(store) == ()

    assert await nobody_is_woken(seen)
    assert len(await claimed(store, "w2", allowed=2 * LIMIT)) == 1


async def test_a_client_that_waited_has_saved_nothing_up(store: Store, clock: FakeClock) -> None:
    """When it may go on it takes turns with the others."""
    await spend(store)
    await submit(store, *[track("ann") for _ in range(6)], *[track("bob") for _ in range(20)])
    for _ in range(10):
        (one,) = await claimed(store, tracks=1)
        await complete(store, one)
        assert one.client == "bob"

    clock.advance(2 * DAY)
    clients = [one.client for one in await claimed(store, tracks=6)]

    assert 2 <= clients.count("bob") <= 4


async def test_more_clients_than_one_claim_looks_at_starve_nobody(store: Store) -> None:
    """A claim that had to stop looking says that another one is due at once."""
    clients = [f"c{number}" for number in range(PAGE + 20)]
    for client in (*clients, "zoe"):
        await submit(store, track(client), track(client))
    for _ in (*clients, "zoe"):
        (one,) = await claimed(store, tracks=1, allowed=0)
        await store.settle(one, Retry(TIMEOUT, 365 * DAY), received(0 if one.client == "zoe" else LIMIT))

    first = await store.claim(ClaimRequest("w1", 1, 0, LEASE_MS, 0, LIMIT))
    assert (first.claims, first.next_due_ms) == ((), 0)
    assert [one.client for one in await claimed(store, tracks=1)] == ["zoe"]
    assert await store.audit() == ()


async def test_what_is_done_to_jobs_that_wait_leaves_them_waiting(store: Store, clock: FakeClock) -> None:
    """New ones, a resume, a delay that ends, a retry: nothing is a way past the limit."""
    delayed = await submit_track(store)
    await store.settle(await claim_one(store), Retry(TIMEOUT, 1_000), received(LIMIT))
    paused = await submit_track(store)
    cancelled = await submit_track(store)
    await store.pause(paused)
    await store.cancel(cancelled)
    assert await claimed(store) == ()

    await store.resume(paused)
    await store.retry(cancelled)
    await submit_track(store)
    clock.advance(MINUTE)
    await sweep_all(store)

    assert await claimed(store) == ()
    assert delayed in [one.job_id for one in await claimed(store, allowed=0)]


# --- the limits of a key --------------------------------------------------------------------------------------------


async def test_a_key_has_transfers_at_a_time_of_its_own(store: Store) -> None:
    """Fewer or more than the settings say, or as many as there are."""
    for name, most in (("few", 1), ("many", 3), ("all", 0)):
        await store.add_key(key(name, KeyLimits(concurrent=most)))
    for client in ("few", "many", "all", "none"):
        await submit(store, *[track(client) for _ in range(4)])

    clients = [one.client for one in await claimed(store, tracks=20, most=2)]

    assert {client: clients.count(client) for client in clients} == {"few": 1, "many": 3, "all": 4, "none": 2}


async def test_a_key_has_bytes_of_its_own(store: Store) -> None:
    """A client without a key has what the settings say."""
    await store.add_key(key("less", KeyLimits(bytes=10)))
    await store.add_key(key("more", KeyLimits(bytes=5_000)))
    await store.add_key(key("all", KeyLimits(bytes=0)))
    for client in ("less", "more", "all", "none"):
        await spend(store, 100, client)
    await submit(store, *[track(client) for client in ("less", "more", "all", "none")])

    assert {one.client for one in await claimed(store, allowed=50)} == {"more", "all"}


async def test_a_key_that_changes_or_goes_holds_at_once(store: Store) -> None:
    """Without a wait for the end of what was known before."""
    await store.add_key(key("ann", KeyLimits(bytes=10)))
    await spend(store)
    first, second = await submit_track(store), await submit_track(store)
    assert await claimed(store, allowed=0) == ()

    assert await store.remove_key("ann")
    assert [one.job_id for one in await claimed(store, tracks=1, allowed=0)] == [first]
    await store.add_key(key("ann", KeyLimits(bytes=10)))
    assert await claimed(store, allowed=0) == ()
    assert await store.remove_key("ann")
    await store.add_key(key("ann", KeyLimits(bytes=5_000)))
    assert [one.job_id for one in await claimed(store, allowed=10)] == [second]


# --- what stays -----------------------------------------------------------------------------------------------------


async def test_a_full_day_of_every_quarter_counts_and_no_more(store: Store, clock: FakeClock) -> None:
    """97 buckets count at the most; the one before is gone."""
    await submit_track(store)
    one = await claim_one(store)
    for number in range(1, 102):
        await store.renew("w1", {one.token: received(number)}, 40 * DAY)
        assert await has_received(store, min(number, WINDOW_MS // BUCKET_MS + 1))
        clock.advance(QUARTER)


async def test_it_survives_a_restart_and_leaves_nothing_behind(durable: Reopened, clock: FakeClock) -> None:
    """Who deletes all jobs deletes no bytes; a day later, at the next sweep, the store equals an empty one."""
    store = await durable.open()
    await sweep_all(store)
    await store.close()
    bare = await durable.contents()

    store = await durable.open()
    one = await spend(store)
    waiting = await submit_track(store)
    assert await claimed(store) == ()
    await store.close()
    store = await durable.open()
    for job_id in (one.job_id, waiting):
        await store.delete(job_id)
    while (await store.prune(KEEP_NOTHING)).more:
        pass
    await refused(store)
    for stages in [(await store.poll("w1", [])).discard]:
        await store.discarded("w1", stages)
    clock.advance(DAY - MINUTE)
    await sweep_all(store)
    await refused(store)
    clock.advance(QUARTER + MINUTE)
    await sweep_all(store)
    clock.advance(MINUTE)
    await sweep_all(store)
    await store.close()

    assert await durable.contents() == bare
