"""The hard limit of an attempt, whatever the renewals say: from the claim to the commit point."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from tonearm.errors import Timeout


class TimeLimit:
    """The clock of one attempt. It belongs to the task that began it."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Let the clock stand still inside the block: what holds the task there is ours, or has a limit of its own.

        Inside another such block it changes nothing.
        """
        end = self._timeout.when()
        if end is None or self._timeout.expired():
            yield
            return
        loop = asyncio.get_running_loop()
        left = end - loop.time()
        self._timeout.reschedule(None)
        try:
            yield
        finally:
            self._timeout.reschedule(loop.time() + left)


@asynccontextmanager
async def time_limit(limit_ms: int, how_far: Callable[[], str]) -> AsyncIterator[TimeLimit]:
    """End the block after *limit_ms* milliseconds; *how_far* then says for people how far it came.

    Raises:
        Timeout: the limit ran out; not to be repeated.
    """
    try:
        async with asyncio.timeout(limit_ms / 1_000) as limit:
            yield TimeLimit(limit)
    except TimeoutError:
        if not limit.expired():
            raise
        message = f"Processing timeout ({limit_ms / 1_000:g}s exceeded): {how_far()}"
        raise Timeout(message, retryable=False) from None
