"""Routes of metrics: the figures of the queue for machines, as JSON and in the text forms that Prometheus reads.

Names and labels are stable and bounded, units are base units, and no label has an id, a client or a name in it. A store
that is away is a figure like any other: the text says so with 200.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from tonearm.api.answers import HEADERS, success
from tonearm.api.exposition import CONTENT_TYPE
from tonearm.api.paths import METRICS
from tonearm.api.sums import iso, wire_counts, wire_metrics
from tonearm.clock import Clock
from tonearm.errors import FailureCode, StoreUnavailable
from tonearm.model import Counts, Metrics
from tonearm.store.base import SOURCES, Store
from tonearm.store.spool import Spool

ANSWER_S = 2.0
"""Seconds that the store has to answer; later it counts as away."""


@dataclass(frozen=True, slots=True)
class _Figures:
    counts: Counts
    metrics: Metrics
    alive: int
    active: int
    most: int


class QueueMetricRoutes:
    """`GET /api/download-queue/metrics`, and `GET /metrics` of a server."""

    def __init__(self, store: Store, clock: Clock, streams: Callable[[], int]) -> None:
        """*streams* says how many listen to events here now."""
        self._store = store
        self._clock = clock
        self._streams = streams

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*, before those where the id of a job stands in this place."""
        for path, endpoint in ((METRICS, self.chosen), ("/metrics", self.text)):
            app.add_api_route(path, endpoint, methods=["GET", "HEAD"])

    async def chosen(self, request: Request) -> Response:
        """JSON, or text for whoever accepts that and no JSON."""
        accepted = {part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")}
        if "application/json" not in accepted:
            if "application/openmetrics-text" in accepted:
                registry = _registry(await self._collector())
                body = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]  # it has no types
                return Response(body, headers={**HEADERS, "Content-Type": openmetrics.CONTENT_TYPE_LATEST})
            if "text/plain" in accepted:
                return await self.text()
        counts, metrics = await asyncio.gather(self._store.counts(), self._store.metrics())
        return success(
            {
                "queue": wire_counts(counts),
                "metrics": wire_metrics(counts, metrics),
                "generatedAt": iso(self._clock.wall_ms()),
                "source": self._store.source,
            }
        )

    async def text(self) -> Response:
        """The text form of Prometheus."""
        body = generate_latest(_registry(await self._collector()))
        return Response(body, headers={**HEADERS, "Content-Type": CONTENT_TYPE})

    async def _collector(self) -> _Collector:
        try:
            async with asyncio.timeout(ANSWER_S):
                counts, metrics, workers = await asyncio.gather(
                    self._store.counts(), self._store.metrics(), self._store.workers()
                )
        except (StoreUnavailable, TimeoutError):
            return _Collector(self._store, self._streams(), None)
        alive = [worker for worker in workers if worker.alive]
        active, most = sum(one.active_downloads for one in alive), sum(one.max_concurrent for one in alive)
        return _Collector(self._store, self._streams(), _Figures(counts, metrics, len(alive), active, most))


class _Collector(Collector):
    """The figures of one moment; None: the store did not answer."""

    def __init__(self, store: Store, streams: int, figures: _Figures | None) -> None:
        self._store = store
        self._streams = streams
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        reachable = int(self._figures is not None)
        yield GaugeMetricFamily("tonearm_store_reachable", "Whether the queue answers (1) or not (0).", reachable)
        source = GaugeMetricFamily("tonearm_queue_source", "Where new jobs go: 1 there.", labels=["source"])
        for name in SOURCES:
            source.add_metric([name], int(self._store.source == name))
        yield source
        spool = self._store if isinstance(self._store, Spool) else None
        stands_in = int(spool is not None and spool.stands_in)
        yield GaugeMetricFamily("tonearm_spool_active", "Whether this server stands in for Redis (1).", stands_in)
        left = 0 if spool is None else spool.left
        yield GaugeMetricFamily("tonearm_spool_jobs", "Jobs that lie in this server's own store meanwhile.", left)
        yield GaugeMetricFamily("tonearm_event_streams", "Who listens to the events of this server.", self._streams)
        if self._figures is not None:
            yield from _of_the_queue(self._figures)


def _of_the_queue(figures: _Figures) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("tonearm_jobs", "Jobs that have a record, by status.", labels=["status"])
    for status, count in asdict(figures.counts).items():
        jobs.add_metric([status], count)
    yield jobs
    failed = GaugeMetricFamily("tonearm_failed_jobs", "Failed jobs that have a record, by why.", labels=["code"])
    for code in FailureCode:
        failed.add_metric([code], figures.metrics.failure_by_code.get(code, 0))
    yield failed
    spent_s = figures.metrics.total_download_ms / 1_000
    yield GaugeMetricFamily("tonearm_jobs_download_seconds", "Time on the line of these jobs.", spent_s)
    yield GaugeMetricFamily("tonearm_workers_alive", "Worker processes that live.", figures.alive)
    yield GaugeMetricFamily("tonearm_workers_active_downloads", "Transfers that run in all of them.", figures.active)
    yield GaugeMetricFamily("tonearm_workers_max_concurrent", "Transfers that may run in all of them.", figures.most)


def _registry(collector: _Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry
