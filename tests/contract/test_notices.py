"""Notices: what ends is told, once for each end, and what is told is sent until it is received or given up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract import steps
from tests.contract.carrying import carry
from tests.contract.conftest import Reopened
from tests.contract.engines import Engine
from tests.support.clock import DAY, SECOND, FakeClock
from tonearm.model import Delivery, DeliveryState, NewDelivery, Pending, Retention, State, TakenDeliveries, Topic
from tonearm.store import notices
from tonearm.store.base import PAGE, Store
from tonearm.store.sqlite import open_sqlite

WEEK = 7 * DAY
HOLD = 10 * SECOND


async def told(store: Store) -> list[tuple[Topic, str]]:
    """What is pending, as topic and job."""
    return [(notice.topic, notice.job_id) for notice in (await store.pending()).notices]


async def tell_all(store: Store, *deliveries: NewDelivery, memory: str = "") -> int:
    """End the present round with these deliveries."""
    now = await store.pending()
    upto = now.notices[-1].number if now.notices else 0
    return await store.tell(deliveries, from_round=now.round, upto=upto, memory=memory)


def new(number: int, target: str = "here") -> NewDelivery:
    """A delivery."""
    return NewDelivery(f"msg_{number}", target, f"https://{target}.example", Topic.FAILED, f'{{"number":{number}}}')


async def take(store: Store, *targets: str, most: int = 10) -> tuple[Delivery, ...]:
    """Take what is due for these targets."""
    return (await store.take_deliveries(targets or ["here"], most, HOLD)).deliveries


async def end_one_of_each(store: Store) -> dict[str, str]:
    """A job of each end, in this order; job ids by their end."""
    partial = await steps.open_album(store, 2)
    one, two = await steps.claim(store, tracks=2)
    await steps.complete(store, one)
    await steps.fail(store, two)
    completed = await steps.submit_track(store)
    await steps.complete(store, await steps.claim_one(store))
    failed = await steps.submit_track(store)
    await steps.fail(store, await steps.claim_one(store))
    cancelled = await steps.submit_track(store)
    await store.cancel(cancelled)
    return {"partial": partial, "completed": completed, "failed": failed, "cancelled": cancelled}


async def test_each_end_but_a_cancel_leaves_its_notice_in_its_order(store: Store, clock: FakeClock) -> None:
    """Of jobs, not of their tracks, with the time at which they ended."""
    await store.listen(WEEK)
    ids = await end_one_of_each(store)

    assert await told(store) == [
        (Topic.PARTIAL, ids["partial"]),
        (Topic.COMPLETED, ids["completed"]),
        (Topic.FAILED, ids["failed"]),
    ]
    assert {notice.at for notice in (await store.pending()).notices} == {clock.wall_ms()}


async def test_nobody_is_told_of_what_ended_before_anybody_listened(store: Store, clock: FakeClock) -> None:
    """Nor of what ends when nobody does any more; and listening only gets longer."""
    await end_one_of_each(store)
    assert await store.pending() == Pending("0")

    await store.listen(2 * SECOND)
    await store.listen(SECOND)
    clock.advance(SECOND)
    assert (await store.pending()).listens_ms == SECOND
    clock.advance(SECOND)
    await end_one_of_each(store)
    assert await store.pending() == Pending("0")


async def test_a_job_that_ends_again_is_told_again(store: Store) -> None:
    """With a later number; a deleted one stays told."""
    await store.listen(WEEK)
    job_id = await steps.submit_track(store)
    await steps.fail(store, await steps.claim_one(store))
    await store.retry(job_id)
    await steps.complete(store, await steps.claim_one(store))
    await store.delete(job_id)

    first, second = (await store.pending()).notices
    assert (first.topic, second.topic) == (Topic.FAILED, Topic.COMPLETED)
    assert first.number < second.number


async def test_a_job_that_comes_from_another_store_finished_is_not_told_here(store: Store, clock: FakeClock) -> None:
    """It left its notice where it ended."""
    other = await open_sqlite(None, clock)
    job_id = await steps.submit_track(other)
    await steps.complete(other, await steps.claim_one(other))
    await store.listen(WEEK)
    await carry(other, store, job_id)
    await other.close()

    assert (await store.job(job_id)).state is State.COMPLETED
    assert await told(store) == []


async def test_a_round_is_told_once_and_only_what_it_told(store: Store) -> None:
    """What ended since stays; the same round again, or from another process, changes nothing."""
    await store.listen(WEEK)
    ids = await end_one_of_each(store)
    seen = await store.pending()
    upto = seen.notices[1].number
    assert await store.tell([new(1)], from_round=seen.round, upto=upto, memory="of one") == 0
    assert await store.tell([new(2)], from_round=seen.round, upto=99, memory="of another") == 0

    after = await store.pending()
    assert [notice.job_id for notice in after.notices] == [ids["failed"]]
    assert (after.memory, after.missed) == ("of one", 0)
    assert after.round != seen.round
    assert [each.id for each in await take(store)] == ["msg_1"]


async def test_a_page_of_notices_is_told_at_a_time(store: Store) -> None:
    """The oldest first."""
    await store.listen(WEEK)
    ids = [await steps.submit_track(store) for _ in range(PAGE + 5)]
    for held in await steps.claim_all(store):
        await steps.fail(store, held)
    assert [job_id for _, job_id in await told(store)] == ids[:PAGE]
    await tell_all(store)

    assert [job_id for _, job_id in await told(store)] == ids[PAGE:]


async def test_a_delivery_goes_to_one_at_a_time_until_it_is_received(store: Store, clock: FakeClock) -> None:
    """Who took it and died has it for so long; then it is another try, and the first may still have been received."""
    await store.tell([new(1), new(2, "there")])
    first, *others = await take(store)
    assert (first.body, first.attempt, others) == (new(1).body, 1, [])
    assert await store.take_deliveries(["here"], 10, HOLD) == TakenDeliveries((), HOLD)

    clock.advance(HOLD)
    (second,) = await take(store)
    assert second == replace(first, attempt=2)
    await store.settle_delivery(first, "too late", received=False)
    assert (await store.deliveries(5)).waiting == 2
    await store.settle_delivery(first, "received", received=True)
    await store.settle_delivery(second, "cannot be", received=False, delay_ms=1)
    clock.advance(DAY)
    assert await take(store) == ()
    assert [each.id for each in await take(store, "there", "here")] == ["msg_2"]


async def test_a_failed_try_is_due_again_after_its_delay_or_given_up(store: Store, clock: FakeClock) -> None:
    """The next one is told by its time, and what came of the last stands in the log."""
    await store.tell([new(1)])
    (held,) = await take(store)
    await store.settle_delivery(held, "answered 500", received=False, delay_ms=5_000)
    assert await store.take_deliveries(["here"], 1, HOLD) == TakenDeliveries((), 5_000)
    (waits,) = (await store.deliveries(5)).deliveries
    assert (waits.state, waits.attempts, waits.answer) == (DeliveryState.WAITING, 1, "answered 500")
    assert waits.next_at == clock.wall_ms() + 5_000

    clock.advance(5_000)
    (held,) = await take(store)
    await store.settle_delivery(held, "answered 410", received=False)
    log = await store.deliveries(5)
    (over,) = log.deliveries
    assert (log.waiting, over.state, over.attempts) == (0, DeliveryState.GIVEN_UP, 2)
    assert (over.id, over.shown, over.topic, over.next_at) == ("msg_1", "https://here.example", Topic.FAILED, None)


async def test_the_one_that_is_due_first_is_sent_first(store: Store, clock: FakeClock) -> None:
    """Over all targets that were asked for, and no more than asked for."""
    for number, target in enumerate(("here", "there", "here", "elsewhere")):
        await store.tell([new(number, target)])
        clock.advance(SECOND)

    assert [each.id for each in await take(store, "there", "here", most=2)] == ["msg_0", "msg_1"]
    assert [each.id for each in await take(store, "there", "here", most=2)] == ["msg_2"]
    assert (await store.take_deliveries(["nowhere"], 1, HOLD)) == TakenDeliveries()


async def test_an_id_is_entered_once(store: Store) -> None:
    """Also when it was received in the meantime."""
    await store.tell([new(1)])
    (held,) = await take(store)
    await store.settle_delivery(held, "received", received=True)
    await store.tell([new(1), new(1)])

    assert await take(store) == ()
    assert len((await store.deliveries(5)).deliveries) == 1


async def test_the_log_has_the_newest_that_are_over(store: Store, clock: FakeClock) -> None:
    """As many as are kept, the newest first."""
    many = notices.LOG_LIMIT + 3
    await store.tell([new(number) for number in range(many)])
    while held := await take(store, most=PAGE):
        for each in held:
            await store.settle_delivery(each, "received", received=True)
            clock.advance(1)

    found = (await store.deliveries(PAGE * 2)).deliveries
    assert [each.id for each in found] == [f"msg_{number}" for number in reversed(range(3, many))]
    assert [each.id for each in (await store.deliveries(1)).deliveries] == [f"msg_{many - 1}"]


async def test_of_too_many_that_wait_the_oldest_are_dropped(
    store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the number of them is told to who told too many."""
    if engine.shared:  # the limit of a script is its own
        for first in range(0, notices.DELIVERIES_LIMIT, 2_000):
            await store.tell([new(number) for number in range(first, first + 2_000)])
    else:
        monkeypatch.setattr("tonearm.store.sqlite.notices.DELIVERIES_LIMIT", 5)
        await store.tell([new(number) for number in range(5)])
    full = (await store.deliveries(1)).waiting
    assert await store.tell([new(77_777), new(88_888)]) == 2

    assert (await store.deliveries(1)).waiting == full
    assert [each.id for each in await take(store, most=1)] == ["msg_2"]


async def test_what_nobody_asks_for_is_forgotten(store: Store, clock: FakeClock) -> None:
    """Notices, deliveries and the log go when they are old; who comes late is told how much is missing."""
    await store.listen(WEEK)
    await end_one_of_each(store)
    await store.tell([new(1), new(2)])
    held, _ = await take(store)
    await store.settle_delivery(held, "received", received=True)
    clock.advance(notices.NOTICE_AGE_MS)
    await steps.sweep_all(store)
    assert await told(store) == []
    await steps.submit_track(store)
    await steps.fail(store, await steps.claim_one(store))
    assert (await store.pending()).missed == 3

    clock.advance(notices.DELIVERY_AGE_MS)
    await steps.sweep_all(store)
    assert [each.id for each in (await store.deliveries(5)).deliveries] == ["msg_1"]
    clock.advance(notices.LOG_AGE_MS)
    await steps.sweep_all(store)
    assert (await store.deliveries(5)).deliveries == ()


async def test_all_of_it_outlives_the_process_and_goes_in_the_end(durable: Reopened, clock: FakeClock) -> None:
    """Notices, deliveries and what is remembered are there after a restart; when all is old, nothing is left."""
    store = await durable.open()
    await store.close()
    empty = await durable.contents()
    store = await durable.open()
    await store.listen(WEEK)
    ids = await end_one_of_each(store)
    await tell_all(store, new(1), new(2), memory="kept")
    await store.retry(ids["failed"])
    await steps.fail(store, await steps.claim_one(store))
    await store.close()

    store = await durable.open()
    assert await told(store) == [(Topic.FAILED, ids["failed"])]
    assert (await store.pending()).memory == "kept"
    held, _ = await take(store)
    await store.settle_delivery(held, "received", received=True)
    await tell_all(store)
    for job_id in ids.values():
        await store.delete(job_id)
    clock.advance(10 * DAY)
    await steps.sweep_all(store)
    await store.prune(Retention(0, 0, 0))
    await steps.sweep_all(store)
    await store.close()
    left = await durable.contents()
    assert {name: rows for name, rows in left.items() if rows != empty.get(name, 0) and name != "meta"} == {}
