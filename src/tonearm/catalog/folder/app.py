"""The service: the catalog contract over a music index, with media, covers, and a list for people.

    GET /tracks/{id}?quality=          GET /albums/{id}?quality=[&cursor=]      the contract's two questions
    GET /media/{file}                  GET /covers/{file}                       where their answers point
    GET /search?q=[&type=][&limit=]                                             the third, which is optional
    GET /albums[?cursor=]                                                       all ids there are, for people

A URL carries numbers only, never a path. Errors are JSON with an `error` for people; no traceback leaves.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec
from mutagen import MutagenError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tonearm.catalog.folder.beneath import Stamp, open_beneath
from tonearm.catalog.folder.index import Absent, MusicIndex, OtherQuality, Served, UnknownCursor
from tonearm.catalog.folder.pictures import MAX_PICTURE, embedded_picture, picture_type
from tonearm.catalog.folder.sending import file_answer
from tonearm.catalog.folder.tags import Unreadable, parse
from tonearm.catalog.folder.watching import Watch
from tonearm.model import MAX_CATALOG_ID, JobType, Quality

_ID = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_RETRY_AFTER_S = 3
_MOST_FOUND = 100


def build_app(index: MusicIndex) -> Starlette:
    """The application that serves *index* and keeps it up to its folder while it runs."""
    watch = Watch(index)
    routes = _Routes(index, watch.wake)
    app = Starlette(
        routes=[
            Route("/", routes.summary),
            Route("/albums", routes.albums),
            Route("/albums/{id}", routes.album),
            Route("/tracks/{id}", routes.track),
            Route("/search", routes.search),
            Route("/media/{id}", routes.media),
            Route("/covers/{id}", routes.cover),
        ],
        exception_handlers={
            HTTPException: _refused,
            Absent: _absent,
            OtherQuality: _other_quality,
            UnknownCursor: _unknown_cursor,
            Exception: _broken,
        },
        lifespan=watch.lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Routes:
    """The endpoints. They are plain functions, so each runs on a thread and may wait for the disk."""

    def __init__(self, index: MusicIndex, wake: Callable[[], None]) -> None:
        self._index = index
        self._wake = wake

    def summary(self, _: Request) -> Response:
        totals = self._index.totals()
        return _json({"albums": totals.albums, "tracks": totals.tracks, "byQuality": totals.by_quality})

    def track(self, request: Request) -> Response:
        return _json(self._index.track(_number(request.path_params["id"], "id"), _quality(request)))

    def album(self, request: Request) -> Response:
        number = _number(request.path_params["id"], "id")
        return _json(self._index.album(number, _quality(request), _cursor(request)))

    def albums(self, request: Request) -> Response:
        return _json(self._index.albums(_cursor(request)))

    def search(self, request: Request) -> Response:
        words = request.query_params.get("q", "").strip()
        if not 0 < len(words) <= 200:
            raise HTTPException(400, "q must be 1 to 200 characters")
        return _json(self._index.search(words, _job_type(request), _limit(request)))

    def media(self, request: Request) -> Response:
        served = self._served(request)
        file = self._open(served.path)
        stamp = Stamp.of(os.fstat(file.fileno()))
        if stamp != served.stamp:
            file.close()
            self._wake()
            raise _come_again("the file changed and is being read again")
        return file_answer(request, file, stamp, served.format.content_type)

    def cover(self, request: Request) -> Response:
        served = self._served(request)
        content = self._picture(served)
        kind = picture_type(content or b"")
        if content is None or kind is None:
            raise Absent("there is no cover for this file")
        etag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        headers = {"etag": etag, "cache-control": "no-cache", "x-content-type-options": "nosniff"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    def _served(self, request: Request) -> Served:
        return self._index.file(_number(request.path_params["id"], "id"))

    def _open(self, path: bytes) -> BinaryIO:
        try:
            return open_beneath(self._index.folder, path)
        except OSError as error:
            if not Path(os.fsdecode(self._index.folder)).is_dir():
                raise _come_again("the music folder is not there at the moment") from error
            self._wake()
            raise Absent("the file is not there any more") from error

    def _picture(self, served: Served) -> bytes | None:
        if served.picture:
            with self._open(served.path) as file:
                try:
                    return embedded_picture(parse(file, served.path))
                except (Unreadable, MutagenError):
                    return None
        if served.cover is None:
            return None
        with self._open(served.cover) as file:
            content = file.read(MAX_PICTURE + 1)
        return content if len(content) <= MAX_PICTURE else None


def _come_again(text: str) -> HTTPException:
    return HTTPException(503, text, {"retry-after": str(_RETRY_AFTER_S)})


def _number(text: str, name: str) -> int:
    if not _ID.fullmatch(text) or int(text) > MAX_CATALOG_ID:
        raise HTTPException(400, f"{name} must be an integer from 1 to {MAX_CATALOG_ID}")
    return int(text)


def _cursor(request: Request) -> int | None:
    text = request.query_params.get("cursor")
    return None if text is None else _number(text, "cursor")


def _job_type(request: Request) -> JobType | None:
    text = request.query_params.get("type", "")
    if text and text not in frozenset(JobType):
        raise HTTPException(400, f"type must be one of {', '.join(JobType)}")
    return JobType(text) if text else None


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(_MOST_FOUND))
    if not _ID.fullmatch(text) or int(text) > _MOST_FOUND:
        raise HTTPException(400, f"limit must be an integer from 1 to {_MOST_FOUND}")
    return int(text)


def _quality(request: Request) -> Quality:
    try:
        return Quality(request.query_params.get("quality", ""))
    except ValueError:
        raise HTTPException(400, f"quality must be one of {', '.join(Quality)}") from None


def _json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def _error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return _json({"error": text}, status, headers)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail, error.headers)


def _absent(_: Request, error: Exception) -> Response:
    return _error(404, str(error))


def _other_quality(_: Request, error: Exception) -> Response:
    return _error(409, str(error))


def _unknown_cursor(_: Request, error: Exception) -> Response:
    return _error(400, str(error))


def _broken(_: Request, __: Exception) -> Response:
    """Starlette raises the error again after this answer, so the server's log has it."""
    return _error(500, "the catalog has a fault of its own; its log says more")
