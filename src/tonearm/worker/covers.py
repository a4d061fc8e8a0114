"""Covers: the picture of an album is fetched, and looked at, once for all its tracks that run close together.

No track is given back for its cover: where the host asked to be left alone for a moment, that moment is waited for.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from functools import partial

from tonearm.errors import FetchError, HostResting, Timeout
from tonearm.fetch import Fetcher
from tonearm.library import Picture
from tonearm.worker.threads import in_thread

KEPT = 8
"""Pictures kept in memory."""


class Covers:
    """Fetches pictures by URL and keeps the newest few. A picture may take *limit_ms* milliseconds in all.

    A fetch for which nobody waits any more is cut.
    """

    def __init__(self, fetcher: Fetcher, limit_ms: int) -> None:
        self._fetcher = fetcher
        self.limit_ms = limit_ms
        self._pictures: OrderedDict[str, asyncio.Task[Picture]] = OrderedDict()
        self._running: set[asyncio.Task[Picture]] = set()
        self._waiting = Counter[asyncio.Task[Picture]]()

    async def get(self, url: str) -> Picture:
        """The picture behind *url*.

        Raises:
            FetchError: it could not be had, or is none that we file; the next call tries again.
        """
        task = self._pictures.get(url) or self._begin(url)
        self._pictures.move_to_end(url)
        self._waiting[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[task] -= 1
            if not self._waiting[task]:
                self._leave(url, task)

    def _begin(self, url: str) -> asyncio.Task[Picture]:
        task = self._pictures[url] = asyncio.create_task(self._fetch(url))
        self._running.add(task)
        task.add_done_callback(partial(self._ended, url))
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        return task

    def _leave(self, url: str, task: asyncio.Task[Picture]) -> None:
        """The last one that waited has gone: what has not arrived yet is not fetched for nobody."""
        del self._waiting[task]
        if not task.done():
            task.cancel()
            if self._pictures.get(url) is task:
                del self._pictures[url]

    async def _fetch(self, url: str) -> Picture:
        try:
            async with asyncio.timeout(self.limit_ms / 1_000):
                content = await self._insist(url)
        except TimeoutError:
            raise Timeout(f"No whole picture within {self.limit_ms / 1_000:g}s") from None
        return await in_thread(Picture.of, content)

    async def _insist(self, url: str) -> bytes:
        """Ask again whenever the host asked for a pause that fits into the limit."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.limit_ms / 1_000
        while True:
            try:
                return await self._fetcher.picture(url)
            except FetchError as error:
                pause_s = _pause_ms(error) / 1_000
                if not pause_s or loop.time() + pause_s > end:
                    raise
            await asyncio.sleep(pause_s)

    def _ended(self, url: str, task: asyncio.Task[Picture]) -> None:
        """Keep what came; forget what failed."""
        self._running.discard(task)
        if (task.cancelled() or task.exception() is not None) and self._pictures.get(url) is task:
            del self._pictures[url]

    async def close(self) -> None:
        """Stop what is still being fetched."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._pictures.clear()


def _pause_ms(error: FetchError) -> int:
    """How long the host asked to be left alone, milliseconds; 0: it did not ask."""
    if isinstance(error, HostResting):
        return error.wait_ms if error.asked else 0
    return error.retry_after_ms or 0 if error.retryable else 0
