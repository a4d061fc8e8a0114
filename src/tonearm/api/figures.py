"""Routes of figures: the counts of the queue and the state of its workers, for people and for probes.

Which workers live is the store's word (QUEUE_WORKER_DEAD_MS); without a living one the figures come with 503, since
nothing would be downloaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict

from fastapi import FastAPI, Request, Response

from tonearm.api.answers import refusal, success
from tonearm.api.bodies import Object
from tonearm.api.paths import STATS
from tonearm.clock import Clock
from tonearm.errors import RefusalCode
from tonearm.model import Counts, Metrics, WorkerRecord
from tonearm.store.base import Store

NO_WORKER = "No worker is running"


class FigureRoutes:
    """`/stats`, `/healthz` and `/readyz`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*."""
        for path, endpoint in ((STATS, self.stats), ("/healthz", self.healthz), ("/readyz", self.readyz)):
            app.add_api_route(path, endpoint, methods=["GET", "HEAD"])

    async def stats(self, request: Request) -> Response:
        """The figures of the queue; 503 with the same figures when no worker lives."""
        counts, metrics, workers = await asyncio.gather(
            self._store.counts(), self._store.metrics(), self._store.workers()
        )
        alive = [worker for worker in workers if worker.alive]
        answer: Object = {
            "queue": {**asdict(counts), "total": counts.total},
            "worker": {
                "running": bool(alive),
                "activeDownloads": sum(worker.active_downloads for worker in alive),
                "maxConcurrent": sum(worker.max_concurrent for worker in alive),
                "lastHeartbeat": max((worker.last_heartbeat for worker in workers), default=None),
                **waits(alive),
            },
            "metrics": wire_metrics(counts, metrics),
            "queueSource": self._store.source,
            "timestamp": self._clock.wall_ms(),
        }
        if self._store.warning is not None:
            answer["warning"] = self._store.warning
        if alive:
            return success(answer)
        return refusal(request.scope, RefusalCode.WORKER_DOWN, NO_WORKER, **answer)

    async def healthz(self) -> Response:
        """Whether the process answers."""
        return success({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Whether jobs are accepted and worked on: the store answers and a worker lives."""
        if not any(worker.alive for worker in await self._store.workers()):
            return refusal(request.scope, RefusalCode.WORKER_DOWN, NO_WORKER)
        return success({"status": "ready"})


def waits(alive: Iterable[WorkerRecord]) -> Object:
    """What holds the living workers up: hosts that rest, each until its latest end, and why nothing is claimed."""
    until: dict[str, int] = {}
    reasons: dict[str, None] = {}
    for worker in alive:
        for host in worker.resting:
            until[host.host] = max(until.get(host.host, 0), host.until_ms)
        if worker.holding is not None:
            reasons[worker.holding] = None
    found: Object = {}
    if until:
        found["resting"] = [{"host": host, "until": end} for host, end in sorted(until.items())]
    if reasons:
        found["holding"] = "; ".join(reasons)
    return found


def wire_metrics(counts: Counts, metrics: Metrics) -> Object:
    """The `metrics` object; times in milliseconds, rates 0-100."""
    return {
        "total_jobs": counts.total,
        **asdict(counts),
        "avg_success_rate": metrics.avg_success_rate,
        "avg_retry_count": metrics.avg_retry_count,
        "total_download_time_ms": metrics.total_download_ms,
        "avg_job_duration_ms": metrics.avg_job_duration_ms,
        "failure_by_code": metrics.failure_by_code,
    }
