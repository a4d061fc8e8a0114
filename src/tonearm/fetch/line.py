"""The line: one request out, its redirects followed, one answer back.

Every request asks `tonearm.fetch.courtesy` first, each redirect and each repetition too, and tells it how it ended.

Two pools of connections stand side by side. The *public* one connects through the guard; the *named* one reaches any
address and serves exactly the hosts and ports that the operator named. Which pool a request takes follows from the host
and port that it asks for, at every redirect anew, and both pools keep connections by that same host and port: a
connection of the named pool is never used for another name. Bodies are read by the callers.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from urllib.parse import urljoin

import aiohttp
from aiohappyeyeballs import SocketFactoryType
from yarl import URL

from tonearm.errors import BadAnswer, ConnectionFailed, Timeout
from tonearm.fetch import guard
from tonearm.fetch.courtesy import Courtesy, Visit
from tonearm.fetch.failures import network_failures
from tonearm.fetch.framing import Connector
from tonearm.fetch.headers import retry_after_ms
from tonearm.fetch.hosts import HostPort, read_url
from tonearm.fetch.limits import KIB, FetchLimits

READ_BUFFER = 512 * KIB
_CONNECTIONS = 256
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for. *own* headers stay with the first host; *terms* (Accept, Range …) go to every one.

    *buffer*: bytes that may wait between the socket and the reader; reading pauses at twice that. *aside*: no download
    waits for it, and what the host asks for in its answer (Retry-After) is for who asked alone. With a *body* it is a
    POST, and a redirect is its answer: what was meant for one address is not sent to another.
    """

    url: str
    terms: Mapping[str, str]
    own: Mapping[str, str] = field(default_factory=dict[str, str])
    decompress: bool = False
    buffer: int = READ_BUFFER
    aside: bool = False
    body: bytes | None = None


class Line:
    """The sessions, and the rules of what is sent to whom."""

    def __init__(
        self,
        limits: FetchLimits,
        courtesy: Courtesy,
        *,
        allow: Iterable[HostPort],
        credentials: Mapping[HostPort, Mapping[str, str]],
        ssl_context: ssl.SSLContext | None,
    ) -> None:
        self._courtesy = courtesy
        self.change(limits, allow=allow, credentials=credentials)
        self._ssl = ssl_context or True
        self._public: aiohttp.ClientSession | None = None
        self._named: aiohttp.ClientSession | None = None

    def change(
        self,
        limits: FetchLimits,
        *,
        allow: Iterable[HostPort],
        credentials: Mapping[HostPort, Mapping[str, str]],
    ) -> None:
        """Let this hold for every request from now on."""
        self._limits = limits
        self._allow = tuple(allow)
        self._credentials = dict(credentials)

    def open(self) -> None:
        """Make the pools; nothing is connected yet."""
        self._public = self._session(guard.public_socket)
        self._named = self._session(guard.any_socket)

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._public, self._named):
            if session is not None:
                await session.close()

    @asynccontextmanager
    async def ask(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send *request*, follow its redirects and lend the answer, whatever its status; hang up at the end.

        A body read to its end leaves the connection for the next request; otherwise it is cut at once.

        Raises:
            HostResting: the host, or one that a redirect leads to, is left alone; nothing was sent there.
            FetchError: no answer, or the body stopped while it was read inside.
        """
        response = await self._follow(request)
        try:
            with network_failures(HostPort.of(response.url), self._limits):
                yield response
        finally:
            hang_up(response)

    async def _follow(self, request: Request) -> aiohttp.ClientResponse:
        url = read_url(request.url)
        origin, trusted = HostPort.of(url), True
        for _ in range(self._limits.redirects + 1):
            peer = HostPort.of(url)
            secrets = self._secrets(peer, request.own if peer == origin else {}) if trusted else {}
            response = await self._send(url, peer, {**request.terms, **secrets}, request)
            target = response.headers.get("Location", "").strip()
            if response.status not in _REDIRECTS or not target or request.body is not None:
                return response
            hang_up(response)
            following = _following(url, target)
            # Whoever leads from https to http has given up what kept the headers secret.
            trusted = trusted and (url.scheme, following.scheme) != ("https", "http")
            url = following
        raise BadAnswer(f"{origin} redirected more than {self._limits.redirects} times")

    def _secrets(self, peer: HostPort, own: Mapping[str, str]) -> dict[str, str]:
        configured = self._credentials.get(peer, {})
        named = {name.lower() for name in own}
        return {**{name: value for name, value in configured.items() if name.lower() not in named}, **own}

    async def _send(
        self, url: URL, peer: HostPort, headers: Mapping[str, str], request: Request
    ) -> aiohttp.ClientResponse:
        """Send one request; once more if the connection had been idle and the server closed it before any answer.

        That is no sign of trouble: its closing and our request met on the way (RFC 9112, section 9.3.1).
        """
        visit = self._courtesy.enter(peer)
        try:
            return await self._visit(visit, url, headers, request)
        except ConnectionFailed:
            if not visit.reused:
                raise
        return await self._visit(self._courtesy.enter(peer), url, headers, request)

    async def _visit(
        self, visit: Visit, url: URL, headers: Mapping[str, str], request: Request
    ) -> aiohttp.ClientResponse:
        try:
            response = await self._get(visit, url, headers, request)
        except (ConnectionFailed, Timeout) as error:
            refusal = self._courtesy.leave(visit, error.message if error.connecting else None)
            if refusal is not None:
                raise refusal from error
            raise
        except BaseException:
            self._courtesy.leave(visit)
            raise
        self._courtesy.leave(visit)
        if not request.aside and (response.status == 429 or 500 <= response.status <= 599):
            self._courtesy.hold(visit.peer, retry_after_ms(response.headers) or 0)
        return response

    async def _get(
        self, visit: Visit, url: URL, headers: Mapping[str, str], request: Request
    ) -> aiohttp.ClientResponse:
        peer = visit.peer
        session = self._named if any(entry.covers(peer) for entry in self._allow) else self._public
        assert session is not None, "the fetcher is not open"
        # Headers that trickle in byte by byte break no silence, so they have a limit as a whole.
        whole_s = (self._limits.connect_ms + self._limits.silence_ms) / 1000
        try:
            with network_failures(peer, self._limits):
                async with asyncio.timeout(whole_s):
                    return await session.request(
                        "GET" if request.body is None else "POST",
                        url,
                        headers=headers,
                        data=request.body,
                        auto_decompress=request.decompress,
                        read_bufsize=request.buffer,
                        allow_redirects=False,
                        timeout=_timeout(self._limits),
                        trace_request_ctx=visit,
                    )
        except ValueError as error:
            raise BadAnswer(f"The request to {peer} cannot be made: its name or a header is not valid") from error

    def _session(self, socket_factory: SocketFactoryType) -> aiohttp.ClientSession:
        connector = Connector(
            limit=_CONNECTIONS,
            resolver=aiohttp.ThreadedResolver(),
            socket_factory=socket_factory,
            ssl=self._ssl,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "tonearm"},
            trace_configs=[_connections()],
            middlewares=[_no_repetition],
            trust_env=False,
        )


def _timeout(limits: FetchLimits) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=limits.connect_ms / 1000, sock_read=limits.silence_ms / 1000)


def hang_up(response: aiohttp.ClientResponse) -> None:
    """Give the connection back if the body was read to its end; otherwise cut it now, without a farewell of TLS."""
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()
    response.close()


def _connections() -> aiohttp.TraceConfig:
    """Note on the visit whether a connection came about, and whether it had been used before."""

    async def made(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        visit: Visit = context.trace_request_ctx
        visit.connected = True

    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        visit: Visit = context.trace_request_ctx
        visit.connected = visit.reused = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(made)
    trace.on_connection_reuseconn.append(reused)
    return trace


async def _no_repetition(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Hide from aiohttp what it would answer by sending the request again: how often a host is asked, we decide."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionFailed(f"{HostPort.of(request.url)} closed the connection before the end") from error


def _following(url: URL, target: str) -> URL:
    try:
        return read_url(urljoin(str(url), target))
    except ValueError as error:
        raise BadAnswer(f"{HostPort.of(url)} redirected to something that is not a URL") from error
