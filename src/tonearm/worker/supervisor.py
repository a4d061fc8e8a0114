"""Loops that come back when they fall over.

A loop of the worker must outlive any single error: what it raises is logged and counted, and the loop starts again
after a pause. While it fails, `troubles` says so, for health. A store that is away is told once, and once when it is
back.

One call of a loop is one round. A loop that rests between two rounds does not sleep in them, but returns the seconds: a
round is over, and what failed is known to be well again, before the rest and not after it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from tonearm import metrics
from tonearm.errors import StoreUnavailable
from tonearm.worker.backoff import Backoff

Step = Callable[[], Awaitable[float | None]]
"""One round; what it returns is the seconds to rest before the next one, None being none."""

log = structlog.get_logger("worker.supervisor")


class Supervisor:
    """Runs loops by name until they are cancelled."""

    def __init__(self) -> None:
        self.troubles: dict[str, str] = {}
        """Loops that fail at the moment, with their newest error."""
        self.turns: Counter[str] = Counter()
        """Rounds of each loop that came to an end: a good one, or because the store is away. For the watchdog."""
        self.told: Callable[[], None] = lambda: None
        """Called when the troubles are others."""
        self._cut_off: set[str] = set()

    @property
    def store_away(self) -> bool:
        """Whether any loop fails because the store does not answer."""
        return bool(self._cut_off)

    async def watch(self, name: str, loop: Step, *, until: asyncio.Event | None = None) -> None:
        """Call *loop* again and again, one round a call, until the event is set (None: until cancelled)."""
        while until is None or not until.is_set():
            if rest_s := await self.once(name, loop, until=until):
                await _pause(rest_s, until)

    async def once(self, name: str, step: Step, *, until: asyncio.Event | None = None) -> float | None:
        """Call *step* until it has succeeded one time, or the event is set; what it returned is the answer."""
        backoff = Backoff()
        while until is None or not until.is_set():
            try:
                rest_s = await step()
            except Exception as error:  # noqa: BLE001 - the supervisor is where an error of a loop ends
                pause_s = backoff.after(error)
                self._note(name, error, pause_s)
                await _pause(pause_s, until)
            else:
                self._recovered(name)
                return rest_s
        return None

    def _note(self, name: str, error: Exception, pause_s: float) -> None:
        metrics.LOOP_RESTARTS.inc()
        if isinstance(error, StoreUnavailable):
            self.turns[name] += 1
            if not self._cut_off:
                log.warning("The store does not answer; trying again and again", loop=name, error=str(error))
            self._cut_off.add(name)
        else:
            self._cut_off.discard(name)
            log.error("A loop fell over and starts again", loop=name, pause_s=round(pause_s, 1), exc_info=error)
        self._tell(name, str(error) or type(error).__name__)

    def _recovered(self, name: str) -> None:
        self.turns[name] += 1
        if name in self._cut_off:
            self._cut_off.discard(name)
            if not self._cut_off:
                log.info("The store answers again")
        self._tell(name, None)

    def _tell(self, name: str, trouble: str | None) -> None:
        if self.troubles.get(name) == trouble:
            return
        if trouble is None:
            del self.troubles[name]
        else:
            self.troubles[name] = trouble
        self.told()


async def _pause(seconds: float, until: asyncio.Event | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await (until or asyncio.Event()).wait()
