"""Reaching the queue itself: through the process that holds its file, or directly where none does, and in Redis.

For commands that need more than the API gives. They run on the machine of the queue's file, as the user whose it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tonearm.clock import Clock, SystemClock
from tonearm.errors import DatabaseInUse, SetupError
from tonearm.ops import errands, hatch, logs
from tonearm.ops.hatch import Answer, Order
from tonearm.settings import Settings, load
from tonearm.store.base import Store
from tonearm.store.opening import open_store


def settings_of_queue() -> Settings:
    """The settings, where they lead to a queue that is there.

    Raises:
        SetupError: a setting is wrong, or there is no queue.
    """
    settings = load()
    logs.set_up(settings)
    if settings.shared_queue() is None and not _is_there(settings.database):
        raise SetupError(f"There is no queue: {settings.database} is not there. See QUEUE_DATABASE and REDIS_URL.")
    return settings


def _is_there(database: Path) -> bool:
    try:
        return database.exists()
    except OSError as error:
        raise SetupError(f"The database {database} cannot be read: {error.strerror or error}.") from error


def do(settings: Settings, order: Order, take: Callable[[bytes], None]) -> Answer:
    """Have an errand done, give the bytes that it brings to *take*, and return its answer.

    Raises:
        SetupError: it cannot be done; the message says what to change.
        StoreUnavailable: the queue cannot do it now.
        HolderUnreachable: the process that holds the queue ended before it was done.
    """
    answer = ask_holder(settings, order, take)
    return asyncio.run(_directly(settings, order, take)) if answer is None else answer


def ask_holder(settings: Settings, order: Order, take: Callable[[bytes], None]) -> Answer | None:
    """The answer of the process that holds the file of the queue; None: none listens, or the queue is in Redis.

    Raises:
        SetupError, StoreUnavailable, HolderUnreachable: as `do`.
    """
    line = None if settings.shared_queue() is not None else hatch.connect(settings.database)
    if line is None:
        return None
    with line:
        return hatch.ask(line, order, take)


async def _directly(settings: Settings, order: Order, take: Callable[[bytes], None]) -> Answer:
    async def send(content: bytes) -> None:
        take(content)

    clock = SystemClock()
    async with opened(settings, clock) as store:
        return await errands.do(errands.Place(store, settings, clock), order, send)


@asynccontextmanager
async def opened(settings: Settings, clock: Clock, *, asked: bool = True) -> AsyncIterator[Store]:
    """The queue, opened by this process alone; in Redis beside others.

    *asked*: whether the process that has the file can mostly be asked to do the same.

    Raises:
        SetupError: another process has the file.
    """
    try:
        store = await open_store(settings, clock)
    except DatabaseInUse as error:
        raise SetupError(in_use(settings) if asked else stop_first(settings)) from error
    try:
        yield store
    finally:
        await store.close()


def stop_first(settings: Settings) -> str:
    """What is said where another process has the file, and none is ever asked."""
    return f"A server uses the database {settings.database}. Stop it first."


def in_use(settings: Settings) -> str:
    """What is said where another process has the file and cannot be asked."""
    return (
        f"Another process uses the database {settings.database}, and cannot be asked to do this. Stop it first; a "
        "server that has just started can be asked in a moment."
    )
