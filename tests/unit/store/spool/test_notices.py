"""The notices of a spool: a job is told of where it ended, and what is told is sent from there."""

from __future__ import annotations

from tests.contract.steps import claim_one, complete, fail, submit_track
from tests.support.clock import DAY, SECOND, FakeClock
from tests.support.switched import Line
from tests.unit.store.spool.conftest import Stores

from tonearm.model import DeliveryState, NewDelivery, Topic
from tonearm.store.spool.notices import HERE

WEEK = 7 * DAY


def new(number: int) -> NewDelivery:
    return NewDelivery(f"msg_{number}", "a", "https://a.example", Topic.TEST, "{}")


async def told(stores: Stores) -> list[str]:
    """The jobs that are pending, in the store whose turn it is."""
    return [notice.job_id for notice in (await stores.spool.pending()).notices]


async def tell(stores: Stores, *deliveries: NewDelivery) -> None:
    """End the present round."""
    now = await stores.spool.pending()
    upto = now.notices[-1].number if now.notices else 0
    await stores.spool.tell(deliveries, from_round=now.round, upto=upto, memory="kept")


async def test_a_job_that_ends_while_the_queue_is_away_is_told_once(stores: Stores) -> None:
    """At once, from here; the main store, to which it is handed over finished, says nothing of it."""
    spool = stores.spool
    await spool.listen(WEEK)
    await stores.go_away()
    job_id = await submit_track(spool)
    await complete(spool, await claim_one(spool))
    pending = await spool.pending()
    assert (pending.round.startswith(HERE), pending.whole) == (True, False)
    assert await told(stores) == [job_id]
    await tell(stores, new(1))
    assert await told(stores) == []

    await stores.settle_down()
    assert (await stores.main.job(job_id)).id == job_id
    assert await told(stores) == []
    assert (await spool.pending()).whole


async def test_what_ended_here_is_told_also_when_the_queue_is_back(stores: Stores) -> None:
    """After what the main store has; each round is ended where it began."""
    spool = stores.spool
    await spool.listen(WEEK)
    await stores.go_away()
    here = await submit_track(spool)
    await fail(spool, await claim_one(spool))
    await stores.settle_down()
    there = await submit_track(spool)
    await fail(spool, await claim_one(spool))

    assert await told(stores) == [there]
    await tell(stores)
    assert await told(stores) == [here]
    await tell(stores)
    assert await told(stores) == []
    assert ((await stores.main.pending()).memory, (await stores.local.pending()).memory) == ("kept", "kept")


async def test_deliveries_are_sent_from_either_store_and_settled_there(stores: Stores, clock: FakeClock) -> None:
    """A test goes where the queue is; what lies here is sent though it is back."""
    spool = stores.spool
    await stores.go_away()
    await spool.tell([new(1)])
    clock.advance(SECOND)
    await stores.settle_down()
    await spool.tell([new(2), new(3)])
    taken = (await spool.take_deliveries(["a"], 2, DAY)).deliveries
    assert [each.id for each in taken] == ["msg_1", "msg_2"]
    assert (await spool.deliveries(5)).waiting == 3
    for each in taken:
        await spool.settle_delivery(each, "received", received=True)

    log = await spool.deliveries(5)
    assert log.waiting == 1
    assert [each.id for each in log.deliveries if each.state is DeliveryState.DELIVERED] == ["msg_2", "msg_1"]
    assert [each.id for each in (await stores.local.deliveries(5)).deliveries] == ["msg_1"]


async def test_who_listens_is_heard_by_a_store_that_was_away(stores: Stores) -> None:
    """What is left is that of the one which hears for the shortest, so that it is prolonged when it is back."""
    stores.switch.set(Line.DOWN)
    await stores.spool.listen(WEEK)
    assert (await stores.spool.pending()).listens_ms == WEEK
    await stores.settle_down()

    assert (await stores.spool.pending()).listens_ms == 0
