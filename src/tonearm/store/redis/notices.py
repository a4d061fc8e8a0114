"""Notices in Redis (`store.notices`): the words of `lua/notices.lua` and `lua/outbox.lua`."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.model import (
    Delivery,
    DeliveryLog,
    DeliveryRecord,
    DeliveryState,
    NewDelivery,
    Notice,
    Pending,
    TakenDeliveries,
    Topic,
)
from tonearm.store.redis.desk import Desk, Moment
from tonearm.store.redis.reading import named
from tonearm.store.redis.wire import flag


async def pending(desk: Desk) -> Pending:
    """What is to be told (`Notices.pending`)."""
    (round_, memory, until, told, *kept), moment = await desk.run_timed("outbox", "pending")
    notices = tuple(_notice(line, int(float(at)) + moment.shift) for line, at in kept)
    missed = notices[0].number - 1 - int(told) if notices else 0
    return Pending(round_, notices, memory, max(0, int(until) - moment.now), missed)


def _notice(line: str, at: int) -> Notice:
    number, topic, job_id = line.split(" ")
    return Notice(int(number), at, Topic(topic), job_id)


async def tell(desk: Desk, deliveries: Sequence[NewDelivery], from_round: str | None, upto: int, memory: str) -> int:
    """Enter deliveries, and end a round by it (`Notices.tell`)."""
    words = [word for each in deliveries for word in (each.id, each.target, each.shown, each.topic, each.body)]
    (dropped,) = await desk.run("notices", "tell", flag(from_round is not None), from_round or "", upto, memory, *words)
    return int(dropped)


async def take(desk: Desk, targets: Sequence[str], most: int, hold_ms: int) -> TakenDeliveries:
    """Hand out what is due (`Notices.take_deliveries`)."""
    following, *taken = await desk.run("notices", "take", most, hold_ms, *targets)
    return TakenDeliveries(
        tuple(Delivery(id_, target, Topic(topic), body, int(attempt)) for id_, target, topic, body, attempt in taken),
        int(following) if following else None,
    )


async def settle(desk: Desk, delivery: Delivery, answer: str, *, received: bool, delay_ms: int | None) -> None:
    """Say what came of a try (`Notices.settle_delivery`)."""
    again = "" if delay_ms is None else delay_ms
    await desk.run("notices", "settle", delivery.id, delivery.attempt, answer, flag(received), again)


async def log(desk: Desk, limit: int) -> DeliveryLog:
    """The deliveries as people see them (`Notices.deliveries`)."""
    (waiting, *flats), moment = await desk.run_timed("outbox", "log", limit)
    found = sorted((named(flat) for flat in flats), key=lambda kept: kept["place"], reverse=True)
    return DeliveryLog(int(waiting), tuple(_record(kept, moment) for kept in found))


def _record(kept: dict[str, str], moment: Moment) -> DeliveryRecord:
    due_at = kept.get("due_at")
    over = DeliveryState.DELIVERED if kept.get("received") == "1" else DeliveryState.GIVEN_UP
    return DeliveryRecord(
        id=kept["id"],
        topic=Topic(kept["topic"]),
        shown=kept["shown"],
        state=over if due_at is None else DeliveryState.WAITING,
        at=int(kept["at"]) + moment.shift,
        attempts=int(kept["attempts"]),
        next_at=None if due_at is None else int(due_at) + moment.shift,
        answer=kept.get("answer"),
    )
