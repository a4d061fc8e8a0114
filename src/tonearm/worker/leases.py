"""Leases: what this worker holds, and how it proves that it is still alive.

Every quarter of the lease all claims are renewed in one call, and every second their flags are read in another. The
lease is counted here from before the store was asked and ends a margin early, so two workers never both believe that
they hold a task. While the store is away, what runs goes on until then; that is watched by a loop that asks nobody. All
of it runs on the event loop itself: a blocked loop does not renew, and so does not look alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice

import structlog

from tonearm import metrics
from tonearm.clock import Clock
from tonearm.errors import DiskError, PartlyRenewed, StoreUnavailable
from tonearm.library import Stage
from tonearm.model import Claim, RestingHost, TaskKind, WorkerReport, job_of
from tonearm.store.base import PAGE
from tonearm.store.working import Working
from tonearm.worker.held import Held, Stop
from tonearm.worker.slots import Slots
from tonearm.worker.steering import Steering
from tonearm.worker.threads import in_thread

POLL_S = 1.0
"""Seconds between two readings of the flags, so that a cancel takes effect within two."""

STOP_S = 0.5
"""Seconds that a poll waits for tasks which it stopped, so that their stages are gone at once."""

REPORT_S = 0.25
"""Seconds between two progress reports at the least."""

PART_S = 1.0
"""Seconds that the last report may take."""

log = structlog.get_logger("worker.leases")


class Leases:
    """The claims of one worker, by task id."""

    def __init__(
        self, store: Working, stage: Stage, slots: Slots, clock: Clock, lease_ms: int, *, steering: Steering
    ) -> None:
        self._store = store
        self._stage = stage
        self._slots = slots
        self._steering = steering
        self._clock = clock
        self._lease_ms = lease_ms
        self._held: dict[str, Held] = {}
        self._holding: str | None = None
        self._patience_ends_ms: int | None = None
        self.trouble: Callable[[], str | None] = lambda: None
        """Tells what keeps this worker from claiming though nothing holds it back, for the report."""
        self.resting: Callable[[], tuple[RestingHost, ...]] = tuple
        """Tells which hosts are left alone, for the report."""
        self.disk: Callable[[], tuple[int | None, int | None]] = lambda: (None, None)
        """Tells how many bytes are free on the disk and how many have to be, for the report."""
        self._moved = asyncio.Event()
        self._urgent = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def holds(self, task_id: str) -> bool:
        """Whether this worker works on the task now."""
        return task_id in self._held

    def superseded(self, held: Held) -> bool:
        """Whether this worker has a newer claim of the same task."""
        return self._held.get(held.task_id) is not held

    def hold(self, claim: Claim, asked_at_ms: int) -> Held:
        """Take a fresh claim into the register; *asked_at_ms* is the elapsed time before the store was asked."""
        seat = self._slots.seat(transfer=claim.kind is TaskKind.TRACK)
        held = Held(claim, seat, asked_at_ms=asked_at_ms, lease_ms=self._lease_ms)
        former = self._held.get(claim.task_id)
        if former is not None:
            former.halt(Stop.LOST)
            held.former = former.runner
        self._held[claim.task_id] = held
        self._emptied.clear()
        self.moved(urgent=True)
        return held

    def drop(self, held: Held) -> None:
        """Forget a claim that ended, and free its seat."""
        held.seat.leave()
        if self._held.get(held.task_id) is held:
            del self._held[held.task_id]
        if not self._held:
            self._emptied.set()
        self.moved(urgent=True)

    def moved(self, *, urgent: bool = False) -> None:
        """Something changed that people may want to see: the next report tells. What took or freed a slot is urgent."""
        self._moved.set()
        if urgent:
            self._urgent.set()

    def hold_back(self, reason: str | None) -> None:
        """Let the reports say why nothing is claimed; None: something is."""
        if reason != self._holding:
            self._holding = reason
            self.moved(urgent=True)

    def trusted(self, held: Held) -> bool:
        """Whether the lease surely stands: its end by our own clock, less a tenth, is not reached."""
        return self._clock.elapsed_ms() < held.lease_ends_ms - self._lease_ms // 10

    def patient(self, held: Held) -> bool:
        """Whether it is worth while to go on asking a store that is away."""
        ends_ms = self._patience_ends_ms
        return self.trusted(held) and (ends_ms is None or self._clock.elapsed_ms() < ends_ms)

    def lose_patience(self, after_ms: int) -> None:
        """The worker stops: from so many milliseconds on, a store that is away is not waited for any more."""
        self._patience_ends_ms = self._clock.elapsed_ms() + after_ms

    async def empty(self) -> None:
        """Wait until nothing is held."""
        await self._emptied.wait()

    async def renew(self) -> float:
        """One round of the renewing loop: renew everything. Returns the seconds to the next: a quarter of the lease."""
        for page in _pages(self._held.values()):
            asked_at_ms = self._clock.elapsed_ms()
            marks = {held.claim.token: held.mark for held in page}
            try:
                gone = await self._store.renew(self._stage.worker, marks, self._lease_ms)
            except PartlyRenewed as partly:
                known = [held for held in page if held.claim.token not in partly.unknown]
                self._renewed(known, partly.lost, asked_at_ms)
                raise
            self._renewed(page, gone, asked_at_ms)
        return self._lease_ms / 4_000

    def _renewed(self, page: list[Held], gone: frozenset[str], asked_at_ms: int) -> None:
        for held in page:
            if held.claim.token in gone:
                held.halt(Stop.LOST)
            else:
                metrics.LEASE_RENEWALS.inc()
                if held.lease_ends_ms - asked_at_ms < self._lease_ms // 2:
                    metrics.LEASE_RENEWALS_LATE.inc()
                held.lease_ends_ms = asked_at_ms + self._lease_ms

    async def watch(self) -> float:
        """One round of the watching loop: stop what lost its trust. The store is not asked, since it may be away."""
        for held in self:
            if not self.trusted(held) and held.halt(Stop.LOST):
                log.warning("The lease could not be renewed in time; the task stops here", **held.context)
        return min(POLL_S, self._lease_ms / 20_000)  # well within the margin

    async def poll(self) -> float:
        """One round of the polling loop: read the flags of all, discard what is nobody's."""
        for page in _pages(self._held.values()) or [[]]:
            await self.poll_now(page)
        return POLL_S

    async def poll_now(self, page: list[Held]) -> None:
        """Read the flags of these claims and do what they say; follow the control of the queue."""
        flags = await self._store.poll(self._stage.worker, [held.claim.token for held in page])
        if self._steering.follow(flags.control):
            self.moved(urgent=True)
        for held in page:
            if held.task_id in flags.lost:
                held.halt(Stop.LOST)
            elif held.task_id in flags.cancel:
                held.halt(Stop.CANCEL)
            elif held.task_id in flags.pause:
                held.halt(Stop.PAUSE)
        if flags.discard:
            await self._discard(flags.discard)

    async def _discard(self, stages: Iterable[tuple[str, int]]) -> None:
        gone: list[tuple[str, int]] = []
        await self._stop([held for held in map(self._claim_of, stages) if held is not None])
        for task_id, epoch in stages:
            if self._claim_of((task_id, epoch)) is not None:
                continue  # its stage goes at a later poll
            try:
                await in_thread(self._stage.remove, task_id, epoch)
            except DiskError as error:
                job = job_of(task_id)
                log.warning(
                    "A stage could not be removed; trying again",
                    job=job,
                    task=task_id,
                    epoch=epoch,
                    error=error.message,
                )
            else:
                gone.append((task_id, epoch))
        if gone:
            await self._store.discarded(self._stage.worker, gone)

    def _claim_of(self, stage: tuple[str, int]) -> Held | None:
        """The claim that works in this stage here and now."""
        held = self._held.get(stage[0])
        return held if held is not None and held.claim.epoch == stage[1] else None

    async def _stop(self, nobodys: list[Held]) -> None:
        """Stop tasks that belong to nobody, all at once, and wait a little for their end."""
        for held in nobodys:
            held.halt(Stop.LOST)
        runners = [held.runner for held in nobodys if held.runner is not None]
        if runners:
            await asyncio.wait(runners, timeout=STOP_S)

    async def report(self) -> None:
        """One round of the reporting loop: tell the store what moved, progress at most four times a second."""
        await self._moved.wait()
        self._moved.clear()
        self._urgent.clear()
        try:
            await self._store.report(self._figures())
        except StoreUnavailable:
            self._moved.set()  # it is told when the store is back
            raise
        with suppress(TimeoutError):
            async with asyncio.timeout(REPORT_S):
                await self._urgent.wait()

    async def part(self) -> None:
        """Tell the store what is held at the end, which is nothing; a store that does not answer is not waited for."""
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(PART_S):
                await self._store.report(self._figures())

    def _figures(self) -> WorkerReport:
        now_ms = self._clock.elapsed_ms()
        return WorkerReport(
            self._stage.worker,
            self._slots.transferring,
            self._slots.limit,
            tuple(held.transfer(now_ms) for held in islice(self._held.values(), PAGE)),
            self.resting(),
            self._holding or self.trouble(),
            *self.disk(),
        )


def _pages(held: Iterable[Held]) -> list[list[Held]]:
    every = list(held)
    return [every[start : start + PAGE] for start in range(0, len(every), PAGE)]
