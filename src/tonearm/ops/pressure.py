"""Pressure: how long the queue is, and the one line in the log when that becomes another level.

The level of this moment (`level_of`) is what readers are shown, and at *critical* new jobs are refused; that is the
store's to do, which counts for itself. What is told in the log has a memory beside it: a level is left only when the
queue is a tenth below its size, so a queue that wobbles about a limit is told once. Each server tells for itself.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum

import structlog

from tonearm.settings import Settings
from tonearm.store.base import Store

LOOK_S = 2.0
"""Seconds between two looks at the queue."""

BACK = 0.9
"""The share of its size that a queue has to fall below to leave a level."""

log = structlog.get_logger("pressure")


class Level(StrEnum):
    """How long the queue is, from short to full."""

    OK = "ok"
    WARN = "warn"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the shortest; a longer queue has a higher one."""
        return list(Level).index(self)


def level_of(unfinished: int, settings: Settings, *, share: float = 1.0) -> Level:
    """The level of so many unfinished jobs, where the sizes of the settings are taken to this *share*."""
    if unfinished >= settings.critical_size * share:
        return Level.CRITICAL
    return Level.WARN if unfinished >= settings.warn_size * share else Level.OK


class Pressure:
    """Watches the queue for one server process: `look` is one round of its loop."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self.level = Level.OK
        """The level as it was told last; a server that finds a long queue at its start tells it."""
        self.unfinished: int | None = None
        """Unfinished jobs at the newest look; None: there was none yet."""

    async def look(self) -> None:
        """Ask how long the queue is, tell if it has another level, and rest until the next look.

        Raises:
            StoreUnavailable: the store does not answer; the level stays.
        """
        counts = await self._store.counts()
        self.note(counts.unfinished)
        await asyncio.sleep(LOOK_S)

    def note(self, unfinished: int) -> None:
        """Take note of so many unfinished jobs."""
        self.unfinished = unfinished
        reached = level_of(unfinished, self._settings)
        kept = level_of(unfinished, self._settings, share=BACK)
        level = max(reached, min(kept, self.level, key=_rank), key=_rank)
        if level is not self.level:
            rises, self.level = level.rank > self.level.rank, level
            self._tell(rises=rises)

    def _tell(self, *, rises: bool) -> None:
        settings = self._settings
        sizes = {
            "unfinished": self.unfinished,
            "warn_size": settings.warn_size,
            "critical_size": settings.critical_size,
        }
        if self.level is Level.CRITICAL:
            log.error("The queue is full; nothing more is accepted", **sizes)
        elif rises:
            log.warning("The queue is long", **sizes)
        elif self.level is Level.WARN:
            log.warning("The queue is not full any more, and still long", **sizes)
        else:
            log.info("The queue is not long any more", **sizes)


def _rank(level: Level) -> int:
    return level.rank
