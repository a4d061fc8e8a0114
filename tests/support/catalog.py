"""A catalog that does as it is told: a real HTTP server in the test's own loop, for tests of what asks it.

    async with ScriptedCatalog() as catalog:
        catalog.add_track(11, body=flac)                      # media served by the catalog itself
        catalog.add_track(12, media_url=f"{nginx}/12.flac")   # or anywhere else
        catalog.add_album(5, [11, 12])
        catalog.reply("/tracks/12", status(503), status(429, retry_after=1))   # its next two answers
        catalog.reply("/media/11", cut(after=1000), forever=True)
        …
        await catalog.asked("/tracks/12", times=3)            # waits for a state, never for a time
        await catalog.down()                                  # connections are refused, until up()
        assert catalog.most_transfers <= 4

It keeps the catalog contract unless a script says otherwise (tests/unit/catalog/test_scripted.py holds it to that with
the real client). A path is what follows the base URL, without the query.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aiohttp import web

from tests.support.listener import Listener
from tonearm.model import Quality

_ALL = tuple(Quality)
_CHUNK = 16_384
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Fixed:
    """A scripted answer that has nothing to do with the usual one."""

    status: int
    content: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def response(self) -> web.Response:
        headers = {"Content-Type": self.content_type, **self.headers}
        return web.Response(status=self.status, body=self.content, headers=headers)


class Ending(Enum):
    """What becomes of the connection after the last byte that is sent."""

    WHOLE = "whole"
    SILENCE = "silence"
    RESET = "reset"


@dataclass(frozen=True)
class Crippled:
    """The usual answer, but late (*held*), or of media: not whole (*until* bytes), slow (*rate*, bytes per second).

    An ending other than whole without *until* comes before the first byte, headers included.
    """

    held: asyncio.Event | None = None
    until: int | None = None
    rate: int | None = None
    ending: Ending = Ending.WHOLE


Reply = Fixed | Crippled


def status(number: int, *, retry_after: int | str | None = None) -> Reply:
    """An error answer; *retry_after* in seconds or as an HTTP date."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Fixed(number, b'{"error": "scripted"}', headers=headers)


def body(content: bytes, content_type: str = "application/json") -> Reply:
    """Status 200 with just these bytes, whatever they are."""
    return Fixed(200, content, content_type)


def answer(content: object) -> Reply:
    """Status 200 with this as JSON."""
    return Fixed(200, json.dumps(content).encode())


def redirect(location: str) -> Reply:
    """302 to another place."""
    return Fixed(302, b"", headers={"Location": location})


def usual() -> Reply:
    """The usual answer, before or after others."""
    return Crippled()


def held(until: asyncio.Event) -> Reply:
    """The usual answer, once *until* is set."""
    return Crippled(held=until)


def silent(*, after: int | None = None) -> Reply:
    """Not a byte until the other side gives up; of media: none after the headers and *after* bytes."""
    return Crippled(until=after, ending=Ending.SILENCE)


def cut(*, after: int | None = None, rate: int | None = None) -> Reply:
    """A connection that is reset; of media: after the headers and *after* bytes.

    What was not read when the reset comes is lost; with a *rate* (bytes per second) most of it has been.
    """
    return Crippled(until=after, rate=rate, ending=Ending.RESET)


def slow(rate: int) -> Reply:
    """The usual media at this many bytes per second."""
    return Crippled(rate=rate)


@dataclass(frozen=True)
class Seen:
    """One request as it came in. *at*: seconds of the loop's clock."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float


@dataclass
class _Track:
    answer: dict[str, Any]
    qualities: Sequence[Quality]
    body: bytes | None


@dataclass
class _Album:
    answer: dict[str, Any]
    tracks: list[dict[str, Any]]
    qualities: Sequence[Quality]
    page_size: int


class ScriptedCatalog(Listener):
    """The catalog; an asynchronous context that serves on a free port of the loopback address."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.open = 0
        """Requests that were not answered to the end yet, and whose connection stands."""
        self.transfers = 0
        """Media answers that are under way."""
        self.most_transfers = 0
        """The most that were under way at one time."""
        self._tracks: dict[int, _Track] = {}
        self._albums: dict[int, _Album] = {}
        self._next: dict[str, deque[Reply]] = {}
        self._forever: dict[str, Reply] = {}
        self._changed = asyncio.Condition()
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        super().__init__(app)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def netloc(self) -> str:
        """`host:port`, as `QUEUE_FETCH_ALLOW` wants it."""
        return self.url.removeprefix("http://")

    def add_track(
        self,
        track_id: int,
        *,
        body: bytes | None = None,
        media_url: str | None = None,
        qualities: Sequence[Quality] = _ALL,
        **fields: Any,
    ) -> None:
        """Add or replace a track. *body* is served by the catalog itself; *media_url* points elsewhere.

        *fields* go into the answer under their wire names, over the usual ones; `media={…}` is merged.
        """
        media = {"url": media_url or f"media/{track_id}"} | ({} if body is None else {"sizeBytes": len(body)})
        answer = {
            "id": track_id,
            "title": f"Track {track_id}",
            "artist": "Scripted",
            "album": "Scripts",
            "media": media,
        }
        media |= fields.pop("media", {})
        self._tracks[track_id] = _Track(answer | fields, qualities, body)

    def add_album(
        self,
        album_id: int,
        tracks: Iterable[int | dict[str, Any]],
        *,
        qualities: Sequence[Quality] = _ALL,
        page_size: int = 500,
        **fields: Any,
    ) -> None:
        """Add or replace an album. *tracks*: ids of tracks that were added, or lines as the contract has them.

        Its tracks' own answers are made to fit: album, albumId, number and count, unless they say otherwise.
        """
        lines = list(tracks)
        answer = {"id": album_id, "title": "Scripts", "artist": "Scripted", "trackCount": len(lines)} | fields
        listed: list[dict[str, Any]] = []
        for number, line in enumerate(lines, 1):
            if isinstance(line, dict):
                listed.append({"trackNumber": number} | line)
                continue
            track = self._tracks[line].answer
            fitting = {"albumId": album_id, "trackNumber": number, "trackCount": len(lines)}
            track |= fitting | track | {"album": answer["title"]}
            names = ("id", "title", "artist", "trackNumber", "discNumber", "durationSeconds")
            listed.append({name: track[name] for name in names if name in track})
        self._albums[album_id] = _Album(answer, listed, qualities, page_size)

    def reply(self, path: str, *replies: Reply, forever: bool = False) -> None:
        """Answer the next requests for *path* with *replies*, one each; with *forever*, the last one from then on."""
        self._next.setdefault(path, deque()).extend(replies)
        if forever:
            self._forever[path] = self._next[path].pop()

    def heal(self, path: str) -> None:
        """Forget what was scripted for *path*."""
        self._next.pop(path, None)
        self._forever.pop(path, None)

    def count(self, path: str) -> int:
        """How often *path* was asked for so far."""
        return Counter(seen.path for seen in self.requests)[path]

    async def asked(self, path: str, times: int = 1) -> None:
        """Wait until *path* has been asked for so many times in all."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.count(path) >= times)

    async def transferring(self, number: int) -> None:
        """Wait until exactly *number* media answers are under way."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.transfers == number)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.open += 1
        try:
            return await self._reply(request)
        finally:
            self.open -= 1

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        async with self._changed:
            now = asyncio.get_running_loop().time()
            self.requests.append(Seen(request.method, path, dict(request.query), dict(request.headers), now))
            self._changed.notify_all()

        waiting = self._next.get(path)
        script = waiting.popleft() if waiting else self._forever.get(path, Crippled())
        if isinstance(script, Fixed):
            return script.response()
        if script.held is not None:
            await script.held.wait()
        if script.until is None:
            await _end(request, script.ending)
        noun, _, name = path.strip("/").partition("/")
        number = int(name) if name.isdecimal() else 0
        if noun == "media" and number in self._tracks:
            return await self._media(request, self._tracks[number], script)
        return self._answer(request, noun, number)

    def _answer(self, request: web.Request, noun: str, number: int) -> web.StreamResponse:
        found: _Track | _Album | None = None
        if noun == "tracks":
            found = self._tracks.get(number)
        elif noun == "albums":
            found = self._albums.get(number)
        if found is None:
            return _error(404, f"there is no {request.path}")
        quality = request.query.get("quality")
        if quality not in _ALL:
            return _error(400, "quality must be one of LOW, HIGH, LOSSLESS")
        if quality not in found.qualities:
            return _error(409, f"not in {quality}")
        if isinstance(found, _Track):
            return web.json_response(found.answer)
        start = int(request.query.get("cursor", "0"))
        end = start + found.page_size
        page = found.answer | {"tracks": found.tracks[start:end]}
        return web.json_response(page | ({"next": str(end)} if end < len(found.tracks) else {}))

    async def _media(self, request: web.Request, track: _Track, manner: Crippled) -> web.StreamResponse:
        if track.body is None:
            return _error(404, "this track's media is elsewhere")
        start, end, response = _prepared(request, track.body)
        await self._count_transfer(+1)
        try:
            await response.prepare(request)
            stop = end if manner.until is None else min(end, start + manner.until)
            for offset in range(start, stop, _CHUNK):
                piece = track.body[offset : min(offset + _CHUNK, stop)]
                await response.write(piece)
                if manner.rate is not None:
                    await asyncio.sleep(len(piece) / manner.rate)
            await _end(request, manner.ending)
            await response.write_eof()
        finally:
            await asyncio.shield(self._count_transfer(-1))
        return response

    async def _count_transfer(self, step: int) -> None:
        async with self._changed:
            self.transfers += step
            self.most_transfers = max(self.most_transfers, self.transfers)
            self._changed.notify_all()


def _prepared(request: web.Request, content: bytes) -> tuple[int, int, web.StreamResponse]:
    """The first byte, the one behind the last, and the answer's head: ranges with `If-Range` as RFC 9110 has them."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    start, end, code = 0, len(content), 200
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked and request.headers.get("If-Range", etag) == etag:
        start = int(asked[1])
        if start >= len(content):
            return 0, 0, web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        end = min(int(asked[2] or len(content)) + 1, len(content))
        code = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
    headers["Content-Length"] = str(end - start)
    return start, end, web.StreamResponse(status=code, headers=headers)


async def _end(request: web.Request, ending: Ending) -> None:
    if ending is Ending.RESET and request.transport is not None:
        request.transport.abort()
    if ending is not Ending.WHOLE:
        await asyncio.Event().wait()  # cancelled when the connection is gone


def _error(number: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=number)
