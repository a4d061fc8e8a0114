"""Probes of a process that only works: whether it lives, whether it would take on tasks, and its metrics.

Nothing here asks the store: what a worker knows from its own loops is enough, and a probe must not wait.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from tonearm.api.answers import HEADERS, UNREACHABLE, refusal, success
from tonearm.api.exposition import CONTENT_TYPE, exposition
from tonearm.errors import RefusalCode
from tonearm.worker import Pulse, Worker


class Probes:
    """`/healthz`, `/readyz` and `/metrics` of a worker process."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        """None while the queue could not be opened yet."""

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*."""
        for path, endpoint in (("/healthz", self.healthz), ("/readyz", self.readyz), ("/metrics", self.metrics)):
            app.add_api_route(path, endpoint, methods=["GET", "HEAD"])

    def _pulse(self) -> Pulse | None:
        return None if self.worker is None else self.worker.pulse()

    async def healthz(self) -> Response:
        """Whether the process answers."""
        return success({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Whether this worker reaches its queue and takes on tasks."""
        pulse = self._pulse()
        if pulse is None:
            return refusal(request.scope, RefusalCode.STORE_UNAVAILABLE, UNREACHABLE)
        if pulse.trouble is not None:
            code = RefusalCode.WORKER_DOWN if pulse.store_reachable else RefusalCode.STORE_UNAVAILABLE
            return refusal(request.scope, code, pulse.trouble, worker=pulse.worker)
        return success({"status": "ready", "worker": pulse.worker})

    async def metrics(self) -> Response:
        """The figures of this process for Prometheus."""
        return Response(exposition(self._pulse()), headers={**HEADERS, "Content-Type": CONTENT_TYPE})
