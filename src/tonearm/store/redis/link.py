"""The link: how the store speaks to Redis, wherever its master is at the moment.

All calls share one `Line`, and blocking reads have one of their own. That is a bound by itself, and several times as
fast as a pool of connections (docs/adr/0011-one-line-to-redis.md). A line that breaks, or on which a call was not
answered within `LIMIT_S`, is given up; the next call opens another one, by the route of the address. While that fails,
calls are refused at once, and it is tried again after a pause that grows to `LONGEST_PAUSE_S`.

A call is sent once. It is sent again in two cases only, in both of which Redis said that it did nothing: a script that
it does not know yet, and a server that is not our master any more. What is lost on the way is `StoreUnavailable`, and
whether to say it again is for the caller, whose calls may all be repeated.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
)

from tonearm.errors import SetupError, StoreRefused, StoreUnavailable
from tonearm.settings.redisaddress import RedisAddress, WrongAddress
from tonearm.store.redis.failures import silent, unavailable
from tonearm.store.redis.line import Hear, Line, Word, packed
from tonearm.store.redis.routes import Route, route_of
from tonearm.store.redis.scripts import Script

LIMIT_S = 5.0
"""How long a call may take, connecting included, seconds."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0
"""The pauses between two attempts to connect, seconds; somewhat less at random, so that not all come at once."""

AGAIN_S = 1.0
"""What a call has at least when it is said again to another server, seconds."""

HEALTH_S = 10.0
"""A line that has been silent for so long is asked for a sign of life, seconds."""

READ_COUNT = 500
"""Entries of each stream that one read answers at most."""

Entries = list[tuple[str, dict[str, str]]]


async def connect(url: str, *, tag: str = "tonearm", limit_s: float = LIMIT_S) -> Link:
    """Connect to the Redis at this address; *tag* is the hash tag of the keys, *limit_s* how long a call may take.

    Raises:
        SetupError: a person has to mend something first: the address, the password, the certificate …
        StoreUnavailable: nobody answers there now.
    """
    try:
        address = RedisAddress.parse(url)
    except WrongAddress as wrong:
        raise SetupError(f"REDIS_URL is not the address of a Redis: {wrong}.") from wrong
    route = route_of(address, tag)
    return Link(address, route, await route.open(limit_s), limit_s=limit_s)


class Link:
    """The connection of one store. Made by `connect`; belongs to one event loop."""

    def __init__(self, address: RedisAddress, route: Route, line: Line, *, limit_s: float) -> None:
        self.address = address
        self._where = f"Redis at {address}"
        self._loop = asyncio.get_running_loop()
        self._route = route
        self._limit_s = limit_s
        self._line = line
        self._reader: Line | None = None
        self._reading = set[Line]()
        self._opening: asyncio.Task[Line | StoreUnavailable] | None = None
        self._refusal = StoreUnavailable("")
        self._not_before = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._closed = False
        self._health = asyncio.create_task(self._watch())

    @property
    def connected(self) -> bool:
        """Whether there is a line; where there is none, the next call opens one."""
        return self._line.error is None

    @property
    def idle(self) -> bool:
        """Whether every call was answered, or never will be."""
        return not self.connected or self._line.idle

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Word], hear: Hear | None = None) -> Any:
        """Run a script; the reply is as Lua returned it, texts as str. What *hear* hears: see `Line.ask`.

        Raises:
            StoreUnavailable: no reply. It may have run, or not.
            ResponseError: the script failed, or met a value of another kind.
        """
        try:
            return await self.call("EVALSHA", script.sha, len(keys), *keys, *args, hear=hear)
        except NoScriptError:
            return await self.call("EVAL", script.body, len(keys), *keys, *args, hear=hear)

    async def call(self, *command: Word, hear: Hear | None = None) -> Any:
        """Send one command that does not block; the reply is that of RESP2, texts as str.

        Raises:
            StoreUnavailable: no reply. It may have been carried out, or not.
            ResponseError: Redis refused, for no reason that time or a person at the server mends.
        """
        words = packed(command)
        until = self._loop.time() + self._limit_s
        line = self._line if self._line.error is None else await self._open(until)
        try:
            try:
                return await line.ask(words, until, hear)
            except (MovedError, AskError, ReadOnlyError) as elsewhere:
                self._lose(line, elsewhere)
                line = await self._open(until)
                return await line.ask(words, max(until, self._loop.time() + AGAIN_S), hear)
        except RedisError as error:
            raise self._explained(error, line) from error

    async def read(self, streams: Mapping[str, str], timeout_ms: int) -> dict[str, Entries]:
        """Wait for entries after the given id of each stream, at most *timeout_ms*; those that came, by stream.

        At most `READ_COUNT` of each, oldest first. A stream without any is not in the answer.

        Raises:
            StoreUnavailable: no reply; nothing was changed.
            ResponseError: Redis refused: an id that is none, a key that is no stream.
        """
        block: tuple[Word, ...] = ("BLOCK", timeout_ms) if timeout_ms > 0 else ()
        words = packed(("XREAD", "COUNT", READ_COUNT, *block, "STREAMS", *streams, *streams.values()))
        line = await self._open_reader()
        try:
            found = await line.ask(words, self._loop.time() + self._limit_s + max(0, timeout_ms) / 1000)
        except BaseException as error:
            line.drop(StoreUnavailable("The read was given up."))  # its reply may still come
            if isinstance(error, RedisError):
                raise self._explained(error, line) from error
            raise
        finally:
            self._reading.discard(line)
        if self._reader is None:
            self._reader = line
        else:
            line.drop(StoreUnavailable("There is another line for reads."))
        return {stream: [(entry, _pairs(fields)) for entry, fields in entries] for stream, entries in found or ()}

    async def close(self) -> None:
        """Close every connection; no call may follow. Again is harmless."""
        self._closed = True
        self._health.cancel()
        if self._opening is not None:
            self._opening.cancel()
        waiting = [task for task in (self._health, self._opening) if task is not None]
        await asyncio.gather(*waiting, return_exceptions=True)
        for line in (self._line, self._reader, *self._reading):
            if line is not None:
                await line.close()

    # --- lines ------------------------------------------------------------------------------------------------------

    async def _open(self, until: float) -> Line:
        """The line of all calls, a new one if it broke; it is waited for *until* this time of the loop."""
        if self._line.error is None:
            return self._line
        if self._closed:
            raise StoreRefused("The store is closed.")
        if self._opening is None:
            if self._loop.time() < self._not_before:
                raise StoreRefused(str(self._refusal))
            self._opening = asyncio.create_task(self._connect())
        opening = self._opening
        try:
            async with asyncio.timeout_at(until):
                opened = await asyncio.shield(opening)
        except TimeoutError as error:
            raise silent(self._where) from error
        except asyncio.CancelledError:
            if self._closed and opening.cancelled() and not _is_cancelled():
                raise StoreRefused("The store is closed.") from None
            raise
        if isinstance(opened, StoreUnavailable):
            raise StoreRefused(str(opened))  # nothing was sent
        return opened

    async def _connect(self) -> Line | StoreUnavailable:
        """Open a new line for all who wait for it; a failure is answered, since perhaps nobody waits any more."""
        try:
            async with asyncio.timeout(self._limit_s):
                self._line = await self._route.open(self._limit_s)
        except TimeoutError:
            failure = silent(self._where)
        except (SetupError, StoreUnavailable) as error:
            failure = StoreUnavailable(str(error))
        else:
            self._pause_s = FIRST_PAUSE_S
            return self._line
        finally:
            self._opening = None
        self._refusal = failure
        self._not_before = self._loop.time() + self._pause_s * random.uniform(0.5, 1)  # noqa: S311 - spreads
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return failure

    async def _open_reader(self) -> Line:
        """A line for one blocking read, taken out of the link while it is in use."""
        master = await self._open(self._loop.time() + self._limit_s)
        line, self._reader = self._reader, None
        if line is not None and (line.error is not None or line.where != master.where):
            line.drop(StoreUnavailable("The master is elsewhere."))
            line = None
        if line is None:
            try:
                async with asyncio.timeout(self._limit_s):
                    line = await self._route.open(self._limit_s)
            except TimeoutError as error:
                raise silent(self._where) from error
            except SetupError as error:
                raise StoreUnavailable(str(error)) from error
        self._reading.add(line)
        return line

    def _lose(self, line: Line, elsewhere: RedisError) -> None:
        """Give up a line whose server says that it does not take our writes any more."""
        if isinstance(elsewhere, MovedError):
            self._route.moved(elsewhere.slot_id)
        line.drop(unavailable(elsewhere, line.where) or silent(line.where))

    def _explained(self, error: RedisError, line: Line) -> Exception:
        """What a refusal means; where the server is no use any more, its line is given up."""
        explained = unavailable(error, line.where)
        if isinstance(error, MovedError | AskError | ReadOnlyError):
            self._lose(line, error)
        elif isinstance(error, _NO_USE):
            line.drop(explained or silent(line.where))
        return explained or error

    async def _watch(self) -> None:
        """Ask a silent line for a sign of life, so that a dead one is found before somebody needs it."""
        line, replies = self._line, -1
        while True:
            await asyncio.sleep(HEALTH_S)
            if self._line is line and line.error is None and line.idle and line.replies == replies:
                with suppress(StoreUnavailable, RedisError):
                    await self.call("PING")
            line, replies = self._line, self._line.replies


_NO_USE = (ClusterDownError, BusyLoadingError, AuthenticationError)
"""Refusals after which another server, or a new hand-shake, may know better (MASTERDOWN is a CLUSTERDOWN)."""


def _pairs(fields: Sequence[str]) -> dict[str, str]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _is_cancelled() -> bool:
    """Whether the task that runs was cancelled itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
