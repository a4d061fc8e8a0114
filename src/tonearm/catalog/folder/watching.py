"""Keeping the index up to its folder while the service runs.

The folder is looked through again after a pause, or soon after an answer found a file that is not as the index says.
A large folder on a slow disk takes long to look through, so the pause grows with the time that took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import structlog

from tonearm.catalog.folder.index import MusicIndex, RefreshStopped
from tonearm.errors import SetupError

_PAUSE_S = 15.0
_SHORTEST_S = 1.0
_SHARE = 20  # looking takes at most one part in so many of the time

_log = structlog.get_logger("catalog.folder")


class Watch:
    """Refreshes *index* from time to time while `lifespan` is open."""

    def __init__(self, index: MusicIndex) -> None:
        self._index = index
        self._wanted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._trouble = ""

    def wake(self) -> None:
        """Ask for a refresh soon. May be called from any thread; several calls are one."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wanted.set)

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[Mapping[str, object]]:
        """Watch as long as the application runs."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._watch())
        try:
            yield {}
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        pause = _PAUSE_S
        while True:
            await asyncio.sleep(_SHORTEST_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), pause)
            self._wanted.clear()
            began = time.monotonic()
            await self._refresh()
            pause = max(_PAUSE_S, _SHARE * (time.monotonic() - began))

    async def _refresh(self) -> None:
        try:
            outcome = await asyncio.to_thread(self._index.refresh)
        except RefreshStopped:
            return
        except SetupError as error:
            self._complain(str(error))
            return
        except Exception:  # noqa: BLE001 - a supervisor: the watch goes on whatever a refresh ran into
            _log.exception("The music folder could not be looked through")
            return
        self._trouble = ""
        if outcome.read or outcome.gone:
            _log.info("The music folder changed", read=outcome.read, gone=outcome.gone, skipped=len(outcome.skipped))

    def _complain(self, trouble: str) -> None:
        """Say a lasting trouble once."""
        if trouble != self._trouble:
            _log.warning("The music folder cannot be looked through", reason=trouble)
            self._trouble = trouble
