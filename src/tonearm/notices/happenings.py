"""Happenings: what can be told, and the body that tells it.

A body has `type`, `timestamp` and `data`, as https://www.standardwebhooks.com recommends, and the `id` of its
delivery. What `data` holds for each type stands in docs/reference/webhooks.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from tonearm.model import Counts, NewDelivery, Notice, Status, Topic
from tonearm.notices.addresses import Address
from tonearm.notices.troubles import Trouble


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that is told to every address. *at*: wall milliseconds."""

    topic: Topic
    at: int
    data: dict[str, Any]

    def deliveries(self, addresses: Sequence[Address]) -> list[NewDelivery]:
        """One for each address, each with an id of its own."""
        return [self._for(address) for address in addresses]

    def _for(self, address: Address) -> NewDelivery:
        delivery_id = f"msg_{secrets.token_hex(16)}"
        moment = datetime.fromtimestamp(self.at / 1_000, UTC).isoformat(timespec="milliseconds")
        when = moment.replace("+00:00", "Z")
        body = {"id": delivery_id, "type": self.topic, "timestamp": when, "data": self.data}
        text = msgspec.json.encode(body).decode()
        return NewDelivery(delivery_id, address.target, address.shown, self.topic, text)


def ended(notice: Notice, job: bytes | None) -> Happening:
    """A job came to an end; *job* is its list form, None if it is gone, or began anew since."""
    status = Status.FAILED if notice.topic is Topic.FAILED else Status.COMPLETED
    short = {"id": notice.job_id, "status": status, "completedAt": notice.at}
    return Happening(notice.topic, notice.at, {"job": short if job is None else msgspec.Raw(job)})


def drained(at: int, counts: Counts) -> Happening:
    """The last unfinished job is over; *counts* is what the queue holds now."""
    finished = {"completed": counts.completed, "failed": counts.failed, "cancelled": counts.cancelled}
    return Happening(Topic.DRAINED, at, {"queue": finished})


def attention(at: int, trouble: Trouble) -> Happening:
    """Something wants a person."""
    return Happening(Topic.ATTENTION, at, {"trouble": trouble.kind, "message": trouble.message})


def trial(at: int) -> Happening:
    """Somebody wants to see whether webhooks arrive."""
    return Happening(Topic.TEST, at, {"message": "This is a test. Nothing happened."})
