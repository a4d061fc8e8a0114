"""A line: one connection to Redis that many calls share, each reply going to the call that it answers.

Redis answers in the order in which it was asked. So a call is put behind those that wait already, all that gathered
meanwhile leaves in one write, and each reply is handed to the first that waits. Who stops waiting keeps the place: a
cancelled call cannot shift the replies of the others, and what its own reply tells is heard none the less. A connection
of redis-py does the rest: TLS, the hand-shake and the protocol.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from typing import Any, NamedTuple, Protocol, cast

import hiredis
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, ResponseError

from tonearm.errors import StoreRefused, StoreUnavailable
from tonearm.store.redis.failures import silent, unavailable

MOST_WAITING = 10_000
"""Calls that may wait on one line; further ones are refused at once."""

STOOD_STILL_S = 0.5
"""A look at the time that comes so much too late means that our own loop stood still, seconds."""

CLOSE_S = 1.0
"""How long the regular end of a connection is waited for, seconds."""

Word = str | bytes | int
Hear = Callable[[Any], None]
_pack = cast("Callable[[tuple[Word, ...]], bytes]", hiredis.pack_command)  # it says less of itself than it does
_REPLIES = (ResponseError, BusyLoadingError, AuthenticationError)
"""What redis-py raises for a reply; everything else is a connection that broke."""


class Connection(Protocol):
    """What we use of a connection of redis-py."""

    async def connect(self) -> None: ...
    async def send_packed_command(self, command: bytes, check_health: bool = True) -> None: ...  # noqa: FBT001, FBT002 - redis-py's
    async def read_response(self, *, disconnect_on_error: bool = True) -> Any: ...
    async def disconnect(self, nowait: bool = False) -> None: ...  # noqa: FBT001, FBT002 - redis-py's


def packed(words: Sequence[Word]) -> bytes:
    """A command as it goes over the wire; text of Redis that was no UTF-8 goes back as the bytes that it was."""
    try:
        return _pack(tuple(words))
    except UnicodeEncodeError:
        return packed([word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word for word in words])


class _Asked(NamedTuple):
    reply: asyncio.Future[Any]
    until: float
    hear: Hear | None
    context: Context


class Line:
    """One connection and those who wait on it. *where* names the server; *error* why the line broke."""

    def __init__(self, connection: Connection, where: str) -> None:
        self.where = where
        self.error: StoreUnavailable | None = None
        self.replies = 0
        self._patient = False
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiting = deque[_Asked]()
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = list[bytes]()
        self._wake = asyncio.Event()
        self._tasks = (asyncio.create_task(self._read()), asyncio.create_task(self._write()))

    @property
    def idle(self) -> bool:
        """Whether nobody waits."""
        return not self._waiting

    async def ask(self, command: bytes, until: float, hear: Hear | None = None) -> Any:
        """Send a packed command and answer its reply, if that comes *until* this time of the loop.

        A reply that is no refusal is given to *hear* first, in the context of the caller, also if that one is gone by
        then; what goes wrong there is told to the loop and concerns nobody here.

        Raises:
            RedisError: Redis refused.
            StoreUnavailable: the line broke, or was given up; whether the command was carried out is unknown.
        """
        if self.error is not None:
            raise StoreUnavailable(str(self.error))
        if len(self._waiting) >= MOST_WAITING:
            raise StoreRefused(f"{MOST_WAITING} calls wait for {self.where} already.")
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(_Asked(reply, until, hear, copy_context()))
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._look_at_the_time)
        self._unsent.append(command)
        self._wake.set()
        return await reply

    def drop(self, error: StoreUnavailable) -> None:
        """Give the connection up, and tell all who wait why. Again is harmless."""
        if self.error is None:
            self.error = error
            if self._timer is not None:
                self._timer.cancel()
            for asked in self._waiting:
                if not asked.reply.done():
                    asked.reply.set_exception(StoreUnavailable(str(error)))
            self._waiting.clear()
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()

    async def close(self) -> None:
        """Give the connection up, and wait until it is closed."""
        self._patient = True
        self.drop(StoreUnavailable("The store is closed."))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look_at_the_time(self, *, again: bool = False) -> None:
        """Give the line up if who waits longest has waited too long: all behind that one would.

        When our own loop stood still, replies may lie there unread: then it is looked once more, after they were read.
        """
        self._timer = None
        if not self._waiting:
            return
        now = self._loop.time()
        until = self._waiting[0].until
        if until > now:
            self._timer = self._loop.call_at(until, self._look_at_the_time)
        elif now - until > STOOD_STILL_S and not again:
            self._timer = self._loop.call_later(STOOD_STILL_S, partial(self._look_at_the_time, again=True))
        else:
            self.drop(silent(self.where))

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                commands, self._unsent = self._unsent, []
                await self._connection.send_packed_command(b"".join(commands), check_health=False)
        except (RedisError, OSError) as error:
            self._broke(error)

    async def _read(self) -> None:
        try:
            while True:
                reply = await self._next()
                self.replies += 1
                self._answer(self._waiting.popleft(), reply)
        except (RedisError, OSError) as error:
            self._broke(error)
        except IndexError:
            self.drop(StoreUnavailable(f"{self.where} answered what nobody asked."))
        finally:
            await self._disconnect()

    def _answer(self, asked: _Asked, reply: Any) -> None:
        refused = isinstance(reply, RedisError)
        if asked.hear is not None and not refused:
            self._loop.call_soon(asked.hear, reply, context=asked.context)  # before the caller goes on
        if asked.reply.done():
            return
        if refused:
            asked.reply.set_exception(reply)
        else:
            asked.reply.set_result(reply)

    async def _next(self) -> Any:
        """The next reply; one that refuses is answered, not raised, since it belongs to who asked."""
        try:
            return await self._connection.read_response(disconnect_on_error=False)
        except _REPLIES as refusal:
            return refusal

    async def _disconnect(self) -> None:
        """Close the connection; somebody who is patient waits for its regular end."""
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._connection.disconnect(nowait=not self._patient)

    def _broke(self, error: RedisError | OSError) -> None:
        self.drop(unavailable(error, self.where) or StoreUnavailable(f"{self.where} went away: {error}"))
