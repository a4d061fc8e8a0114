"""The live picture of the queue: the bodies of `/stats` and `/dashboard`, made once a revision and shared by all.

What is asked for by many at the same time is read and encoded once, and the same bytes go to everybody. A body is
never older than the question: the revision that it was made for is looked up in the store each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass

import msgspec
from fastapi import Request, Response

from tonearm.api import records
from tonearm.api.answers import HEADERS, JSON, refusal
from tonearm.api.bodies import Object
from tonearm.api.conditional import unchanged, weak
from tonearm.api.listing import read_jobs
from tonearm.api.revision import Look, Revisions, digest
from tonearm.api.sums import read_figures
from tonearm.clock import Clock, iso
from tonearm.errors import RefusalCode
from tonearm.model import JobQuery
from tonearm.store.base import PAGE, Store

NO_WORKER = "No worker is running"

Make = Callable[[Look], Awaitable[Object]]
"""Reads the members of an answer, as new as a look at least."""


@dataclass(frozen=True, slots=True)
class Body:
    """An answer that was made for a revision: its members, and all of it as JSON. *alive*: a worker lives."""

    members: Object
    alive: bool
    encoded: bytes


@dataclass(frozen=True, slots=True)
class _Made:
    revision: str
    body: asyncio.Task[Body]


class Live:
    """The picture of *store*, for one server process."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.revisions = Revisions(store, clock)
        self.lists = records.Lists()
        self._store = store
        self._clock = clock
        self._made: dict[str, _Made] = {}

    async def stats(self, request: Request) -> Response:
        """The answer with the figures; 503 with the same figures when no worker lives."""
        return await self._answer(request, self._stats)

    async def dashboard(self, request: Request) -> Response:
        """The answer with the figures and the first 200 jobs; 503 as for `stats`."""
        return await self._answer(request, self._dashboard)

    async def stats_body(self, look: Look) -> Body:
        """The figures, as new as *look* at least."""
        return await self._body(look, self._stats)

    async def dashboard_body(self, look: Look) -> Body:
        """The figures and the first 200 jobs, as new as *look* at least."""
        return await self._body(look, self._dashboard)

    async def tag_of(self, query: JobQuery) -> str:
        """What the answer to *query* is known by as long as it would be the same."""
        return f"{(await self.revisions.look()).revision}-{digest(query)}"

    async def _answer(self, request: Request, make: Make) -> Response:
        look = await self.revisions.look()
        tag = weak(look.revision)
        if look.alive and (known := unchanged(request.scope, tag)) is not None:
            return known
        body = await self._body(look, make)
        if not body.alive:
            return refusal(request.scope, RefusalCode.WORKER_DOWN, NO_WORKER, **body.members)
        return Response(body.encoded, headers={**HEADERS, "ETag": tag}, media_type=JSON)

    async def _body(self, look: Look, make: Make) -> Body:
        made = self._made.get(make.__name__)
        if made is None or made.revision != look.revision or _failed(made.body):
            task = asyncio.create_task(_encode(make(look)), name="body", context=Context())
            task.add_done_callback(_failed)
            made = self._made[make.__name__] = _Made(look.revision, task)
        return await asyncio.shield(made.body)

    async def _stats(self, look: Look) -> Object:
        return await read_figures(self._store, self._clock, look.workers)

    async def _dashboard(self, look: Look) -> Object:
        figures, page = await asyncio.gather(self._stats(look), read_jobs(self._store, JobQuery(limit=PAGE)))
        return {
            **figures,
            "jobs": self.lists.encode(page.jobs),
            "generatedAt": iso(figures["timestamp"]),
        }


async def _encode(made: Awaitable[Object]) -> Body:
    members = await made
    alive: bool = members["worker"]["running"]
    said = {"success": True} if alive else {"success": False, "error": NO_WORKER, "code": RefusalCode.WORKER_DOWN}
    return Body(members, alive, msgspec.json.encode({**said, **members}))


def _failed(task: asyncio.Task[Body]) -> bool:
    """Whether it ended without a body; asking is also what takes note of its error, where nobody waits any more."""
    return task.done() and (task.cancelled() or task.exception() is not None)
