"""Notices in SQLite (`store.notices`): left by the move that ends a job, told in rounds, and sent as deliveries.

Until when somebody listens, the round, and what is remembered from one round to the next stand in `meta`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.model import (
    AlbumOutcome,
    Delivery,
    DeliveryLog,
    DeliveryRecord,
    DeliveryState,
    NewDelivery,
    Notice,
    Pending,
    State,
    TakenDeliveries,
    Topic,
)
from tonearm.store.base import PAGE
from tonearm.store.notices import (
    DELIVERIES_LIMIT,
    DELIVERY_AGE_MS,
    LOG_AGE_MS,
    LOG_LIMIT,
    NOTICE_AGE_MS,
    NOTICES_LIMIT,
)
from tonearm.store.sqlite.unit import Row, Unit
from tonearm.store.task import Task

_UNTIL, _ROUND, _TOLD, _MEMORY = "notices:until", "notices:round", "notices:told", "notices:memory"


def leave(unit: Unit, job: Task) -> None:
    """Leave the notice of a job that has just ended, if somebody listens."""
    if job.state == State.CANCELLED or unit.now >= _number(unit, _UNTIL):
        return
    topic = Topic.FAILED
    if job.state == State.COMPLETED:
        topic = Topic.PARTIAL if job.outcome == AlbumOutcome.PARTIAL else Topic.COMPLETED
    unit.run("INSERT INTO notice (at, topic, job) VALUES (?, ?, ?)", unit.now, topic, job.id)
    unit.run("DELETE FROM notice WHERE number <= ?", unit.db.last_insert_rowid() - NOTICES_LIMIT)


def listen(unit: Unit, ms: int) -> None:
    """Listen for so long (`Notices.listen`)."""
    _keep(unit, _UNTIL, max(_number(unit, _UNTIL), unit.now + ms))


def pending(unit: Unit) -> Pending:
    """Return what is to be told (`Notices.pending`)."""
    rows = unit.all("SELECT number, at, topic, job FROM notice ORDER BY number LIMIT ?", PAGE)
    (memory,) = unit.one("SELECT value FROM meta WHERE key = ?", _MEMORY) or ("",)
    return Pending(
        round=str(_number(unit, _ROUND)),
        notices=tuple(Notice(number, at + unit.shift, Topic(topic), job) for number, at, topic, job in rows),
        memory=memory,
        listens_ms=max(0, _number(unit, _UNTIL) - unit.now),
        missed=rows[0][0] - 1 - _number(unit, _TOLD) if rows else 0,
    )


def tell(unit: Unit, deliveries: Sequence[NewDelivery], from_round: str | None, upto: int, memory: str) -> int:
    """Enter deliveries, and end a round by it (`Notices.tell`)."""
    if from_round is not None:
        number = _number(unit, _ROUND)
        if from_round != str(number):
            return 0
        _keep(unit, _ROUND, number + 1)
        _keep(unit, _TOLD, max(upto, _number(unit, _TOLD)))
        _keep(unit, _MEMORY, memory)
        unit.run("DELETE FROM notice WHERE number <= ?", upto)
    for each in deliveries:
        unit.run(
            "INSERT OR IGNORE INTO delivery (id, target, shown, topic, body, at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(each.id, each.target, each.shown, each.topic, each.body, unit.now, unit.now),
        )
    return _drop_oldest(unit)


def _drop_oldest(unit: Unit) -> int:
    kept = unit.one(
        "SELECT number FROM delivery WHERE due_at IS NOT NULL ORDER BY number DESC LIMIT 1 OFFSET ?", DELIVERIES_LIMIT
    )
    if kept is None:
        return 0
    unit.run("DELETE FROM delivery WHERE due_at IS NOT NULL AND number <= ?", kept[0])
    return unit.db.changes()


def take(unit: Unit, targets: Sequence[str], most: int, hold_ms: int) -> TakenDeliveries:
    """Hand out what is due (`Notices.take_deliveries`)."""
    waiting: list[Row] = []
    for target in targets:
        waiting += unit.all(
            "SELECT due_at, number, id, target, topic, body, attempts FROM delivery "
            "WHERE target = ? AND due_at IS NOT NULL ORDER BY due_at, number LIMIT ?",
            *(target, most + 1),
        )
    waiting.sort()
    due = [row for row in waiting[:most] if row[0] <= unit.now]
    for _, number, *_ in due:
        unit.run("UPDATE delivery SET attempts = attempts + 1, due_at = ? WHERE number = ?", unit.now + hold_ms, number)
    taken = tuple(
        Delivery(id_, target, Topic(topic), body, attempts + 1) for _, _, id_, target, topic, body, attempts in due
    )
    following = [row[0] - unit.now for row in waiting[len(due) :]] + [hold_ms] * bool(due)
    return TakenDeliveries(taken, max(0, min(following)) if following else None)


def settle(unit: Unit, delivery: Delivery, answer: str, *, received: bool, delay_ms: int | None) -> None:
    """Say what came of a try (`Notices.settle_delivery`)."""
    row = unit.one("SELECT attempts FROM delivery WHERE id = ? AND due_at IS NOT NULL", delivery.id)
    if row is None or not (received or row[0] == delivery.attempt):
        return
    if not received and delay_ms is not None:
        unit.run("UPDATE delivery SET due_at = ?, answer = ? WHERE id = ?", unit.now + delay_ms, answer, delivery.id)
        return
    unit.run(
        "UPDATE delivery SET due_at = NULL, over_at = ?, received = ?, body = '', answer = ? WHERE id = ?",
        *(unit.now, int(received), answer, delivery.id),
    )
    oldest = unit.one(
        "SELECT over_at, number FROM delivery WHERE over_at IS NOT NULL "
        "ORDER BY over_at DESC, number DESC LIMIT 1 OFFSET ?",
        LOG_LIMIT,
    )
    if oldest is not None:
        unit.run("DELETE FROM delivery WHERE over_at IS NOT NULL AND (over_at, number) <= (?, ?)", *oldest)


_COLUMNS = "number, id, topic, shown, at, attempts, due_at, received, answer"
_WAITING = f"SELECT {_COLUMNS} FROM delivery WHERE due_at IS NOT NULL ORDER BY number DESC LIMIT ?"  # noqa: S608 - our own names
_OVER = f"SELECT {_COLUMNS} FROM delivery WHERE over_at IS NOT NULL ORDER BY over_at DESC, number DESC LIMIT ?"  # noqa: S608 - as above


def log(unit: Unit, limit: int) -> DeliveryLog:
    """Return the deliveries as people see them (`Notices.deliveries`)."""
    rows = unit.all(_WAITING, limit) + unit.all(_OVER, limit)
    rows.sort(key=lambda row: row[0], reverse=True)
    ((waiting,),) = unit.all(
        "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE due_at IS NOT NULL LIMIT ?)", DELIVERIES_LIMIT
    )
    return DeliveryLog(waiting, tuple(_record(unit, row) for row in rows))


def _record(unit: Unit, row: Row) -> DeliveryRecord:
    _, id_, topic, shown, at, attempts, due_at, received, answer = row
    over = DeliveryState.DELIVERED if received else DeliveryState.GIVEN_UP
    return DeliveryRecord(
        id=id_,
        topic=Topic(topic),
        shown=shown,
        state=over if due_at is None else DeliveryState.WAITING,
        at=at + unit.shift,
        attempts=attempts,
        next_at=None if due_at is None else due_at + unit.shift,
        answer=answer,
    )


_OLD = (
    ("SELECT number, at FROM notice ORDER BY number LIMIT ?", "DELETE FROM notice WHERE number = ?", NOTICE_AGE_MS),
    (
        "SELECT number, at FROM delivery WHERE due_at IS NOT NULL ORDER BY number LIMIT ?",
        "DELETE FROM delivery WHERE number = ?",
        DELIVERY_AGE_MS,
    ),
    (
        "SELECT number, over_at FROM delivery WHERE over_at IS NOT NULL ORDER BY over_at, number LIMIT ?",
        "DELETE FROM delivery WHERE number = ?",
        LOG_AGE_MS,
    ),
)
"""The oldest of a kind with their times, how one is dropped, and when it is."""


def forget_old(unit: Unit) -> bool:
    """Drop what nobody asks for and what is long over, at most `PAGE` of each kind; True when there is more."""
    more = False
    for oldest, drop, age_ms in _OLD:
        old = [number for number, at in unit.all(oldest, PAGE) if at <= unit.now - age_ms]
        for number in old:
            unit.run(drop, number)
        more = more or len(old) == PAGE
    return more


def _number(unit: Unit, key: str) -> int:
    row = unit.one("SELECT value FROM meta WHERE key = ?", key)
    return 0 if row is None else int(row[0])


def _keep(unit: Unit, key: str, value: int | str) -> None:
    unit.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value)
