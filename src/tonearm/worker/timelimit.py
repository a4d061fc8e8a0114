"""The hard limit of an attempt, whatever the renewals say: from the claim to the commit point."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tonearm.errors import Timeout


@asynccontextmanager
async def time_limit(limit_ms: int, how_far: Callable[[], str]) -> AsyncIterator[None]:
    """End the block after *limit_ms* milliseconds; *how_far* then says for people how far it came.

    Raises:
        Timeout: the limit ran out; not to be repeated.
    """
    try:
        async with asyncio.timeout(limit_ms / 1_000) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        message = f"Processing timeout ({limit_ms / 1_000:g}s exceeded): {how_far()}"
        raise Timeout(message, retryable=False) from None
