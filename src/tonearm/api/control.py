"""Routes of control: how people steer the whole queue while it runs.

What is set here is kept by the store, holds for all workers and wins over the settings. The worker carries it out.
"""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request, Response

from tonearm.api import fields
from tonearm.api.answers import success, with_warning
from tonearm.api.bodies import Object, read_object
from tonearm.api.paths import CONTROL
from tonearm.model import MAX_BANDWIDTH, MAX_CONCURRENT, UNCHANGED, Control, ControlChange, Unchanged
from tonearm.settings import Settings
from tonearm.store.base import Store

KNOWN = ("paused", "bandwidthLimit", "maxConcurrent")

log = structlog.get_logger("api.control")


class ControlRoutes:
    """`GET` and `PATCH` of `/api/download-queue/control`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*, before those where the id of a job stands in this place."""
        app.add_api_route(CONTROL, self.show, methods=["GET", "HEAD"])
        app.add_api_route(CONTROL, self.steer, methods=["PATCH"])

    async def show(self) -> Response:
        """What holds now, by whoever set it, and for how many worker processes."""
        return success(await self._answer(await self._store.control()))

    async def steer(self, request: Request) -> Response:
        """Change the fields that the body names, and answer what holds then."""
        body = await read_object(request, self._settings.max_body_bytes)
        control = await self._store.steer(read_change(body))
        log.info("The queue is steered", **{name: body[name] for name in KNOWN if name in body})
        warning = fields.warning(fields.unknown(body, KNOWN))
        return success(with_warning(await self._answer(control), warning))

    async def _answer(self, control: Control) -> Object:
        workers = sum(worker.alive for worker in await self._store.workers())
        limit, transfers = control.bandwidth_limit, control.max_concurrent
        kept = {"paused": control.paused or None, "bandwidthLimit": limit, "maxConcurrent": transfers}
        return {
            "paused": control.paused,
            "bandwidthLimit": self._settings.bandwidth_limit if limit is None else limit,
            "maxConcurrent": self._settings.max_concurrent if transfers is None else transfers,
            "overrides": [name for name in KNOWN if kept[name] is not None],
            "workers": workers,
        }


def read_change(body: Object) -> ControlChange:
    """The change that *body* asks for; a field that is null goes back to the settings.

    Raises:
        Invalid: INVALID_FIELD.
    """
    paused = fields.boolean(body, "paused", default=False) if "paused" in body else UNCHANGED
    return ControlChange(
        paused=paused,
        bandwidth_limit=_number(body, "bandwidthLimit", least=0, most=MAX_BANDWIDTH),
        max_concurrent=_number(body, "maxConcurrent", least=1, most=MAX_CONCURRENT),
    )


def _number(body: Object, name: str, *, least: int, most: int) -> int | Unchanged | None:
    if name not in body:
        return UNCHANGED
    value: Any = body[name]
    return None if value is None else fields.integer(body, name, least, least=least, most=most)
