"""Sending one file: the answer that `conditions` decided, from a descriptor that is already open.

The file was opened and compared with the index before; here it is only read. If it changes on the way, the answer is
cut off before its end, so that nobody takes a mixture for the whole.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import BinaryIO

import structlog
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tonearm.catalog.folder.beneath import Stamp
from tonearm.catalog.folder.conditions import Decision, Representation, decide

_CHUNK = 262_144

_log = structlog.get_logger("catalog.folder")


class FileChanged(Exception):
    """The file was written to while it was being sent."""


def file_answer(request: Request, file: BinaryIO, stamp: Stamp, content_type: str) -> Response:
    """The answer to *request* with the contents of *file*, which it closes. *stamp* is what `fstat` said of it."""
    current = Representation(_etag(stamp), stamp.mtime_ns // 1_000_000_000, stamp.size)
    decision = decide(request.method, request.headers, current, time.time())
    headers = {
        "accept-ranges": "bytes",
        "etag": current.etag,
        "last-modified": formatdate(current.modified, usegmt=True),
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
    }
    if decision.status == 206:
        last = decision.start + decision.length - 1
        headers["content-range"] = f"bytes {decision.start}-{last}/{current.size}"
    if decision.status in (200, 206):
        headers["content-type"] = content_type
        headers["content-length"] = str(decision.length)
        if request.method == "GET":
            return _Sending(file, stamp, decision, headers)
    elif decision.status == 416:
        headers["content-range"] = f"bytes */{current.size}"
    file.close()
    return Response(status_code=decision.status, headers=headers)


def _etag(stamp: Stamp) -> str:
    """A strong tag: it changes with every write, rename or copy, for the inode's own time cannot be set."""
    text = f"{stamp.inode} {stamp.size} {stamp.mtime_ns} {stamp.ctime_ns}"
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


class _Sending(StreamingResponse):
    """Streams the part and closes the file however it ends, also when the client goes away."""

    def __init__(self, file: BinaryIO, stamp: Stamp, decision: Decision, headers: dict[str, str]) -> None:
        super().__init__(_pieces(file, stamp, decision), status_code=decision.status, headers=headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except FileChanged:
            _log.warning("A file changed while it was sent; the answer was cut off", url=scope["path"])
        finally:
            self._file.close()


async def _pieces(file: BinaryIO, stamp: Stamp, decision: Decision) -> AsyncIterator[bytes]:
    offset, end = decision.start, decision.start + decision.length
    while offset < end:
        piece = await to_thread.run_sync(os.pread, file.fileno(), min(_CHUNK, end - offset), offset)
        offset += len(piece)
        if not piece or (offset == end and Stamp.of(os.fstat(file.fileno())) != stamp):
            raise FileChanged
        yield piece
