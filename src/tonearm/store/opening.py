"""Opening: the store that the settings ask for.

Without REDIS_URL it is a file of SQLite, which one process owns. With it the queue lies in Redis, and any number of
processes on any number of machines share it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from tonearm.clock import Clock
from tonearm.errors import SetupError
from tonearm.settings import Settings
from tonearm.store.base import Store

_REDIS = "tonearm.store.redis"


def check_queue(settings: Settings) -> None:
    """See, without loading any engine, whether there is one for what the settings ask for.

    Raises:
        SetupError: there is none.
    """
    if settings.shared_queue() is not None and find_spec(_REDIS) is None:
        raise SetupError("REDIS_URL is set, but this version has no Redis yet: unset it, or set REDIS_DISABLED=1")


async def open_store(settings: Settings, clock: Clock) -> Store:
    """Open the queue of this process. Close it at the end.

    Raises:
        SetupError: it cannot be used like this; the message says what to change.
        StoreUnavailable: it does not answer now.
    """
    url = settings.shared_queue()
    if url is None:
        from tonearm.store.sqlite import open_sqlite  # noqa: PLC0415 - a queue in Redis needs no SQLite

        return await open_sqlite(settings.database, clock, worker_dead_ms=settings.worker_dead_ms)
    check_queue(settings)
    redis = import_module(_REDIS)  # by name: an engine that is not there has no types either
    store: Store = await redis.open_redis(url, clock, worker_dead_ms=settings.worker_dead_ms)
    return store
