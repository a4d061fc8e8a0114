"""Slots: how much one worker does at a time.

A transfer slot is held from the claim to the last byte. Then the task moves on to the finishing places (verify, tag,
publish), of which there are as many; while those are full it keeps its slot, so that work never piles up behind the
line. Albums are resolved without a slot, two at a time. The limit may change at any time: what runs goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque

RESOLVES = 2
"""Albums that one worker resolves at the same time."""


class Slots:
    """Counts what runs; nothing new begins above *limit* transfers, as many finishing, and `RESOLVES` albums."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.transferring = 0
        self.finishing = 0
        self.resolving = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._freed = asyncio.Event()

    @property
    def free_transfers(self) -> int:
        """Track tasks that may be claimed now; none while the finishing places are full."""
        return 0 if self.finishing >= self.limit else max(0, self.limit - self.transferring)

    @property
    def free_resolves(self) -> int:
        """Albums that may be claimed now."""
        return RESOLVES - self.resolving

    def change(self, limit: int) -> None:
        """Let *limit* hold from now on. Where it is lower, what is above it may finish."""
        self.limit = limit
        self._let_finish()
        self._freed.set()

    async def freed(self, timeout_s: float) -> None:
        """Wait until something was freed since the last call, at most *timeout_s* seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._freed.wait()
        except TimeoutError:
            pass
        self._freed.clear()

    def notify(self) -> None:
        """Wake who waits in `freed`."""
        self._freed.set()

    def seat(self, *, transfer: bool) -> Seat:
        """Take a transfer slot, or a place for resolving; it is held until the seat is left."""
        return Seat(self, transfer=transfer)

    async def to_finishing(self) -> None:
        """Exchange a transfer slot for a finishing place, waiting for one. Only a seat calls this."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._let_finish()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it had come, and nobody takes it any more
                self.leave_finishing()
            raise
        self.transferring -= 1
        self._freed.set()

    def leave_finishing(self) -> None:
        """Give a finishing place back. Only a seat calls this."""
        self.finishing -= 1
        self._let_finish()
        self._freed.set()

    def _let_finish(self) -> None:
        while self._waiting and self.finishing < self.limit:
            place = self._waiting.popleft()
            if not place.done():  # else its task was cancelled
                self.finishing += 1
                place.set_result(None)


class Seat:
    """The place of one task: first a transfer slot (or a resolving place), later perhaps a finishing place."""

    def __init__(self, slots: Slots, *, transfer: bool) -> None:
        self._slots = slots
        self._transfer = transfer
        self._finishing = False
        self._left = False
        if transfer:
            slots.transferring += 1
        else:
            slots.resolving += 1

    async def last_byte_arrived(self) -> None:
        """Give the transfer slot back as soon as a finishing place is free. Again is harmless."""
        if self._transfer and not self._finishing:
            await self._slots.to_finishing()
            self._finishing = True

    def leave(self) -> None:
        """Give back whatever is held. Again is harmless."""
        if self._left:
            return
        self._left = True
        if self._finishing:
            self._slots.leave_finishing()
            return
        if self._transfer:
            self._slots.transferring -= 1
        else:
            self._slots.resolving -= 1
        self._slots.notify()
