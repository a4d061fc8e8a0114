"""Opening: the store that the settings choose, for the server and for commands that need the queue itself."""

from __future__ import annotations

from tonearm.clock import Clock
from tonearm.errors import SetupError
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite


def uses_redis(settings: Settings) -> bool:
    """Whether the queue is in Redis."""
    return settings.redis_url is not None and not settings.redis_disabled


async def open_main(settings: Settings, clock: Clock) -> Store:
    """Open the store where the queue is.

    Raises:
        SetupError: it cannot be opened like this.
    """
    if uses_redis(settings):
        raise SetupError("REDIS_URL is set, but this version has no Redis yet: unset it, or set REDIS_DISABLED=1")
    return await open_sqlite(settings.database, clock, worker_dead_ms=settings.worker_dead_ms)
