"""The throttle: one bucket of bytes over all transfers of the process, whose limit may change while they run.

A transfer asks for each bite before it passes the bytes on; what it does not read meanwhile waits in buffers of bounded
size, and then at the sender. Bites are small and go to whoever had least (start-time fair queuing), so that a small
track gets its share beside large ones. Where there is no limit nobody is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

BITE_S = 0.05
"""A bite is what the limit allows in this time, seconds: so long one transfer goes before the others at most."""

BURST_S = 0.2
"""The bucket holds what the limit allows in this time, seconds: it makes up for a busy loop, and is 2 % of 10 s."""

BUFFER_S = 0.06
LEAST_BUFFER = 16 * 1024

Standing = Callable[[], AbstractContextManager[object]]
"""Makes the block inside which a transfer is held through no fault of its own: clocks stand still there."""


class Bucket:
    """The bytes that may pass: *limit* more every second (0: any number). Times are seconds of any steady clock."""

    def __init__(self, limit: int, now: float) -> None:
        self.limit = limit
        self._level = 0.0
        self._at = now

    def change(self, limit: int, now: float) -> None:
        """Let *limit* hold from *now* on. What was owed under the old one is forgiven but for a bite of the new."""
        self._refill(now)
        self.limit = limit
        self._level = min(max(self._level, -limit * BITE_S), limit * BURST_S)

    def take(self, wanted: int, now: float) -> int:
        """Let at most *wanted* bytes pass; answers how many, 0 while `wait_s` is not over."""
        if not self.limit:
            return wanted
        self._refill(now)
        if self._level < 0:
            return 0
        taken = min(wanted, max(1, round(self.limit * BITE_S)))
        self._level -= taken
        return taken

    def wait_s(self) -> float:
        """Seconds from the last `take` until the next one gives something."""
        return max(0.0, -self._level / self.limit) if self.limit else 0.0

    def _refill(self, now: float) -> None:
        self._level = min(self._level + (now - self._at) * self.limit, self.limit * BURST_S)
        self._at = now


@dataclass(order=True, slots=True)
class _Ticket:
    """A lane that waits, in the order of *turn*, and of arrival where that is the same."""

    turn: int
    number: int
    lane: Lane = field(compare=False)
    wanted: int = field(compare=False)
    granted: asyncio.Future[int] = field(compare=False)


class Throttle:
    """Holds all transfers together to *limit* bytes per second (0: no limit). Belongs to the loop."""

    def __init__(self, limit: int = 0, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._bucket = Bucket(limit, now())
        self._waiting: list[_Ticket] = []
        self._numbers = count()
        self._turn = 0  # of the lane that was served last: bytes that a lane had which was always there
        self._coming: asyncio.Handle | None = None

    @property
    def limit(self) -> int:
        """Bytes per second, 0 for no limit."""
        return self._bucket.limit

    def change(self, limit: int) -> None:
        """Let *limit* hold from now on, also for transfers that wait."""
        if limit != self.limit:
            self._bucket.change(limit, self._now())
            self._come_back(0.0)

    def read_buffer(self, usual: int) -> int:
        """Bytes that may wait between the socket and its reader: under a low limit fewer than the *usual*.

        So little runs ahead of the limit, and a sender is kept waiting often and briefly instead of seldom and long.
        """
        return min(usual, max(LEAST_BUFFER, round(self.limit * BUFFER_S))) if self.limit else usual

    def lane(self, standing: Standing = nullcontext) -> Lane:
        """The way of one transfer. *standing* is entered whenever the throttle holds it."""
        return Lane(self, standing)

    async def _take(self, lane: Lane, wanted: int) -> int:
        if not self._waiting and (taken := self._bucket.take(wanted, self._now())):
            self._charge(lane, max(lane.turn, self._turn), taken)
            return taken
        granted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, _Ticket(max(lane.turn, self._turn), next(self._numbers), lane, wanted, granted))
        if self._coming is None:
            self._come_back(self._bucket.wait_s())
        with lane.standing():
            return await granted

    def _serve(self) -> None:
        """Let one transfer pass, and come back for the next one when this one can have joined the queue again."""
        self._coming = None
        while self._waiting and self._waiting[0].granted.done():
            heappop(self._waiting)  # its transfer was cancelled
        if not self._waiting:
            return
        ticket = self._waiting[0]
        if taken := self._bucket.take(ticket.wanted, self._now()):
            heappop(self._waiting)
            ticket.granted.set_result(taken)
            self._charge(ticket.lane, ticket.turn, taken)
        self._come_back(self._bucket.wait_s())

    def _come_back(self, seconds: float) -> None:
        if self._coming is not None:
            self._coming.cancel()
        loop = asyncio.get_running_loop()
        self._coming = loop.call_later(seconds, self._serve) if seconds else loop.call_soon(self._serve)

    def _charge(self, lane: Lane, turn: int, taken: int) -> None:
        self._turn = turn
        lane.turn = turn + taken


class Lane:
    """The way of one transfer through the throttle."""

    def __init__(self, throttle: Throttle, standing: Standing) -> None:
        self._throttle = throttle
        self.standing = standing
        self.turn = 0
        """Where it stands among the others; only the throttle reads and moves it."""

    @property
    def limited(self) -> bool:
        """Whether `take` has to be asked now."""
        return self._throttle.limit > 0

    async def take(self, wanted: int) -> int:
        """Wait until bytes may pass; answers how many, from 1 to *wanted*. A cancel is heard at once."""
        return await self._throttle._take(self, wanted)  # noqa: SLF001 - a lane is a part of its throttle
