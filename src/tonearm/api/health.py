"""The health of the queue, for whoever operates it: one word, and the figures that it follows from.

*down*: nothing would be downloaded, because no worker lives or the store does not answer. *degraded*: it works, but
something wants attention: the queue is long, a host rests, a worker holds back, the disk is nearly full, or jobs lie
elsewhere than usual (`warning`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from enum import StrEnum

from fastapi import FastAPI, Request, Response

from tonearm.api.answers import UNREACHABLE, refusal, success
from tonearm.api.bodies import Object
from tonearm.api.live import NO_WORKER
from tonearm.api.paths import HEALTH
from tonearm.api.sums import waits
from tonearm.clock import Clock
from tonearm.errors import RefusalCode, StoreUnavailable
from tonearm.model import Counts, WorkerRecord
from tonearm.ops.pressure import Level, level_of
from tonearm.ops.recent import Recent
from tonearm.settings import Settings
from tonearm.store.base import Store

ANSWER_S = 2.0
"""Seconds that the store has to answer; a disk that hangs must not keep its watcher waiting."""


class Health(StrEnum):
    """How the queue is."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class HealthRoutes:
    """`GET /api/download-queue/health`."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._recent = Recent(store, clock)

    def add_to(self, app: FastAPI) -> None:
        """Add the route to *app*, before those where the id of a job stands in this place."""
        app.add_api_route(HEALTH, self.health, methods=["GET", "HEAD"])

    async def health(self, request: Request) -> Response:
        """How the queue is; 503 with the same figures when it is down."""
        asked = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_S):
                counts = await self._store.counts()
                latency_ms = round((time.perf_counter() - asked) * 1_000, 2)
                metrics, oldest, workers, failing = await asyncio.gather(
                    self._store.metrics(),
                    self._store.oldest(),
                    self._store.workers(),
                    self._recent.error_rate(),
                )
        except (StoreUnavailable, TimeoutError):
            figures: Object = {"status": Health.DOWN, "store": self._store_figures(None)}
            return refusal(request.scope, RefusalCode.STORE_UNAVAILABLE, UNREACHABLE, figures=figures)
        alive = [worker for worker in workers if worker.alive]
        figures = {
            "worker": self._worker_figures(workers, alive, counts, failing),
            "queue": self._queue_figures(counts, oldest),
            "failures": {"count": counts.failed, "byCode": metrics.failure_by_code},
            "store": self._store_figures(latency_ms),
            "disk": self._disk_figures(alive),
            **waits(alive),
        }
        if self._store.warning is not None:
            figures["warning"] = self._store.warning
        if not alive:
            figures["status"] = Health.DOWN
            return refusal(request.scope, RefusalCode.WORKER_DOWN, NO_WORKER, figures=figures)
        return success({"status": _judge(figures), **figures})

    def _worker_figures(
        self, workers: Sequence[WorkerRecord], alive: Sequence[WorkerRecord], counts: Counts, failing: float
    ) -> Object:
        since = min((worker.started_at for worker in alive), default=None)
        return {
            "running": bool(alive),
            "lastHeartbeat": max((worker.last_heartbeat for worker in workers), default=None),
            "uptimeSeconds": 0 if since is None else self._seconds_since(since),
            "jobsProcessed": counts.completed + counts.failed,
            "errorRate": round(failing, 4),
        }

    def _queue_figures(self, counts: Counts, oldest: int | None) -> Object:
        level = level_of(counts.unfinished, self._settings)
        age = 0 if oldest is None else self._seconds_since(oldest)
        return {"level": level, "size": counts.unfinished, "oldestAgeSeconds": age}

    def _store_figures(self, latency_ms: float | None) -> Object:
        return {"kind": self._store.source, "reachable": latency_ms is not None, "latencyMs": latency_ms}

    def _disk_figures(self, alive: Sequence[WorkerRecord]) -> Object:
        """The volume with the least room to spare; unknown until a worker has looked."""
        known = [(worker.disk_free, worker.disk_min or 0) for worker in alive if worker.disk_free is not None]
        if not known:
            return {"freeBytes": None, "minBytes": round(self._settings.disk_space_min_mb * 1_000_000)}
        free, least = min(known, key=lambda disk: disk[0] - disk[1])
        return {"freeBytes": free, "minBytes": least}

    def _seconds_since(self, at: int) -> int:
        return max(0, self._clock.wall_ms() - at) // 1_000


def _judge(figures: Object) -> Health:
    free = figures["disk"]["freeBytes"]
    narrow = free is not None and free < figures["disk"]["minBytes"]
    said = not figures.keys().isdisjoint(("resting", "holding"))
    # What a Redis is like (without AOF, or with replicas that may lose jobs) is told, and is no trouble of today.
    said = said or ("warning" in figures and figures["store"]["kind"] != "redis")
    return Health.DEGRADED if said or narrow or figures["queue"]["level"] is not Level.OK else Health.OK
