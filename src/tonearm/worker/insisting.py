"""Insisting: a store call of a task is said again until it is answered or the lease ends.

Every call of the store may be repeated, so a network error while recording something is never turned into a failure
of the job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tonearm.errors import LeaseLost, StoreUnavailable
from tonearm.worker.held import Held
from tonearm.worker.leases import Leases

T = TypeVar("T")
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


async def insist(call: Callable[[], Awaitable[T]], held: Held, leases: Leases) -> T:
    """Answer what *call* answers, repeating it while the store is away.

    Raises:
        LeaseLost: the lease ended before the store came back.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            if not leases.trusted(held):
                raise LeaseLost from error
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
