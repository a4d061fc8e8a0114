"""Probes of a process that only works: whether it lives, whether it would take on tasks, and its metrics.

A probe does not ask the store: what a worker knows from its own loops is enough, and it must not wait. The metrics do,
for a moment.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from tonearm.api.answers import HEADERS, UNREACHABLE, refusal, success
from tonearm.api.exposition import TEXT, Exposition
from tonearm.errors import RefusalCode
from tonearm.store.base import Store
from tonearm.worker import Worker


class Probes:
    """`/healthz`, `/readyz` and `/metrics` of a worker process."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition
        self._worker: Worker | None = None

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*."""
        for path, endpoint in (("/healthz", self.healthz), ("/readyz", self.readyz), ("/metrics", self.metrics)):
            app.add_api_route(path, endpoint, methods=["GET", "HEAD"])

    def know(self, store: Store, worker: Worker) -> None:
        """From now on there is a worker to speak of; before, the queue could not be opened yet."""
        self._worker = self._exposition.worker = worker
        self._exposition.store = store

    async def healthz(self) -> Response:
        """Whether the process answers."""
        return success({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Whether this worker reaches its queue and takes on tasks."""
        pulse = None if self._worker is None else self._worker.pulse()
        if pulse is None:
            return refusal(request.scope, RefusalCode.STORE_UNAVAILABLE, UNREACHABLE)
        if pulse.trouble is not None:
            code = RefusalCode.WORKER_DOWN if pulse.store_reachable else RefusalCode.STORE_UNAVAILABLE
            return refusal(request.scope, code, pulse.trouble, worker=pulse.worker)
        return success({"status": "ready", "worker": pulse.worker})

    async def metrics(self) -> Response:
        """The figures of this process, and what it knows of the queue, for Prometheus."""
        return Response(await self._exposition.text(), headers={**HEADERS, "Content-Type": TEXT})
