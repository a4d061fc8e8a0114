"""Clients that have received all they may: what is refused, what waits, and what a key allows of its own."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.spending import LIMIT, LIMITS, claimed, received, refused, spend
from tests.contract.steps import (
    LEASE_MS,
    TIMEOUT,
    claim_one,
    complete,
    open_album,
    submit,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import DAY, MINUTE, FakeClock
from tonearm.errors import QuotaExceeded, RefusalCode
from tonearm.model import (
    ClaimRequest,
    Idempotency,
    JobType,
    KeyLimits,
    KeyRecord,
    Retry,
    Scope,
    Submitted,
)
from tonearm.store.base import PAGE, Store


def key(name: str, limits: KeyLimits) -> KeyRecord:
    """A key that has limits of its own."""
    return KeyRecord(name, Scope.SUBMIT, "0" * 64, 1_763_900_000_000, limits)


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
