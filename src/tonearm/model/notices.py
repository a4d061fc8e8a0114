"""Notices and deliveries: what happened that somebody outside is told, and its way to one address.

A *notice* is a line that the end of a job leaves. A *delivery* is what becomes of it for one address: a body that is
sent until it is received, or given up. How often, and what stands in the body, is decided in `tonearm.notices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What somebody can be told of."""

    COMPLETED = "job.completed"
    PARTIAL = "job.partial"
    FAILED = "job.failed"
    DRAINED = "queue.drained"
    ATTENTION = "attention.needed"
    TEST = "test"


class DeliveryState(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Notice:
    """A job that ended. *at*: when, wall milliseconds; numbers rise, and none is given twice."""

    number: int
    at: int
    topic: Topic
    job_id: str


@dataclass(frozen=True, slots=True)
class Pending:
    """What has not been told yet, oldest first, at most a page.

    *round* names this state of things: telling says which one it goes on from. *memory* is what was kept with the last
    telling, and *listens_ms* for how long jobs go on leaving notices. *missed* notices before the first were dropped,
    because nobody asked for them in time. Not *whole*: it is a part of the queue alone, and says nothing of the rest.
    """

    round: str
    notices: tuple[Notice, ...] = ()
    memory: str = ""
    listens_ms: int = 0
    missed: int = 0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A body for one address. *target* names the address without telling it, *shown* is what people may see of it."""

    id: str
    target: str
    shown: str
    topic: Topic
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery in the hands of who sends it, its *attempt* counted from 1."""

    id: str
    target: str
    topic: Topic
    body: str
    attempt: int


@dataclass(frozen=True, slots=True)
class TakenDeliveries:
    """Deliveries to be sent now, and in how many milliseconds the next is due (None: none waits)."""

    deliveries: tuple[Delivery, ...] = ()
    next_due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery as people see it. *at* and *next_at* are wall milliseconds, *answer* is what came of the last try."""

    id: str
    topic: Topic
    shown: str
    state: DeliveryState
    at: int
    attempts: int
    next_at: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """Deliveries, the newest first, and how many wait in all."""

    waiting: int
    deliveries: tuple[DeliveryRecord, ...]
