"""The revision: a short text that is another one as soon as a list or a figure would be.

It follows from the store alone, so it is true for every process that serves the same queue: where the feed of changes
ends, what the workers say of themselves, and where jobs lie now. How far transfers are moves it too, at most four
times a second. Every question is put to the store, once for all who ask at the same time; no list is read for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from hashlib import blake2b

from tonearm.clock import Clock
from tonearm.model import Phase, WorkerRecord
from tonearm.store.base import Store

PROGRESS_MS = 250
"""The least time between two revisions that differ in nothing but progress, milliseconds."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the store found.

    *revision* stands for all of it; *steady* for all but the progress of transfers, and *figures* for what of it is
    not told by the feed: the workers, and where jobs lie.
    """

    revision: str
    steady: str
    figures: str
    last: str
    """Where the feed ended."""
    workers: Sequence[WorkerRecord]

    @property
    def alive(self) -> Sequence[WorkerRecord]:
        """The workers that live."""
        return [worker for worker in self.workers if worker.alive]

    @property
    def transferring(self) -> bool:
        """Whether a living worker has a task in its hands."""
        return any(worker.tasks for worker in self.alive)


class Revisions:
    """Looks at *store*, and joins those who ask while it looks."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._running: asyncio.Task[Look] | None = None
        self._next: asyncio.Task[Look] | None = None
        self._progress = ""
        self._steady = ""
        self._moved_ms = clock.elapsed_ms() - PROGRESS_MS

    async def look(self) -> Look:
        """How it is now: the look begins after this call, so that it sees what the caller has just changed.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running), name="revision", context=Context())
            self._next.add_done_callback(_retrieved)
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[Look] | None) -> Look:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        feed, workers = await asyncio.gather(self._store.events(None), self._store.workers())
        return self._judge(feed.last, workers)

    def _judge(self, last: str, workers: Sequence[WorkerRecord]) -> Look:
        shown = [replace(worker, tasks=(), disk_free=None, disk_min=None) for worker in workers]
        figures = digest(self._store.source, self._store.warning, shown)
        steady, progress = digest(last, figures), self._progress_of(workers)
        now_ms = self._clock.elapsed_ms()
        if steady != self._steady or now_ms - self._moved_ms >= PROGRESS_MS:
            if progress != self._progress:
                self._moved_ms = now_ms
            self._steady, self._progress = steady, progress
        return Look(digest(steady, self._progress), steady, figures, last, workers)

    def _progress_of(self, workers: Sequence[WorkerRecord]) -> str:
        tasks = [task for worker in workers for task in worker.tasks]
        # A transfer of unknown size has no share that grows: it counts as progress by the second.
        unknown = any(task.phase is Phase.TRANSFER and not task.progress for task in tasks)
        return digest(*tasks, self._clock.elapsed_ms() // 1_000 if unknown else None)


def digest(*parts: object) -> str:
    """A short text that stands for *parts*, by what `repr` says of them."""
    return blake2b(repr(parts).encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()


def _retrieved(task: asyncio.Task[Look]) -> None:
    """Whoever waited may have gone; then nobody else hears of the error."""
    if not task.cancelled():
        task.exception()
