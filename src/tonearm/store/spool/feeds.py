"""Feeds: the changes of two stores as one.

The id of an event says where a reader stands in each: `<local>~<main>`. The local events come first, so that a job that
was handed over is heard of there last. As long as nothing lies in the local store its part is empty, so that an id
stands for the same everywhere, and a reader goes on at another process. Where the main store's place is unknown,
because it was away when the reader began, the reader hears `resync` as soon as it is back. The change number stands for
a pair of numbers that were seen.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace

from tonearm.errors import StoreUnavailable
from tonearm.model import Feed
from tonearm.store.base import Store
from tonearm.store.spool.reach import Reach

SEPARATOR = "~"
REMEMBERED = 1_000
"""Change numbers that can be given back; an older one only wakes its caller at once."""

Pair = tuple[int, int, bool]


class Feeds:
    """Reads both feeds."""

    def __init__(self, reach: Reach, local: Store) -> None:
        self._reach = reach
        self._local = local
        self._numbers: OrderedDict[int, Pair] = OrderedDict()
        self._number = 0
        self._idle: str | None = None
        """A place in the local feed: whatever was told before it is of jobs that lie there no more."""

    async def events(self, after: str | None, limit: int) -> Feed:
        """What came after an event of either store (`Store.events`)."""
        if after is None:
            return Feed((), await self._end())
        here, found, there = after.partition(SEPARATOR)
        if not here and self._idle is None:
            await self._here()
        start = here or self._idle
        local = None if start is None else await self._local.events(start, limit=limit)
        if not found or local is None or local.resync:
            return Feed((), await self._end(), resync=True)
        here = local.last if len(local.events) == limit else await self._unless_idle(local.last)
        events = [replace(event, id=f"{event.id}{SEPARATOR}{there}") for event in local.events]
        if len(events) < limit and self._reach.up:
            try:
                main = await self._reach.call(lambda store: store.events(there or None, limit=limit - len(events)))
            except StoreUnavailable:
                main = None  # it went away now; its place is kept for when it is back
            if main is not None and (main.resync or not there):
                return Feed((), f"{here}{SEPARATOR}{main.last}", resync=True)
            if main is not None:
                events += [replace(event, id=f"{here}{SEPARATOR}{event.id}") for event in main.events]
                there = main.last
        return Feed(tuple(events), f"{here}{SEPARATOR}{there}")

    async def _here(self) -> str:
        """Where the local feed ends; empty while nothing lies there."""
        return await self._unless_idle((await self._local.events(None)).last)

    async def _unless_idle(self, place: str) -> str:
        """*place*, which the local feed has reached, or nothing when there is no job left there."""
        if (await self._local.counts()).total:
            return place
        self._idle = place
        return ""

    async def _end(self) -> str:
        here = await self._here()
        there = ""
        if self._reach.up:
            try:
                there = (await self._reach.call(lambda store: store.events(None))).last
            except StoreUnavailable:
                there = ""
        return f"{here}{SEPARATOR}{there}"

    async def changed(self, seen: int, timeout_ms: int) -> int:
        """Wait until either store changed, or the main one turned (`Store.changed`)."""
        pair = self._numbers.get(seen, (0, 0, self._reach.up))
        if pair[2] is not self._reach.up:
            return self._issue((pair[0], pair[1], self._reach.up), seen)
        here = asyncio.create_task(self._local.changed(pair[0], timeout_ms))
        there = asyncio.create_task(self._main_changed(pair[1], timeout_ms))
        turned = asyncio.create_task(self._reach.turned())
        try:
            await asyncio.wait([here, there, turned], return_when=asyncio.FIRST_COMPLETED)
            numbers = (here.result() if here.done() else pair[0], there.result() if there.done() else pair[1])
        finally:
            for wait in (here, there, turned):
                wait.cancel()
            await asyncio.gather(here, there, turned, return_exceptions=True)
        return self._issue((*numbers, self._reach.up), seen)

    async def _main_changed(self, seen: int, timeout_ms: int) -> int:
        with suppress(StoreUnavailable):
            return await self._reach.call(lambda store: store.changed(seen, timeout_ms))
        await asyncio.sleep(timeout_ms / 1_000)
        return seen

    def _issue(self, pair: Pair, seen: int) -> int:
        """The number of this pair: the one that was given back, the newest, or another one."""
        for number in (seen, self._number):
            if self._numbers.get(number) == pair:
                return number
        self._number += 1
        self._numbers[self._number] = pair
        if len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)
        return self._number
