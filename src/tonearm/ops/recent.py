"""Recent: how the jobs ended that ended lately, for health.

It follows from the records themselves, so every process that serves the queue says the same, and a restart forgets
nothing. It is bounded: of many jobs only the newest count.
"""

from __future__ import annotations

import asyncio
import heapq

from tonearm.clock import Clock
from tonearm.model import JobOrder, JobQuery, Status
from tonearm.store.base import Store

WINDOW_MS = 3_600_000
"""How long ago a job may have ended to count, milliseconds."""

NEWEST = 100
"""The most jobs that count; of more, those that ended last."""

KEPT_MS = 10_000
"""How long an answer serves whoever asks next, milliseconds: with Redis it takes some 20 ms of processor time."""


class Recent:
    """How the jobs of *store* ended lately."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: tuple[int, float] | None = None

    async def error_rate(self) -> float:
        """The share of failed ones, 0 to 1, among the jobs that completed or failed lately; 0 where there are none.

        What was cancelled is neither, and an album that misses tracks has completed.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        now_ms = self._clock.elapsed_ms()
        if self._known is None or now_ms - self._known[0] >= KEPT_MS:
            self._known = now_ms, await self._read()
        return self._known[1]

    async def _read(self) -> float:
        since_ms = self._clock.wall_ms() - WINDOW_MS
        queries = (
            JobQuery(status=status, order=JobOrder.COMPLETED_DESC, limit=NEWEST)
            for status in (Status.COMPLETED, Status.FAILED)
        )
        pages = await asyncio.gather(*map(self._store.jobs, queries))
        ended = [(job.completed_at or 0, job.state.status is Status.FAILED) for page in pages for job in page.jobs]
        lately = [failed for at, failed in heapq.nlargest(NEWEST, ended) if at > since_ms]
        return sum(lately) / len(lately) if lately else 0.0
