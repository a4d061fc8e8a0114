"""Opening: the store that the settings ask for.

Without REDIS_URL it is a file of SQLite, which one process owns. With it the queue lies in Redis, and any number of
processes on any number of machines share it. The other engine is not even loaded.
"""

# ruff: noqa: PLC0415 - one engine is loaded, not both

from __future__ import annotations

from tonearm.clock import Clock
from tonearm.settings import Settings
from tonearm.store.base import Store


async def open_store(settings: Settings, clock: Clock) -> Store:
    """Open the queue of this process. Close it at the end.

    Raises:
        SetupError: it cannot be used like this; the message says what to change.
        StoreUnavailable: it does not answer now.
    """
    url = settings.shared_queue()
    if url is None:
        from tonearm.store.sqlite import open_sqlite

        return await open_sqlite(settings.database, clock, worker_dead_ms=settings.worker_dead_ms)
    from tonearm.store.redis import open_redis

    return await open_redis(url, clock, worker_dead_ms=settings.worker_dead_ms)
