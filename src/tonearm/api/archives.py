"""The route of archives: the files of a finished job as one ZIP, streamed, its length told before its first byte.

What can be refused is refused before: the files are all looked at first. One that changes while the ZIP is sent ends
the connection, since only that can tell the client that what it got is not whole. Files are read on threads.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
import structlog
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tonearm.api.answers import HEADERS
from tonearm.api.paths import PREFIX
from tonearm.errors import FileUnavailable, NotFound, WrongState
from tonearm.library import Archive, file_name
from tonearm.model import JOB_ID, JobRecord, JobType
from tonearm.store.base import Store

MEDIA_TYPE = "application/zip"

_ATTRIBUTE = "!#$&+-.^_`|~"
"""What stands for itself in an extended parameter beside letters and digits (RFC 8187, section 3.2.1)."""

log = structlog.get_logger("api.archives")


class ArchiveRoutes:
    """`/archive` of a job, whose files lie in the library *root*."""

    def __init__(self, store: Store, root: Path) -> None:
        self._store = store
        self._root = root

    def add_to(self, app: FastAPI) -> None:
        """Add the route to *app*."""
        app.add_api_route(f"{PREFIX}/{{job_id}}/archive", self.archive, methods=["GET", "HEAD"])

    async def archive(self, request: Request) -> Response:
        """The files of a finished job as a ZIP."""
        job_id: str = request.path_params["job_id"]
        if not JOB_ID.fullmatch(job_id):
            raise NotFound(job_id)
        job = await self._store.job(job_id)
        if not job.state.final:
            raise WrongState("The job is not finished: its archive can be had when it is")
        archive = await self._collect(job_id)
        if not archive.count:
            raise WrongState("The job brought no files")
        headers = {
            **HEADERS,
            "Content-Length": str(archive.size),
            "Content-Disposition": attachment(file_name(_title(job), "zip")),
            "Accept-Ranges": "none",
        }
        if request.method == "HEAD":
            return Response(headers=headers, media_type=MEDIA_TYPE)
        log.info("Sending an archive", job=job_id, files=archive.count, size=archive.size)
        return _Sending(archive.pieces(), headers)

    async def _collect(self, job_id: str) -> Archive:
        """Look at all files of the job, page by page."""
        archive = Archive(self._root)
        cursor: str | None = None
        while True:
            page = await self._store.files(job_id, cursor=cursor)
            await anyio.to_thread.run_sync(archive.add, [file.path for file in page.files])
            cursor = page.next
            if cursor is None:
                return archive


class _Sending(StreamingResponse):
    """Sends *pieces*, each read on a thread when the one before has gone; a client that leaves ends the reading."""

    def __init__(self, pieces: Generator[bytes], headers: dict[str, str]) -> None:
        super().__init__(pieces, headers=headers, media_type=MEDIA_TYPE)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except FileUnavailable as error:
            # Returning without an end makes the server close the connection.
            log.warning("An archive was cut off", error=error.message)
        finally:
            self._pieces.close()


def attachment(name: str) -> str:
    """The Content-Disposition of a download called *name* (RFC 6266): once in ASCII, for old clients, once in full."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"%\\' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE, errors='replace')}"


def _title(job: JobRecord) -> str:
    spec = job.spec
    titles = (spec.artist_name, spec.album_title if spec.type is JobType.ALBUM else spec.track_title)
    return " - ".join(title for title in titles if title) or job.id
