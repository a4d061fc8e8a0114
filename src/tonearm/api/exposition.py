"""Exposition: what a process counted, what it is now, and what it knows of the queue, as Prometheus reads it.

A server and a worker alone expose the same things, each as far as it has them: what belongs to a worker stands where
there is one, what belongs to the queue where the store answers. A store that is away is a figure like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from tonearm.clock import Clock
from tonearm.errors import FailureCode, StoreUnavailable
from tonearm.metrics import REGISTRY, moments
from tonearm.model import Counts, Metrics, WorkerRecord
from tonearm.ops.pressure import level_of
from tonearm.settings import Settings
from tonearm.store.base import SOURCES, Store
from tonearm.store.spool import Spool
from tonearm.worker import Pulse, Worker

TEXT = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of `Exposition.text`."""

OPENMETRICS: str = openmetrics.CONTENT_TYPE_LATEST
"""The content type of `Exposition.open_text`."""

ANSWER_S = 2.0
"""Seconds that the store has to answer; later it counts as away."""


@dataclass(frozen=True, slots=True)
class _Queue:
    """What the store says of the queue."""

    counts: Counts
    metrics: Metrics
    oldest: int | None
    workers: tuple[WorkerRecord, ...]


class Exposition:
    """What one process exposes; *streams* says how many listen to events here, where anybody can."""

    def __init__(self, settings: Settings, clock: Clock, streams: Callable[[], int] | None = None) -> None:
        self.store: Store | None = None
        """None while the queue could not be opened yet."""
        self.worker: Worker | None = None
        """None where nobody works, or not yet."""
        self._settings = settings
        self._clock = clock
        self._streams = streams

    async def text(self) -> bytes:
        """The text form of Prometheus."""
        return generate_latest(_Families([*REGISTRY.collect(), *await self._moments()]))

    async def open_text(self) -> bytes:
        """The form of OpenMetrics."""
        families = _Families([*REGISTRY.collect(), *await self._moments()])
        body: bytes = openmetrics.generate_latest(families)  # type: ignore[no-untyped-call]  # it has no types
        return body

    async def _moments(self) -> list[Metric]:
        queue = None if self.store is None else await _read(self.store)
        found: list[Metric] = [
            moments.BUILD_INFO.by({version("tonearm"): 1}),
            moments.STORE_REACHABLE.of(int(queue is not None)),
        ]
        if self.store is not None:
            found += _of_the_store(self.store)
        if self._streams is not None:
            found.append(moments.EVENT_STREAMS.of(self._streams()))
        if self.worker is not None:
            found += _of_the_worker(self.worker.pulse())
        if queue is not None:
            found += self._of_the_queue(queue)
        return found

    def _of_the_queue(self, queue: _Queue) -> Iterator[Metric]:
        alive = [worker for worker in queue.workers if worker.alive]
        failures = queue.metrics.failure_by_code
        age_ms = 0 if queue.oldest is None else max(0, self._clock.wall_ms() - queue.oldest)
        yield moments.JOBS.by(asdict(queue.counts))
        yield moments.FAILED_JOBS.by({code: failures.get(code, 0) for code in FailureCode})
        yield moments.JOBS_DOWNLOAD.of(queue.metrics.total_download_ms / 1_000)
        yield moments.OLDEST_JOB.of(age_ms / 1_000)
        yield moments.QUEUE_LEVEL.of(level_of(queue.counts.unfinished, self._settings).rank)
        yield moments.WORKERS_ALIVE.of(len(alive))
        yield moments.WORKERS_ACTIVE.of(sum(worker.active_downloads for worker in alive))
        yield moments.WORKERS_MAX.of(sum(worker.max_concurrent for worker in alive))


async def _read(store: Store) -> _Queue | None:
    """What the store says of the queue; None: it does not answer."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return _Queue(*await asyncio.gather(store.counts(), store.metrics(), store.oldest(), store.workers()))
    except (StoreUnavailable, TimeoutError):
        return None


def _of_the_store(store: Store) -> Iterator[Metric]:
    yield moments.QUEUE_SOURCE.by({name: int(store.source == name) for name in SOURCES})
    spool = store if isinstance(store, Spool) else None
    yield moments.SPOOL_ACTIVE.of(int(spool is not None and spool.stands_in))
    yield moments.SPOOL_JOBS.of(0 if spool is None else spool.left)


def _of_the_worker(pulse: Pulse) -> Iterator[Metric]:
    yield moments.WORKER_READY.of(int(pulse.trouble is None))
    yield moments.ACTIVE_DOWNLOADS.of(pulse.active_downloads)
    yield moments.MAX_CONCURRENT.of(pulse.max_concurrent)
    yield moments.DOWNLOAD_SPEED.of(pulse.speed)
    if pulse.disk_free is not None:
        yield moments.DISK_FREE.of(pulse.disk_free)
    if pulse.disk_min is not None:
        yield moments.DISK_MIN.of(pulse.disk_min)
    if pulse.claimed is not None:
        yield moments.LAST_CLAIM_TIME.of(pulse.claimed.wall_ms / 1_000)


class _Families(Collector):
    """Metrics that were collected already, in the form that the library writes out."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
