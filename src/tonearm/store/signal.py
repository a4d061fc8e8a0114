"""The wake-up behind `Store.changed`: a number that grows with every change, and those who wait for it to grow."""

from __future__ import annotations

import asyncio
import contextlib


class Signal:
    """Belongs to one event loop; only `bump` may be called from another thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changes = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def bump(self) -> None:
        """Wake everybody who waits."""
        with contextlib.suppress(RuntimeError):  # the loop is closed; nobody waits any more
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._changes += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seen: int, timeout_ms: int) -> int:
        """Return the number as soon as it differs from *seen*, or after *timeout_ms*."""
        if self._changes == seen:
            future: asyncio.Future[None] = self._loop.create_future()
            self._waiting.add(future)
            try:
                await asyncio.wait([future], timeout=timeout_ms / 1000)
            finally:
                self._waiting.discard(future)
        return self._changes
