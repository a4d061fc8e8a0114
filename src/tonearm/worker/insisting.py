"""Insisting: a store call of a task is said again until it is answered or the lease ends.

Every call of the store may be repeated, so a network error while recording something is never turned into a failure
of the job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from tonearm.errors import LeaseEnded, StoreUnavailable
from tonearm.worker.backoff import Backoff
from tonearm.worker.held import Held
from tonearm.worker.leases import Leases

T = TypeVar("T")
log = structlog.get_logger("worker.task")


async def insist(call: Callable[[], Awaitable[T]], held: Held, leases: Leases) -> T:
    """Answer what *call* answers, repeating it while the store is away.

    Raises:
        LeaseLost: the store refuses.
        LeaseEnded: the lease ended before the store came back, or the worker stops and waits no longer.
    """
    backoff = Backoff()
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            if not leases.patient(held):
                log.warning("The store is away for too long; the task is left to its lease", error=str(error))
                raise LeaseEnded from error
            pause_s = backoff.after(error)
        await asyncio.sleep(pause_s)
