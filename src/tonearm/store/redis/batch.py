"""Batches: calls of one kind that are made at the same time go to Redis as one script, each with an answer of its own.

A call that comes while none of its kind is under way is sent at once. What comes meanwhile waits for that answer and
goes together, so many small transitions cost little more than one; SQLite's group commit is the same idea.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from typing import Any, NamedTuple

from tonearm.errors import StoreUnavailable

Words = tuple[str | bytes | int, ...]
Answer = Any

MOST = 100
"""Calls that one script carries out at most."""


class Call(NamedTuple):
    """What one caller says, in which context; *answer* may be cancelled by then, the call is not."""

    words: Words
    context: Context
    answer: asyncio.Future[Answer]


Send = Callable[[Sequence[Call]], Awaitable[Sequence[Answer | Exception]]]


class Batch:
    """The calls of one kind; *send* carries out some of them and answers each, or refuses it. Belongs to one loop."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[Call] = []
        self._sending: asyncio.Task[None] | None = None

    async def run(self, *words: str | bytes | int) -> Answer:
        """Carry out one call. Who is cancelled while it waits does not know whether it was carried out.

        Raises:
            what the call is refused with; of a batch that failed, what it failed with.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(Call(words, copy_context(), answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all(), context=Context())  # it is nobody's alone
        return await answer

    async def sent(self) -> None:
        """Wait until all that was said is answered."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    async def _send_all(self) -> None:
        some: list[Call] = []
        try:
            while self._waiting:
                some, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                try:
                    answers = await self._send(some)
                except Exception as error:  # noqa: BLE001 - whatever it is, each caller has to hear of it
                    some += self._waiting  # those behind would only wait for the same
                    self._waiting = []
                    answers = [error] * len(some)
                for call, told in zip(some, answers, strict=True):
                    _tell(call.answer, told)
        finally:
            self._sending = None
            for call in (*some, *self._waiting):  # the store was closed under them
                _tell(call.answer, StoreUnavailable("The store was closed; whether it was carried out is unknown."))
            self._waiting = []


def _tell(answer: asyncio.Future[Answer], told: Answer | Exception) -> None:
    if answer.done():
        return  # its caller was cancelled
    if isinstance(told, Exception):
        answer.set_exception(told)
    else:
        answer.set_result(told)
