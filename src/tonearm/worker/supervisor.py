"""Loops that come back when they fall over.

A loop of the worker must outlive any single error: what it raises is logged and counted, and the loop starts again
after a pause that grows to five seconds. While it fails, `troubles` says so, for health.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from tonearm.errors import StoreUnavailable

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
log = structlog.get_logger("worker.supervisor")


class Supervisor:
    """Runs loops by name until they are cancelled."""

    def __init__(self) -> None:
        self.troubles: dict[str, str] = {}
        """Loops that fail at the moment, with their newest error."""
        self.restarts = 0
        """How often any loop was started again."""

    async def watch(
        self, name: str, loop: Callable[[], Awaitable[None]], *, until: asyncio.Event | None = None
    ) -> None:
        """Call *loop* again and again, one round a call, until the event is set (None: until cancelled)."""
        while until is None or not until.is_set():
            await self.once(name, loop, until=until)

    async def once(self, name: str, step: Callable[[], Awaitable[None]], *, until: asyncio.Event | None = None) -> None:
        """Call *step* until it has succeeded one time, or the event is set."""
        pause = FIRST_PAUSE_S
        while until is None or not until.is_set():
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - the supervisor is where an error of a loop ends
                self._note(name, error, pause)
                await _pause(pause, until)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                self.troubles.pop(name, None)
                return

    def _note(self, name: str, error: Exception, pause: float) -> None:
        self.restarts += 1
        self.troubles[name] = str(error) or type(error).__name__
        if isinstance(error, StoreUnavailable):
            log.warning("The store does not answer; trying again", loop=name, error=str(error), pause_s=pause)
        else:
            log.error("A loop fell over and starts again", loop=name, pause_s=pause, exc_info=error)


async def _pause(seconds: float, until: asyncio.Event | None) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await (until or asyncio.Event()).wait()
