"""The disk hold: while the disk is full nothing is claimed, and what met a full disk waits instead of failing.

It looks every few seconds, closes below the minimum and opens again somewhat above it, so that it does not flutter.
Where the bytes of waiting tasks are all that keeps it closed, or keeps a task from its room, they are given up: else
tasks could wait for each other for ever. With `QUEUE_DISK_FULL=fail` it only tells how much is free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from tonearm.clock import Clock
from tonearm.errors import DiskError, DiskFull
from tonearm.library import DiskGuard, Stage
from tonearm.model import Released, job_of
from tonearm.volume import MB, free_bytes, in_mb
from tonearm.worker.gates import Closed
from tonearm.worker.threads import in_thread

LOOK_MS = 5_000
"""Milliseconds between two looks at the disk."""

AGAIN_MS = 30_000
"""When a task that is too large for now is tried again, milliseconds: each time costs a question to the catalog."""

OPENS_AT = 1.25
"""It opens again when so many times the minimum is free."""

log = structlog.get_logger("worker.disk")


class DiskHold:
    """A gate for claims, and what becomes of a task that met a full disk. Used on the loop's thread alone.

    *works_on* tells whether this worker works on a task now.
    """

    def __init__(
        self, guard: DiskGuard, stage: Stage, clock: Clock, *, holds: bool, works_on: Callable[[str], bool]
    ) -> None:
        self._guard = guard
        self._stage = stage
        self._clock = clock
        self.holds = holds
        """Whether what meets a full disk waits (`QUEUE_DISK_FULL=hold`); may change at any time."""
        self._works_on = works_on
        self._alone = asyncio.Lock()
        self._closed = False
        self._room = 0  # bytes free less what running transfers will write, at the last look
        self._look_at_ms: int | None = None
        self._free: int | None = None
        self.told: Callable[[], None] = lambda: None
        """Called when the figures are others, as people see them."""

    def figures(self) -> tuple[int | None, int | None]:
        """Bytes free on the volume at the last look (None: it did not answer), and how many have to stay free."""
        return self._free, self._guard.minimum

    async def ask(self) -> Closed | None:
        async with self._alone:
            if self._look_at_ms is None or self._clock.elapsed_ms() >= self._look_at_ms:
                await self._look()
        return Closed(self._waiting(), LOOK_MS) if self._closed else None

    async def after(self, error: DiskFull, missing: int) -> Released | None:
        """Let a task that met a full disk wait, keeping its bytes; None: it fails, because waiting is no help or not
        wanted. *missing*: the bytes that it would still have written, for which no room is set aside any more.
        """
        needed = self._guard.minimum + missing if error.needed is None else error.needed
        if not self.holds or not await self._could_fit(needed):
            return None
        async with self._alone:
            await self._look()
            if self._closed:
                return Released(self._waiting(), LOOK_MS)
            enough = self._room >= needed
            # Full although there was room: a quota, or no more names. When that passes, nobody can see.
            soon = error.free < needed if enough else await self._make_room(needed)
        return Released(error.message, LOOK_MS if soon else AGAIN_MS)

    @property
    def _opens_at(self) -> int:
        return round(self._guard.minimum * OPENS_AT)

    async def _could_fit(self, needed: int) -> bool:
        try:
            return await in_thread(self._guard.fits, needed)
        except DiskError:
            return False

    async def _look(self) -> None:
        self._look_at_ms = self._clock.elapsed_ms() + LOOK_MS
        await self._measure()
        if not self.holds or self._free is None:
            return
        was_closed, least = self._closed, self._opens_at if self._closed else self._guard.minimum
        self._closed = self._room < least and not await self._make_room(self._opens_at)
        if self._closed and not was_closed:
            log.warning("The disk is full; nothing more is claimed", free=self._room, needed=self._opens_at)
        elif was_closed and not self._closed:
            log.info("The disk has room again", free=self._room)

    async def _measure(self) -> None:
        before = self._free
        try:
            self._free, self._room = await in_thread(lambda: (free_bytes(self._guard.root), self._guard.free()))
        except DiskError as error:  # whoever needs the disk will run into it and say so
            log.warning("The disk does not answer", error=error.message)
            self._free = None
        if before is None or self._free is None or abs(self._free - before) >= MB:
            self.told()

    async def _make_room(self, needed: int) -> bool:
        """Give up bytes of waiting tasks, the most first, if *needed* bytes are free then; answers whether they are.

        Not while transfers run: what they end with may be room enough.
        """
        if self._guard.busy:
            return False
        try:
            waiting = [kept for kept in await in_thread(self._stage.kept) if not self._works_on(kept.task_id)]
            if self._room + sum(kept.size for kept in waiting) < needed:
                return False
            for kept in sorted(waiting, key=lambda kept: kept.size, reverse=True):
                if self._room >= needed:
                    break
                log.warning(
                    "Giving up the bytes of a waiting task for room",
                    job=job_of(kept.task_id),
                    task=kept.task_id,
                    epoch=kept.epoch,
                    bytes=kept.size,
                )
                await in_thread(self._stage.remove, kept.task_id, kept.epoch)
                await self._measure()
        except DiskError as error:
            log.warning("No room could be made", error=error.message)
        return self._room >= needed

    def _waiting(self) -> str:
        return f"Waiting for disk space: {in_mb(self._room)} free, {in_mb(self._opens_at)} needed"
