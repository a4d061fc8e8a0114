"""Routes of figures: the counts of the queue and the state of its workers, for people and for probes.

Which workers live is the store's word (QUEUE_WORKER_DEAD_MS); without a living one the figures come with 503, since
nothing would be downloaded. What the figures are made of stands in `tonearm.api.sums`, and when in `tonearm.api.live`.
"""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response

from tonearm.api.answers import refusal, success
from tonearm.api.health import ANSWER_S
from tonearm.api.live import NO_WORKER, Live
from tonearm.api.paths import DASHBOARD, STATS
from tonearm.errors import RefusalCode, StoreUnavailable
from tonearm.store.base import Store
from tonearm.store.spool import Spool


class FigureRoutes:
    """`/stats`, `/dashboard`, `/healthz` and `/readyz`."""

    def __init__(self, store: Store, live: Live) -> None:
        self._store = store
        self._live = live

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*."""
        for path, endpoint in (
            (STATS, self.stats),
            (DASHBOARD, self.dashboard),
            ("/healthz", self.healthz),
            ("/readyz", self.readyz),
        ):
            app.add_api_route(path, endpoint, methods=["GET", "HEAD"])

    async def stats(self, request: Request) -> Response:
        """The figures of the queue; 503 with the same figures when no worker lives."""
        return await self._live.stats(request)

    async def dashboard(self, request: Request) -> Response:
        """The figures and the first 200 jobs; 503 with the same when no worker lives."""
        return await self._live.dashboard(request)

    async def healthz(self) -> Response:
        """Whether the process answers."""
        return success({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Whether jobs are accepted into the queue itself and worked on: it answers, and a worker lives.

        While something stands in for it, jobs are accepted; a server that reaches it is the better address.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                workers = await self._store.workers()
        except TimeoutError:
            raise StoreUnavailable("The queue takes too long to answer") from None
        if isinstance(self._store, Spool) and self._store.away:
            raise StoreUnavailable("Jobs are accepted here in place of the queue")
        if not any(worker.alive for worker in workers):
            return refusal(request.scope, RefusalCode.WORKER_DOWN, NO_WORKER)
        return success({"status": "ready"})
