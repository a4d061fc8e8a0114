"""Opening: the store that the settings ask for.

Without REDIS_URL it is a file of SQLite, which one process owns. With it the queue lies in Redis, and any number of
processes on any number of machines share it; a server has a store of its own beside it, for the time when Redis is away
(QUEUE_FALLBACK). What is not needed is not even loaded.
"""

# ruff: noqa: PLC0415 - one engine is loaded, not both

from __future__ import annotations

import structlog

from tonearm.clock import Clock
from tonearm.errors import DatabaseInUse
from tonearm.settings import Settings
from tonearm.store.base import LocalStore, Store

log = structlog.get_logger("store.opening")


async def open_store(settings: Settings, clock: Clock) -> Store:
    """Open the queue of this process, and change nothing of what lies there. Close it at the end.

    Raises:
        SetupError: it cannot be used like this; the message says what to change.
        StoreUnavailable: it does not answer now.
    """
    url = settings.shared_queue()
    if url is None:
        return await _open_file(settings, clock)
    from tonearm.store.redis import open_redis

    return await open_redis(url, clock, worker_dead_ms=settings.worker_dead_ms)


async def open_served(settings: Settings, clock: Clock, *, works: bool = True) -> Store:
    """Open the queue of a server, which accepts jobs also while Redis is away, as QUEUE_FALLBACK says.

    *works*: whether the server has a worker, for what people are told then. With one, and without Redis, it goes on
    with what an earlier process was handing over to that.

    Raises:
        SetupError: it cannot be used like this; the message says what to change.
        StoreUnavailable: it does not answer now, and nothing stands in for it (`off`).
    """
    if settings.shared_queue() is None:
        store = await _open_file(settings, clock)
        if works:
            await _take_back(store)
        return store
    if settings.fallback == "off":
        return await open_store(settings, clock)
    from tonearm.store.spool import open_spool
    from tonearm.store.sqlite import open_sqlite

    place = None if settings.fallback == "memory" else settings.database
    try:
        local = await open_sqlite(place, clock, worker_dead_ms=settings.worker_dead_ms)
    except DatabaseInUse as error:
        raise DatabaseInUse(
            f"{error} Here it keeps jobs while Redis is away; QUEUE_FALLBACK=memory or off does without."
        ) from error
    return await open_spool(lambda: open_store(settings, clock), local, works=works)


async def _open_file(settings: Settings, clock: Clock) -> LocalStore:
    from tonearm.store.sqlite import open_sqlite

    return await open_sqlite(settings.database, clock, worker_dead_ms=settings.worker_dead_ms)


async def _take_back(store: LocalStore) -> None:
    """Let what was being handed over to a queue in Redis go on here: that queue is not ours any more."""
    taken = 0
    while marked := await store.moving():
        for job_id in marked:
            await store.abandon_move(job_id)
        taken += len(marked)
    if taken:
        log.warning("Jobs that were being handed over to Redis go on here; Redis may have them as well", jobs=taken)
