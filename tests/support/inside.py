"""A worker and its store inside the test's own process, so that both can be looked at and steered directly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.catalog import ScriptedCatalog
from tonearm.cli import working as parts
from tonearm.cli.outside import outside
from tonearm.clock import SystemClock
from tonearm.model import JobSpec, JobType, Quality, Submission, SubmitLimits
from tonearm.settings import load
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite
from tonearm.worker import Worker


@asynccontextmanager
async def working(
    folder: Path, catalog: ScriptedCatalog, *, through: Callable[[Store], Store] = lambda store: store, **settings: str
) -> AsyncIterator[tuple[Store, Worker]]:
    """A worker that runs, and the store below it; the worker sees that *through* something else, if that is given."""
    paths = {"QUEUE_DATABASE": str(folder / "queue.db"), "DOWNLOAD_DIR": str(folder / "music")}
    loaded = load({"INTERNAL_API_URL": catalog.url, **paths, **settings})
    store = await open_sqlite(loaded.database, SystemClock(), worker_dead_ms=loaded.worker_dead_ms)
    try:
        async with outside(loaded) as reached, parts.working(through(store), loaded, SystemClock(), reached) as worker:
            worker.start()
            try:
                yield store, worker
            finally:
                await worker.stop(0, hurry=asyncio.Event())
    finally:
        await store.close()


async def submit(store: Store, *numbers: int) -> None:
    """Queue these tracks; track 7 becomes `job-1-7`."""
    for number in numbers:
        spec = JobSpec(JobType.TRACK, number, Quality.LOSSLESS)
        await store.submit(Submission(f"job-1-{number}", "somebody", spec), SubmitLimits())
