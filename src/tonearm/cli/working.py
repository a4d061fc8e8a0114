"""Working: a worker with everything that its tasks pass through, put together from the settings.

Used by every process that downloads, `tonearm serve` and `tonearm worker` alike. What the parts do is theirs to know.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tonearm.catalog import open_catalog
from tonearm.clock import Clock
from tonearm.errors import StoreUnavailable
from tonearm.fetch import Fetcher, FetchLimits, HostPort, Throttle
from tonearm.library import Decoder, DiskGuard, Stage, Template, check_library
from tonearm.policy import RetryRules
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.worker import Worker, WorkerTools
from tonearm.worker.covers import Covers


@asynccontextmanager
async def working(store: Store, settings: Settings, clock: Clock) -> AsyncIterator[Worker]:
    """A worker on *store*, not started yet; its parts are closed at the end, after it was stopped.

    Raises:
        SetupError: the library, the stage or the catalog cannot be used; the message says what to change.
    """
    check_library(settings.download_dir, settings.stage_dir)
    template = Template(settings.name_template)
    async with _fetcher(settings) as fetcher:
        catalog = open_catalog(settings.catalog_url(), fetcher)
        alive = await _alive(store) if settings.shared_queue() is not None else ()
        stage = Stage.open(settings.stage_dir, settings.download_dir, socket.gethostname(), alive=alive)
        decoder = Decoder()
        try:
            yield Worker(
                WorkerTools(
                    store=store,
                    catalog=catalog,
                    fetcher=fetcher,
                    covers=Covers(fetcher, settings.job_timeout_ms),
                    stage=stage,
                    decoder=decoder,
                    template=template,
                    disk=DiskGuard(settings.download_dir, round(settings.disk_space_min_mb * 1_000_000)),
                    umask=_own_umask() if settings.umask is None else int(settings.umask, 8),
                    settings=settings,
                    clock=clock,
                )
            )
        finally:
            await decoder.close()
            stage.close()
            await catalog.close()


async def _alive(store: Store) -> frozenset[str]:
    """Workers whose names are taken, as far as the queue can be asked; then the locks decide alone."""
    try:
        return frozenset(worker.id for worker in await store.workers() if worker.alive)
    except StoreUnavailable:
        return frozenset()


def _fetcher(settings: Settings) -> Fetcher:
    """The one client for everything that leaves the machine; the catalog's own host may be private."""
    catalog = HostPort.of(settings.catalog_url())
    token = settings.internal_api_token
    credentials = {catalog: {"Authorization": f"Bearer {token.get_secret_value()}"}} if token else {}
    limits = FetchLimits(
        connect_ms=settings.job_timeout_ms,
        silence_ms=settings.job_timeout_ms,
        file_bytes=round(settings.max_file_mb * 1_000_000),
    )
    return Fetcher(
        limits,
        allow=[catalog, *map(HostPort.parse, settings.fetch_allow)],
        credentials=credentials,
        rules=RetryRules(settings.retry_backoff_ms, settings.retry_after_max_ms),
        throttle=Throttle(settings.bandwidth_limit),
    )


def _own_umask() -> int:
    """The umask of this process; the system tells it only in exchange for another one."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
