"""Routes of metrics: the figures of the queue for machines, as JSON and in the text forms that Prometheus reads."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response

from tonearm.api.answers import HEADERS, success
from tonearm.api.exposition import OPENMETRICS, TEXT, Exposition
from tonearm.api.paths import METRICS
from tonearm.api.sums import wire_counts, wire_metrics
from tonearm.clock import Clock, iso
from tonearm.store.base import Store


class QueueMetricRoutes:
    """`GET /api/download-queue/metrics`, and `GET /metrics` of a server."""

    def __init__(self, store: Store, clock: Clock, exposition: Exposition) -> None:
        self._store = store
        self._clock = clock
        self._exposition = exposition

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*, before those where the id of a job stands in this place."""
        for path, endpoint in ((METRICS, self.chosen), ("/metrics", self.text)):
            app.add_api_route(path, endpoint, methods=["GET", "HEAD"])

    async def chosen(self, request: Request) -> Response:
        """JSON, or text for whoever accepts that and no JSON."""
        accepted = {part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")}
        if "application/json" not in accepted:
            if "application/openmetrics-text" in accepted:
                return Response(await self._exposition.open_text(), headers={**HEADERS, "Content-Type": OPENMETRICS})
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
        return Response(await self._exposition.text(), headers={**HEADERS, "Content-Type": TEXT})
