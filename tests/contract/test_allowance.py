"""The allowance: bytes that a client has received in a rolling 24 hours, which count and for how long."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Reopened
from tests.contract.spending import LIMIT, LIMITS, QUARTER, claimed, has_received, received, refused, spend
from tests.contract.steps import (
    DONE,
    KEEP_NOTHING,
    LEASE_MS,
    PUBLICATION,
    TIMEOUT,
    claim_one,
    open_album,
    state_of,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import DAY, HOUR, MINUTE, FakeClock
from tonearm.errors import LeaseLost
from tonearm.model import (
    Cancelled,
    Mark,
    Paused,
    Phase,
    Retry,
    State,
    SubmitLimits,
)
from tonearm.store.allowance import BUCKET_MS, WINDOW_MS
from tonearm.store.base import Store

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
