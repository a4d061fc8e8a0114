"""Covers: the picture of an album is fetched once for all its tracks that run close together."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from tonearm.errors import FetchError
from tonearm.fetch import Fetcher

KEPT = 8
"""Pictures kept in memory."""


class Covers:
    """Fetches pictures by URL and keeps the newest few."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._pictures: OrderedDict[str, asyncio.Task[bytes]] = OrderedDict()

    async def get(self, url: str) -> bytes:
        """The picture behind *url*.

        Raises:
            FetchError: it could not be had; the next call tries again.
        """
        task = self._pictures.get(url)
        if task is None:
            task = self._pictures[url] = asyncio.create_task(self._fetcher.picture(url))
            while len(self._pictures) > KEPT:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(url)
        try:
            return await asyncio.shield(task)
        except FetchError:
            self._pictures.pop(url, None)
            raise

    async def close(self) -> None:
        """Stop what is still being fetched."""
        for task in self._pictures.values():
            task.cancel()
        await asyncio.gather(*self._pictures.values(), return_exceptions=True)
        self._pictures.clear()
