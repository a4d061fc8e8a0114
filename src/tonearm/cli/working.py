"""Working: a worker with everything that its tasks pass through, put together from the settings.

Used by every process that downloads, `tonearm serve` and `tonearm worker` alike; what leaves the machine goes through
its `tonearm.cli.outside`. What the parts do is theirs to know.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tonearm.cli.outside import Outside
from tonearm.clock import Clock
from tonearm.errors import StoreUnavailable
from tonearm.library import Decoder, DiskGuard, Stage, Template, check_library, own_umask
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.worker import Worker, WorkerTools
from tonearm.worker.covers import Covers


@asynccontextmanager
async def working(store: Store, settings: Settings, clock: Clock, reached: Outside) -> AsyncIterator[Worker]:
    """A worker on *store*, not started yet; its parts are closed at the end, after it was stopped.

    Raises:
        SetupError: the library or the stage cannot be used; the message says what to change.
    """
    check_library(settings.download_dir, settings.stage_dir)
    template = Template(settings.name_template)
    alive = await _alive(store) if settings.shared_queue() is not None else None
    stage = Stage.open(settings.stage_dir, settings.download_dir, socket.gethostname(), alive=alive)
    decoder = Decoder()
    try:
        yield Worker(
            WorkerTools(
                store=store,
                catalog=reached.catalog,
                fetcher=reached.fetcher,
                covers=Covers(reached.fetcher, settings.job_timeout_ms),
                stage=stage,
                decoder=decoder,
                template=template,
                disk=DiskGuard(settings.download_dir, settings.disk_space_min_bytes()),
                umask=own_umask() if settings.umask is None else int(settings.umask, 8),
                settings=settings,
                clock=clock,
            )
        )
    finally:
        await decoder.close()
        stage.close()


async def _alive(store: Store) -> frozenset[str]:
    """Workers whose names are taken, as far as the queue can be asked; then the locks decide alone."""
    try:
        return frozenset(worker.id for worker in await store.workers() if worker.alive)
    except StoreUnavailable:
        return frozenset()
