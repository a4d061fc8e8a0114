"""Notices: the part of a store that remembers of which ends somebody has still to be told, and what is on its way.

The end of a job leaves its notice in the same unit, so none is lost and none is told that did not happen, as long as
somebody listens; a queue that nobody listens to keeps nothing. Any number of processes may call at the same time:
of two that tell the same round one does, and a delivery is in the hands of one at a time. Jobs that come from another
store finished leave no notice: they left it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tonearm.model import Delivery, DeliveryLog, NewDelivery, Pending, TakenDeliveries

NOTICES_LIMIT = 10_000
"""Notices that are kept at most; beyond it the oldest are dropped."""

DELIVERIES_LIMIT = 10_000
"""Deliveries that may wait at a time; beyond it the oldest are dropped."""

LOG_LIMIT = 200
"""Deliveries that are remembered after they came to their end."""

NOTICE_AGE_MS = 24 * 3_600_000
"""How old a notice becomes that nobody asks for, milliseconds."""

DELIVERY_AGE_MS = 48 * 3_600_000
"""How long a delivery waits at most, whoever should send it, milliseconds."""

LOG_AGE_MS = 7 * 24 * 3_600_000
"""How long a delivery is remembered after its end, milliseconds."""


class Notices(Protocol):
    """What a store knows of notices; each call is one unit, and can be said again."""

    async def listen(self, ms: int) -> None:
        """From now on, and for so many milliseconds of store time, jobs that end leave a notice.

        Completed, partial and failed ones do; a job that is retried and ends again leaves another. It only prolongs.
        """
        ...

    async def pending(self) -> Pending:
        """What has not been told yet, at most `PAGE` notices. Nothing changes."""
        ...

    async def tell(
        self, deliveries: Sequence[NewDelivery], *, from_round: str | None = None, upto: int = 0, memory: str = ""
    ) -> int:
        """Enter deliveries, due at once; one of an id that is known is passed over.

        With *from_round* the notices up to the number *upto* are told by it, and *memory* is kept for the next round,
        unless another call has told that round before: then nothing changes. Answers how many deliveries that waited
        longest were dropped, to keep to `DELIVERIES_LIMIT`.

        Cost: O(log n) each, at most `PAGE` dropped beside them.
        """
        ...

    async def take_deliveries(self, targets: Sequence[str], most: int, hold_ms: int) -> TakenDeliveries:
        """Hand out at most *most* deliveries for these targets that are due, the one that waits longest first.

        Each is due again after *hold_ms* milliseconds, if it is not settled before: whoever took it has died then. One
        whose reply was lost is handed out again after that time.
        """
        ...

    async def settle_delivery(
        self, delivery: Delivery, answer: str, *, received: bool, delay_ms: int | None = None
    ) -> None:
        """Say what came of a try, and in *answer* the reason: it was *received*, or is due again after *delay_ms*, or,
        without, is given up.

        What is over stays as it ended. Of a try that another one has followed only a success counts. The newest
        `LOG_LIMIT` that are over are remembered, without their bodies.
        """
        ...

    async def deliveries(self, limit: int) -> DeliveryLog:
        """At most *limit* deliveries that wait, and as many that are over, the newest first."""
        ...
