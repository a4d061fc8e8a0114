"""An origin server that does exactly what a test tells it, byte by byte, over real sockets.

    async def cut(visit: Visit) -> None:
        await visit.send(head(200, {"Content-Length": "1000"}) + b"only this")
        # returning closes the connection

    async with Origin(cut) as origin:
        ... fetch f"{origin.url}/song" ...
        assert origin.seen[0].headers["accept-encoding"] == "identity"

The script is called once per request. When it returns, the connection is closed, unless it called `visit.keep()`. To
misbehave in time rather than in bytes, a script waits: `await visit.gone()` holds the line silent until the other side
hangs up. `answer` makes a script of one whole, well-behaved answer, `redirect` one that sends everybody elsewhere.
`await origin.until(lambda: origin.open == 0)` waits until the other side has closed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

Script = Callable[["Visit"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came: header names in lower case, *connection* counted from 1."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int


@dataclass(slots=True)
class Visit:
    """One request being answered."""

    request: Seen
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    kept: bool = False

    async def send(self, data: bytes) -> bool:
        """Send raw bytes; returns when the socket took them, or the other side is gone (False).

        It gives way each time: over TLS a lost connection makes neither writing nor draining wait, and the loop that
        would tell of it would never come to it.
        """
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            return False
        await asyncio.sleep(0)
        return True

    async def gone(self) -> None:
        """Stay silent until the other side hangs up."""
        with suppress(ConnectionError):
            while await self.reader.read(65_536):
                pass

    @property
    def encrypted(self) -> bool:
        """Whether this connection is one of TLS."""
        return self.writer.get_extra_info("ssl_object") is not None

    def drop(self) -> None:
        """End the connection of TCP without TLS saying so (close_notify), as whoever sits on the line can do it."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """End the connection with a reset (RST) instead of a regular close."""
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def keep(self) -> None:
        """Answer a further request on this connection after the script returned."""
        self.kept = True


@dataclass
class Origin:
    """A scripted server on a free port of *host*, from `async with` on. *script* may be replaced between requests."""

    script: Script
    host: str = "127.0.0.1"
    ssl_context: ssl.SSLContext | None = None
    seen: list[Seen] = field(default_factory=list)
    """Every request, in the order of arrival."""
    open: int = 0
    """Connections at this moment."""
    most_open: int = 0
    """The most connections at one time."""
    connections: int = 0
    """Connections since the start."""

    async def __aenter__(self) -> Self:
        self._changed = asyncio.Condition()
        self._visits: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, self.host, 0, ssl=self.ssl_context, backlog=512)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.ssl_context else 'http'}://{host}:{self.port}"

    async def until(self, ready: Callable[[], bool], *, within_s: float = 10.0) -> None:
        """Wait until *ready*, which looks at this origin, holds; it is asked after every request and every end.

        Raises:
            TimeoutError: it did not within *within_s* seconds.
        """
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(ready)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        self.connections += 1
        number = self.connections
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while (request := await _read_request(reader, number)) is not None:
                self.seen.append(request)
                await self._tell()
                visit = Visit(request, reader, writer)
                await self.script(visit)
                if not visit.kept:
                    break
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self.open -= 1
            self._visits.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Seen | None:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = text.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return Seen(method, target, {name.lower(): value.strip() for name, _, value in pairs}, connection)


def head(status: int, headers: Mapping[str, str] | None = None) -> bytes:
    """Make a status line and headers, with the empty line at the end and nothing that was not asked for."""
    phrase = HTTPStatus(status).phrase if status in {*HTTPStatus} else "Odd"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answer(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Script:
    """Make a script of one whole answer with its right length; the connection stays open for the next request."""

    async def script(visit: Visit) -> None:
        await visit.send(head(status, {"Content-Length": str(len(body)), **(headers or {})}) + body)
        visit.keep()

    return script


def redirect(target: str, status: int = 302) -> Script:
    """Make a script that sends everybody to *target*."""
    return answer(status, headers={"Location": target})
