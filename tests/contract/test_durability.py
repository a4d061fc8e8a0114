"""Durability: what was answered is still there after the process ended, and nothing is left of what was deleted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contract.conftest import Reopened
from tests.contract.steps import (
    DONE,
    KEEP_NOTHING,
    LEASE_MS,
    NO_LIMITS,
    PUBLICATION,
    at,
    claim,
    claim_album,
    claim_all,
    claim_one,
    complete,
    delay,
    expand,
    fail,
    feed_end,
    job_in,
    listed,
    look,
    news,
    open_album,
    submit,
    submit_album,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import DAY, SECOND, FakeClock
from tonearm.errors import RateLimited, SetupError, WrongState
from tonearm.model import (
    Cancelled,
    Counts,
    Idempotency,
    Metrics,
    Paused,
    Phase,
    Reserved,
    State,
    SubmitLimits,
    Submitted,
)
from tonearm.store.base import Store


async def a_bit_of_everything(store: Store) -> None:
    """Jobs in every state, albums at every stage, flags, reservations, leases and discards."""
    claimed_first = sorted(State, key=lambda state: state in (State.READY, State.WAITING))
    for state in claimed_first:
        await job_in(store, state)
    resolving = await submit_album(store, "bob")
    await claim_album(store, "w2")
    await store.pause(resolving)
    partial = await open_album(store, 3, "cem")
    for one in await claim_all(store, "w3"):
        await store.reserve(one, f"Name {one.task_id}", f"name {one.task_id}")
        if one.job_id == partial:
            await (fail(store, one) if one.position == 2 else complete(store, one))
        elif one.position == 1:
            await delay(store, one)
    await store.heartbeat("w3", "den", 4)


async def test_everything_reads_the_same_after_a_restart(durable: Reopened) -> None:
    """Records, tracks, counts, sums and the end of the feed."""
    store = await durable.open()
    await a_bit_of_everything(store)
    before = await look(store)
    workers = await store.workers()
    await store.close()

    store = await durable.open()
    assert await look(store) == before
    assert await store.workers() == workers
    assert await store.audit() == ()
    await store.close()


async def test_a_claim_is_still_good_after_the_store_was_opened_again(durable: Reopened) -> None:
    """Tokens, flags, reservations, commits and discards are kept with the task."""
    store = await durable.open()
    await submit(store, track(), track(), track())
    one, two, three = await claim(store, tracks=3)
    await store.reserve(one, "Name", "name")
    await store.commit(one, PUBLICATION)
    await store.pause(two.job_id)
    await store.delete(three.job_id)
    await store.close()

    store = await durable.open()
    flags = await store.poll("w1", [one.token, two.token, three.token])
    assert flags.pause == {two.task_id}
    assert flags.cancel == {three.task_id}
    with pytest.raises(WrongState):
        await store.cancel(one.job_id)
    assert await store.reserve(two, "Name", "name") is Reserved.TAKEN
    assert await store.renew("w1", {one.token: at(Phase.PUBLISH)}, LEASE_MS) == frozenset()
    await store.settle(one, DONE)
    await store.settle(two, Paused())
    await store.settle(three, Cancelled())
    await store.close()


async def test_what_was_said_before_a_restart_can_be_said_again_after_it(durable: Reopened) -> None:
    """Lost replies of a submission and of a settle."""
    store = await durable.open()
    said = track()
    await submit(store, said)
    held = await claim_one(store)
    await complete(store, held)
    await store.close()

    store = await durable.open()
    before = await look(store)
    assert await store.submit(said, NO_LIMITS) == Submitted(said.id)
    await store.settle(held, DONE)
    assert await look(store) == before
    await store.close()


async def test_the_rate_and_the_feed_go_on_across_a_restart(durable: Reopened, clock: FakeClock) -> None:
    """A restart is no way around a limit, and a reader misses nothing."""
    once = SubmitLimits(rate_per_minute=1)
    store = await durable.open()
    end = await feed_end(store)
    said = track()
    await store.submit(said, once)
    await store.close()

    clock.advance(10 * SECOND)
    store = await durable.open()
    with pytest.raises(RateLimited) as refused:
        await store.submit(track(), once)
    assert refused.value.retry_after_ms == 50 * SECOND
    assert [event.job_id for event in await news(store, end)] == [said.id]
    await store.close()


async def test_fairness_goes_on_across_a_restart(durable: Reopened) -> None:
    """Opening again gives nobody a fresh start over others."""
    store = await durable.open()
    await submit(store, *[track("ann") for _ in range(10)], *[track("bob") for _ in range(10)])
    served = []
    for _ in range(10):
        served.append((await claim_one(store)).client)
        await store.close()
        store = await durable.open()

    assert sorted(served) == ["ann"] * 5 + ["bob"] * 5
    await store.close()


async def test_an_album_that_was_being_tidied_is_tidied_after_a_restart(durable: Reopened) -> None:
    """The pages that were left are carried on."""
    store = await durable.open()
    first, second = await open_album(store, 450), await open_album(store, 450)
    await store.cancel(first)
    await store.delete(second)
    await store.sweep()
    await store.close()

    store = await durable.open()
    await sweep_all(store)
    assert await claim(store, tracks=1) == ()
    assert [job.id for job in await listed(store)] == [first]
    assert await store.audit() == ()
    await store.close()


async def test_many_calls_at_once_are_each_kept(durable: Reopened) -> None:
    """Calls that were committed together are all there."""
    store = await durable.open()
    wanted = [track() for _ in range(300)]
    await asyncio.gather(*[store.submit(said, NO_LIMITS) for said in wanted])
    await store.close()

    store = await durable.open()
    assert {job.id for job in await listed(store)} == {said.id for said in wanted}
    await store.close()


async def test_a_second_process_shares_the_store_or_is_refused(durable: Reopened) -> None:
    """A clear error where one process must own the store; the first goes on either way."""
    store = await durable.open()
    if durable.engine.shared:
        second = await durable.open()
        job_id = await submit_track(second)
        await second.close()
    else:
        with pytest.raises(SetupError):
            await durable.open()
        job_id = await submit_track(store)

    assert [job.id for job in await listed(store)] == [job_id]
    await store.close()


async def empty(store: Store, clock: FakeClock) -> None:
    """Delete every job and let the store tidy up after itself."""
    for job in await listed(store):
        await store.delete(job.id, keep_ms=SECOND)
    clock.advance(LEASE_MS)
    await sweep_all(store)
    for worker in ("w1", "w2", "w3"):
        while stages := (await store.poll(worker, [])).discard:
            await store.discarded(worker, stages)
    clock.advance(2 * DAY)
    await sweep_all(store)


async def test_after_deleting_everything_the_store_equals_an_empty_one(durable: Reopened, clock: FakeClock) -> None:
    """Row for row, once the events, windows and signs of life are old."""
    store = await durable.open()
    await sweep_all(store)
    await store.close()
    bare = await durable.contents()

    store = await durable.open()
    await a_bit_of_everything(store)
    keyed = replace(track(), idempotency=Idempotency("key", "a" * 64))
    await store.submit(keyed, SubmitLimits(rate_per_minute=10))
    resolving = await submit_album(store, "dan")
    await expand(store, await claim_album(store), 250)
    await store.cancel(resolving)
    await empty(store, clock)
    await store.close()

    assert await durable.contents() == bare


async def test_after_pruning_everything_the_store_equals_an_empty_one(durable: Reopened, clock: FakeClock) -> None:
    """Retention leaves no more behind than deleting does."""
    store = await durable.open()
    await sweep_all(store)
    await store.close()
    bare = await durable.contents()

    store = await durable.open()
    await open_album(store, 250)
    cancelled = await open_album(store, 250, "bob")
    for _ in range(3):
        await submit_track(store)
    for one in await claim_all(store):
        if one.job_id != cancelled:
            await (complete(store, one) if one.epoch % 2 else fail(store, one))
    await store.cancel(cancelled)
    await sweep_all(store)
    clock.advance(DAY)
    while (await store.prune(KEEP_NOTHING)).more:
        pass
    await empty(store, clock)
    await store.close()

    assert await durable.contents() == bare


async def test_a_store_that_was_emptied_reads_like_a_new_one(store: Store, clock: FakeClock) -> None:
    """Nothing listed, nothing counted, nothing to claim."""
    await a_bit_of_everything(store)
    await empty(store, clock)

    assert (await listed(store), await store.counts(), await store.metrics()) == ([], Counts(), Metrics())
    assert await claim(store, tracks=9, albums=9) == ()
    assert await store.workers() == ()
    job_id = await submit_track(store)
    assert (await claim_one(store)).job_id == job_id
