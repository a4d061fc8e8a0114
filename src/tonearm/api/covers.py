"""The route of covers: the picture in the folder of what a job brought, for whoever shows the job.

It is read from the library at every question, so it is the one that players show, also after somebody has changed it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from tonearm.api.conditional import unchanged
from tonearm.api.paths import PREFIX
from tonearm.errors import NotFound
from tonearm.library import Picture, read_cover
from tonearm.model import JOB_ID, JobRecord
from tonearm.store.base import Store

MAX_AGE_S = 300
"""How long a browser may show a cover without asking again."""

TURNS = 16
"""Covers that are read and sent at a time: each is in memory until whoever asked has taken it."""


class CoverRoutes:
    """`/cover` of a job, whose files lie in the library *root*."""

    def __init__(self, store: Store, root: Path) -> None:
        self._store = store
        self._root = root
        self._turns = asyncio.Semaphore(TURNS)

    def add_to(self, app: FastAPI) -> None:
        """Add the route to *app*."""
        app.add_api_route(f"{PREFIX}/{{job_id}}/cover", self.cover, methods=["GET", "HEAD"])

    async def cover(self, request: Request) -> Response:
        """The cover beside the first file of a job; 204 where there is none, which is no error of whoever asks."""
        job_id: str = request.path_params["job_id"]
        if not JOB_ID.fullmatch(job_id):
            raise NotFound(job_id)
        job = await self._store.job(job_id, whole=False)
        return _InTurn(lambda: self._answer(request, job), self._turns)

    async def _answer(self, request: Request, job: JobRecord) -> Response:
        found = await anyio.to_thread.run_sync(_read, self._root, job.files[0]) if job.files else None
        if found is None:
            return Response(status_code=204, headers={"Cache-Control": "no-cache"})  # one may come with the next file
        picture, tag = found
        headers = {"Cache-Control": f"private, max-age={MAX_AGE_S}"}
        known = unchanged(request.scope, tag, headers)
        return known or Response(picture.content, media_type=picture.mime, headers={**headers, "ETag": tag})


class _InTurn(Response):
    """Makes an answer when it is its turn, which ends when that is sent, or whoever asked is gone."""

    def __init__(self, make: Callable[[], Awaitable[Response]], turns: asyncio.Semaphore) -> None:
        super().__init__()
        self._make = make
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._turns:
            answer = await self._make()
            await answer(scope, receive, send)


def _read(root: Path, beside: str) -> tuple[Picture, str] | None:
    """The cover and its tag; None: there is none. Blocks."""
    picture = read_cover(root, beside)
    if picture is None:
        return None
    return picture, f'"{hashlib.sha256(picture.content).hexdigest()[:32]}"'
