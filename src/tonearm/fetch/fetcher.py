"""The fetcher: what is ever asked of the outside, JSON, pictures and media, and what is told there."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import ClientResponse

from tonearm.clock import Clock, SystemClock
from tonearm.errors import BadAnswer, Corrupt, TooLarge
from tonearm.fetch.courtesy import Courtesy
from tonearm.fetch.failures import status_failure
from tonearm.fetch.headers import http_date, is_encoded
from tonearm.fetch.hosts import HostPort
from tonearm.fetch.jsontext import read_object
from tonearm.fetch.limits import KIB, FetchLimits, in_units
from tonearm.fetch.line import Line, Request
from tonearm.fetch.part import Room, any_room
from tonearm.fetch.progress import Progress
from tonearm.fetch.throttle import Standing, Throttle
from tonearm.fetch.transfer import Received, Transfer
from tonearm.model import Media
from tonearm.policy import RetryRules

_THREADS = 32
_QUICK = 64 * KIB  # bytes of JSON that are decoded where they stand
_NO_CREDENTIALS: Mapping[HostPort, Mapping[str, str]] = {}
_USUAL_RULES = RetryRules()


class Sight(NamedTuple):
    """How an answer begins: its status, and when it was sent by the server's own clock, epoch milliseconds."""

    status: int
    sent_ms: int | None


class Fetcher:
    """The one client for everything that leaves the machine. Open it once per process, on the loop that uses it.

    Only public addresses are connected to, but for the hosts in *allow*. *credentials* are headers for exactly one host
    and port; no redirect carries them elsewhere, nor from https to http. *ssl_context* replaces the system's trust.
    *rules* say how long a host is left alone; `courtesy` knows which one is. Each call below raises `HostResting` for
    such a host, without sending anything to it. Media, and only they, go through *throttle*.
    """

    def __init__(
        self,
        limits: FetchLimits,
        *,
        allow: Iterable[HostPort] = (),
        credentials: Mapping[HostPort, Mapping[str, str]] = _NO_CREDENTIALS,
        ssl_context: ssl.SSLContext | None = None,
        rules: RetryRules = _USUAL_RULES,
        throttle: Throttle | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.throttle = throttle or Throttle()
        self._limits = limits
        self._clock = clock or SystemClock()
        self.courtesy = Courtesy(rules, self._clock)
        self._line = Line(limits, self.courtesy, allow=allow, credentials=credentials, ssl_context=ssl_context)
        self._boot = ""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tonearm-fetch")

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Get ready; nothing is connected yet."""
        self._boot = await asyncio.to_thread(self._clock.boot_id)
        self._line.open()

    async def close(self) -> None:
        """Close all connections and end the threads. Every call must have ended before."""
        await self._line.close()
        self._threads.shutdown()

    def change(
        self,
        limits: FetchLimits,
        *,
        allow: Iterable[HostPort],
        credentials: Mapping[HostPort, Mapping[str, str]],
        rules: RetryRules,
    ) -> None:
        """Let this hold for every call from now on; those that run end as they began."""
        self._limits = limits
        self.courtesy.rules = rules
        self._line.change(limits, allow=allow, credentials=credentials)

    async def look(self, url: str) -> Sight:
        """Ask for the beginning of an answer alone, aside from the downloads, and hang up.

        Raises:
            Timeout, ConnectionFailed, BlockedAddress: no answer.
        """
        async with self._line.ask(Request(url, {"Accept": "*/*"}, aside=True)) as response:
            sent = http_date(response.headers.get("Date", ""))
            return Sight(response.status, None if sent is None else round(sent * 1_000))

    async def json(self, url: str, *, aside: bool = False) -> dict[str, Any]:
        """Ask for one JSON object. *aside*: a smaller one, for which no host is held (`catalog.Fetcher`).

        Raises:
            HttpStatus: an answer other than 200.
            BadAnswer: not JSON, not an object, too deep, or more than `json_bytes` (`aside_bytes`) after decompression.
            Timeout, ConnectionFailed, BlockedAddress: no answer.
        """
        terms = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        limit = self._limits.aside_bytes if aside else self._limits.json_bytes
        async with self._line.ask(Request(url, terms, decompress=True, aside=aside)) as response:
            peer = HostPort.of(response.url)
            if response.status != 200:
                raise status_failure(peer, response)
            body = await _read(response, limit)
        if body is None:
            raise BadAnswer(f"{peer} sent more than {in_units(limit)} of JSON")
        read = partial(read_object, body, sender=str(peer), content_type=response.headers.get("Content-Type", ""))
        if len(body) < _QUICK:
            return read()
        return await asyncio.get_running_loop().run_in_executor(self._threads, read)

    async def picture(self, url: str) -> bytes:
        """Ask for the bytes of a picture; what they are, nobody has looked at yet.

        Raises:
            HttpStatus: an answer other than 200.
            Corrupt: an empty or a compressed body.
            TooLarge: more than `picture_bytes`.
            Timeout, ConnectionFailed, BlockedAddress, BadAnswer: no answer, or the URL is not one.
        """
        terms = {"Accept": "image/*", "Accept-Encoding": "identity"}
        async with self._line.ask(Request(url, terms)) as response:
            peer = HostPort.of(response.url)
            if response.status != 200:
                raise status_failure(peer, response)
            if is_encoded(response.headers):
                raise Corrupt(f"{peer} sent a compressed body, which was not asked for")
            body = await _read(response, self._limits.picture_bytes)
        if body is None:
            limit = self._limits.picture_bytes
            raise TooLarge(f"The picture has more than the {in_units(limit)} that are allowed", limit_bytes=limit)
        if not body:
            raise Corrupt("The picture is empty")
        return body

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Tell *body* to an address; any 2xx says that it was received. Nothing else of the answer is read.

        A redirect is not followed: it is a failure like any other status.

        Raises:
            HttpStatus: an answer other than 2xx.
            Timeout, ConnectionFailed, BlockedAddress, BadAnswer: no answer, or the URL is not one.
        """
        async with self._line.ask(Request(url, headers, aside=True, body=body)) as response:
            if not 200 <= response.status <= 299:
                raise status_failure(HostPort.of(response.url), response)

    async def download(
        self,
        media: Media,
        folder: Path,
        *,
        progress: Callable[[Progress], None],
        room: Room = any_room,
        standing: Standing = nullcontext,
    ) -> Received:
        """Stream *media* into `folder/part`, with its sidecar `part.json`, continuing earlier bytes if that is safe.

        *folder* exists and belongs to this call alone. *progress* is called on the loop: at the start, every quarter of
        a second and at the end, however it ends. What arrived is on disk (not fsynced) at 1 MiB or after a quarter of
        a second. *room* is asked before each write and may refuse it; *standing* is entered while the throttle holds
        the transfer. A cancel cuts the connection at once; when the call has ended, however, nothing is written any
        more.

        Raises:
            HttpStatus: an answer other than success.
            Corrupt: not the length or checksum that was announced, empty, or compressed.
            TooLarge: more than `file_bytes`.
            DiskFull, DiskError: it could not be written.
            Timeout, ConnectionFailed, BlockedAddress, BadAnswer: no answer, or it stopped before the end.
        """
        transfer = Transfer(
            line=self._line,
            threads=self._threads,
            limits=self._limits,
            boot=self._boot,
            media=media,
            folder=folder,
            throttle=self.throttle,
            room=room,
            standing=standing,
            progress=progress,
        )
        return await transfer.run()


async def _read(response: ClientResponse, limit: int) -> bytes | None:
    """Read a body; None as soon as it has more than *limit* bytes."""
    if not response.headers.get("Content-Encoding") and (response.content_length or 0) > limit:
        return None
    body = bytearray()
    async for piece in response.content.iter_chunked(64 * KIB):
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)
