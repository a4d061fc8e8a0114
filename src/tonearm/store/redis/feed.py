"""The feed of changes, which the scripts write as a capped stream, and the wake-up for those who wait for one.

An id is `<instance>-<number>-<time>`: the instance is drawn when the queue is made, so an id of another one, or of this
one before somebody emptied Redis, is recognised as unknown. So is one that another event has the number of now, by its
time: a master that lost its newest events to a fail-over gives their numbers again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextvars import Context

import structlog
from redis.exceptions import ResponseError

from tonearm.errors import StoreUnavailable
from tonearm.model import Event, EventKind, Feed
from tonearm.store.redis.desk import Desk
from tonearm.store.redis.link import Entries
from tonearm.store.signal import Signal

BLOCK_MS = 5_000
"""The longest that one read waits for news, milliseconds."""

_LONGEST_NUMBER = 15

PAUSE_S = 0.5
"""Between two reads when Redis is away, seconds."""


async def read_feed(desk: Desk, after: str | None, limit: int) -> Feed:
    """Return what came after an event (`Store.events`)."""
    given, number, at = _parts(after or "")
    reply = await desk.run("events", "" if number is None else number, limit)
    instance, newest, newest_at, oldest, behind_at = reply[0], int(reply[1]), reply[2], int(reply[3]), reply[4]
    end = f"{instance}-{newest}-{newest_at}"
    if after is None:
        return Feed((), end)
    if given != instance or number is None or not oldest - 1 <= number <= newest or behind_at not in ("", at):
        return Feed((), end, resync=True)
    events = tuple(Event(f"{instance}-{seq}-{told_at}", EventKind(kind), job) for seq, kind, job, told_at in reply[5:])
    return Feed(events, events[-1].id if events else after)


def _parts(event_id: str) -> tuple[str, int | None, str]:
    """The instance, number and time of an event; the number is None where that is no id of ours."""
    instance, number, at = (*event_id.rsplit("-", 2), "", "")[:3]
    known = number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER
    return instance, int(number) if known else None, at


log = structlog.get_logger("store.redis.feed")


class FeedReader:
    """One blocking reader for all who wait in this process; it begins with the first of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._signal = Signal()
        self._begun = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def changed(self, seen: int, timeout_ms: int) -> int:
        """Wait for a change (`Store.changed`)."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), context=Context())  # it is no request's
        await self._begun.wait()
        return await self._signal.wait(seen, timeout_ms)

    async def _read(self) -> None:
        try:
            await self._follow()
        finally:
            self._begun.set()

    async def _follow(self) -> None:
        names = [f"{self._desk.prefix}events", f"{self._desk.prefix}wakes"]
        seen = dict.fromkeys(names, "$")
        while True:
            try:
                if "$" in seen.values():
                    # A stream that is not there yet, or is empty again, begins at its beginning.
                    seen = {name: await self._end_of(name) for name in names}
                    # What came before these ends is no news any more: who waits looks once more.
                    self._signal.bump()
                    self._begun.set()
                news = await self._desk.link.read(seen, BLOCK_MS)
                self._pass(seen, news)
                if news:  # who was blocked hears of one stream, though a script wrote to both: that is one change
                    self._pass(seen, await self._desk.link.read(seen, 0))
                elif await self._is_behind(seen):
                    seen = dict.fromkeys(names, "$")
            except (StoreUnavailable, ResponseError) as error:
                if isinstance(error, ResponseError):  # a stream that is none: the next script that writes puts it aside
                    log.warning("The feed of changes cannot be read", error=str(error))
                    seen = dict.fromkeys(names, "$")
                self._begun.set()
                await asyncio.sleep(PAUSE_S)
                self._signal.bump()  # who waits asks the store itself, and hears that it is away
                continue
            if news:
                self._signal.bump()

    @staticmethod
    def _pass(seen: dict[str, str], news: Mapping[str, Entries]) -> None:
        for name, entries in news.items():
            seen[name] = entries[-1][0]

    async def _is_behind(self, seen: Mapping[str, str]) -> bool:
        """Whether a stream ends before what was seen of it: Redis was emptied, or another master has less."""
        return any([_place(await self._end_of(name)) < _place(last) for name, last in seen.items()])

    async def _end_of(self, name: str) -> str:
        last = await self._desk.link.call("XREVRANGE", name, "+", "-", "COUNT", 1)
        return str(last[0][0]) if last else "0-0"

    async def close(self) -> None:
        """Stop reading; again is harmless."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading


def _place(entry: str) -> tuple[int, ...]:
    return tuple(map(int, entry.split("-")))
