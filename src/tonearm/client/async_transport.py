"""Transport for the asynchronous client: a request and its answer over aiohttp, repeated where that is safe.

The rules are those of `transport`: no proxies of the environment, no redirects, no cookies. Calls may run side by side,
and each has a connection of its own meanwhile. It goes back into the pool only when the answer was read to the end; a
call that is cancelled, or fails, closes it. What an answer means is not known here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import aiohttp
from yarl import URL

from tonearm.client import exchange
from tonearm.client.exchange import Answer, Request, ServerAddress, length_of, no_answer, retry_after_ms
from tonearm.client.receiving import Arriving, Received, part_of
from tonearm.errors import ServerUnreachable

KEPT_CONNECTIONS = 16
"""Calls that are under way at the same time; another waits. Streams, archives and what is said once do not count."""

T = TypeVar("T")


class AsyncDownload(Received):
    """An answer's body that is read piece by piece, once."""

    def __init__(self, response: aiohttp.ClientResponse, size: int) -> None:
        super().__init__(size, response.headers.get("Content-Disposition"))
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body; the connection is closed at its end, and when the iteration is given up.

        Raises:
            CutOff: the connection ended before the body.
        """
        with closing(self._response):
            while self.due:
                try:
                    piece = await self._response.content.read(self.due)
                except (OSError, aiohttp.ClientError):
                    piece = b""
                yield self.take(piece)

    async def save(self, path: Path, on_piece: Arriving | None = None) -> None:
        """Write the body to *path*, which has its name only when it is whole. A file of this name is replaced.

        Raises:
            CutOff: the connection ended before the body; nothing is kept.
            OSError: it cannot be written.
        """
        with part_of(path) as file, closing(self._response):
            async for piece in self:
                await asyncio.to_thread(file.write, piece)
                if on_piece is not None:
                    on_piece(self.size - self.left)


class AsyncStream:
    """A body without end, read as it arrives. *address* names the server in errors."""

    def __init__(self, response: aiohttp.ClientResponse, address: ServerAddress) -> None:
        self._response = response
        self._address = address

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces, until the server ends the stream.

        Raises:
            ServerUnreachable: the connection broke, or nothing came for too long.
        """
        while True:
            try:
                piece = await self._response.content.read(exchange.PIECE_BYTES)
            except (OSError, aiohttp.ClientError) as error:
                raise no_answer(self._address, error) from error
            if not piece:
                return
            yield piece

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


class AsyncTransport:
    """Connections to one server, opened when needed. *timeout* in seconds, for each step.

    *credentials*: headers for this server, and for no other. It belongs to the event loop of its first request.
    """

    def __init__(
        self,
        address: ServerAddress,
        *,
        timeout: float,
        sleep: Callable[[float], Awaitable[None]],
        credentials: dict[str, str],
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._timeout = timeout
        self._sleep = sleep
        self._closed = False
        self._kept: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Answer:
        """Send a request and read its answer.

        A failed connection is tried again, a request that may have arrived only if it is repeatable.

        Raises:
            ServerUnreachable: no answer, or one that is not HTTP.
        """
        return await self._repeated(request, _read, kept=request.repeatable)

    async def download(self, request: Request, content_type: str) -> AsyncDownload | Answer:
        """Ask for a body of this content type, which is read by iterating; any other answer is read at once.

        Raises:
            ServerUnreachable: no answer, or one that is not HTTP.
        """

        async def take(response: aiohttp.ClientResponse) -> AsyncDownload | Answer:
            if response.status != HTTPStatus.OK or response.headers.get("Content-Type") != content_type:
                return await _read(response)
            size = length_of(response.headers.get("Content-Length"))
            if size is None:
                response.close()
                raise aiohttp.ClientError(exchange.UNMEASURED)
            return AsyncDownload(response, size)

        return await self._repeated(request, take, kept=False)

    async def stream(self, request: Request, content_type: str, silence: float) -> AsyncStream | Answer:
        """Open a body without end of this content type; any other answer is read at once. Tried once.

        *silence*: seconds without a byte after which the stream is dead.

        Raises:
            ServerUnreachable: no answer, or one that is not HTTP.
        """
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._request(request, kept=False, silence=silence)
            if response.status == HTTPStatus.OK and response.content_type == content_type:
                return AsyncStream(response, self._address)
            return await _read(response)
        except (OSError, aiohttp.ClientError) as error:
            raise self._no_answer(error) from error

    async def close(self) -> None:
        """Close every connection, those in use as well. It is not opened again."""
        self._closed = True
        for session in (self._kept, self._fresh):
            if session is not None:
                await session.close()

    async def _repeated(
        self, request: Request, take: Callable[[aiohttp.ClientResponse], Awaitable[T]], *, kept: bool
    ) -> T:
        for delay in (*exchange.REPEAT_DELAYS, None):
            try:
                return await take(await self._request(request, kept=kept, silence=request.patience))
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:  # nothing was sent
                if delay is None:
                    raise self._no_answer(error) from error
            except (OSError, aiohttp.ClientError) as error:
                if delay is None or not request.repeatable:
                    raise self._no_answer(error) from error
            await self._sleep(delay)
            kept = False  # another kept connection may be as old as the one that failed
        raise AssertionError  # the last round returns or raises

    async def _request(self, request: Request, *, kept: bool, silence: float) -> aiohttp.ClientResponse:
        session = self._session(kept=kept)
        wait = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout, sock_read=silence or self._timeout)
        return await session.request(
            request.method,
            self._url(request.path),
            data=request.body,
            headers=request.headers | self._credentials,
            allow_redirects=False,
            timeout=wait,
        )

    def _url(self, path: str) -> URL:
        host = URL.build(scheme="https" if self._address.secure else "http", host=self._address.host)
        return URL(f"{host.with_port(self._address.port)}".rstrip("/") + self._address.base + path, encoded=True)

    def _session(self, *, kept: bool) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("the client is closed")
        if self._kept is None or self._fresh is None:
            trust = ssl.create_default_context() if self._address.secure else True
            self._kept = _session(trust=trust, limit=KEPT_CONNECTIONS)
            self._fresh = _session(trust=trust, limit=0, force_close=True)
        return self._kept if kept else self._fresh

    def _no_answer(self, error: Exception) -> ServerUnreachable:
        reason = error.__cause__ if isinstance(error, aiohttp.ClientConnectorError) else None
        return no_answer(self._address, reason or error)


def _session(*, trust: ssl.SSLContext | bool, limit: int, force_close: bool = False) -> aiohttp.ClientSession:
    resolver = aiohttp.ThreadedResolver()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, force_close=force_close, ssl=trust, resolver=resolver),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=[_said_once],
        read_bufsize=exchange.PIECE_BYTES,
        trust_env=False,
    )


async def _said_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Hide from aiohttp what it would answer by sending the request again: what is said twice, we decide."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from error


async def _read(response: aiohttp.ClientResponse) -> Answer:
    """Read an answer to its end; one that is not read so far takes its connection with it."""
    data = bytearray()
    with closing(response):
        async for piece in response.content.iter_any():
            data += piece
            if len(data) > exchange.MAX_ANSWER_BYTES:
                raise aiohttp.ClientError(exchange.TOO_LONG)
    return Answer(
        response.status,
        response.headers.get("Content-Type", ""),
        bytes(data),
        retry_after_ms(response.headers.get("Retry-After")),
    )
