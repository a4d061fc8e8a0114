"""The route of covers: the picture in the folder of what a job brought, for whoever shows the job.

It is read from the library at every question, so it is the one that players show, also after somebody has changed it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI, Request, Response

from tonearm.api.conditional import unchanged
from tonearm.api.paths import PREFIX
from tonearm.errors import NotFound, RefusalCode, Refused
from tonearm.library import Picture, read_cover
from tonearm.model import JOB_ID
from tonearm.store.base import Store

MAX_AGE_S = 300
"""How long a browser may show a cover without asking again."""


class CoverRoutes:
    """`/cover` of a job, whose files lie in the library *root*."""

    def __init__(self, store: Store, root: Path) -> None:
        self._store = store
        self._root = root

    def add_to(self, app: FastAPI) -> None:
        """Add the route to *app*."""
        app.add_api_route(f"{PREFIX}/{{job_id}}/cover", self.cover, methods=["GET", "HEAD"])

    async def cover(self, request: Request, job_id: str) -> Response:
        """The cover beside the first file of a job."""
        if not JOB_ID.fullmatch(job_id):
            raise NotFound(job_id)
        job = await self._store.job(job_id, whole=False)
        found = await anyio.to_thread.run_sync(_read, self._root, job.files[0]) if job.files else None
        if found is None:
            raise Refused(RefusalCode.FILE_UNAVAILABLE, "The job has no cover")
        picture, tag = found
        headers = {"Cache-Control": f"private, max-age={MAX_AGE_S}"}
        known = unchanged(request.scope, tag, headers)
        return known or Response(picture.content, media_type=picture.mime, headers={**headers, "ETag": tag})


def _read(root: Path, beside: str) -> tuple[Picture, str] | None:
    """The cover and its tag; None: there is none. Blocks."""
    picture = read_cover(root, beside)
    if picture is None:
        return None
    return picture, f'"{hashlib.sha256(picture.content).hexdigest()[:32]}"'
