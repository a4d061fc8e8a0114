"""The server: the application on a socket, inside an event loop that somebody else runs and stops.

It installs no signal handlers and ends no process: whoever starts it decides when it stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tonearm.api.protocol import BoundedProtocol
from tonearm.api.room import room
from tonearm.api.streams import LEAVING
from tonearm.errors import SetupError
from tonearm.settings import Settings

KEEP_ALIVE_SECONDS = 30
"""How long an idle connection is kept."""

BACKLOG = 512
"""Connections that may wait to be accepted."""

UNIX_MODE = 0o660
"""Who may connect to a unix socket, where being let in is all that is asked for: owner and group."""

_INSTEAD_OF_ASKING = "-"
"""Told for a key that wants a password: an error at start, where OpenSSL would ask a terminal and wait."""

log = structlog.get_logger("api.server")


class ApiServer:
    """*app* on the address of *settings*: `start`, serve until `stop`."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._settings = settings
        self._app = app
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()
        self.addresses: tuple[str, ...] = ()
        """Where it listens, as URLs (or `unix:` and a path); empty before `start`."""

    async def start(self) -> None:
        """Listen; connections are accepted when this returns.

        Raises:
            SetupError: the address is taken or cannot be had, or the certificate cannot be used.
        """
        server = _Server(self._config())
        sockets = await asyncio.to_thread(self._bind)
        self.addresses = self._named(sockets)
        self._server = server
        self._serving = asyncio.create_task(server.serve(sockets), name="api server")
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait({listening, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if not server.listening.is_set():
            await self._serving
        log.info("Listening", addresses=list(self.addresses))

    async def stop(self, grace_ms: int, *, hurry: asyncio.Event | None = None) -> None:
        """Accept nothing more, give open requests *grace_ms* milliseconds, then end; *hurry* ends the grace.

        Streams of events end at once.

        Again is harmless.
        """
        if self._server is None or self._serving is None:
            return
        self._server.config.timeout_graceful_shutdown = max(1, -(-grace_ms // 1000))
        self._leaving.set()
        self._server.leave()
        hurried = asyncio.ensure_future((hurry or asyncio.Event()).wait())
        await asyncio.wait([self._serving, hurried], return_when=asyncio.FIRST_COMPLETED)
        self._server.force_exit = hurried.done()
        hurried.cancel()
        await self._serving
        if self._settings.unix_socket is not None:
            self._settings.unix_socket.unlink(missing_ok=True)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[LEAVING] = self._leaving
        await self._app(scope, receive, send)

    def _config(self) -> uvicorn.Config:
        settings = self._settings
        if settings.tls_key is not None and settings.tls_cert is None:
            raise SetupError("TLS_KEY is set without TLS_CERT: give the certificate as well")
        config = uvicorn.Config(
            self._run,
            interface="asgi3",
            http=BoundedProtocol.within(room()),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
            ssl_keyfile_password=_INSTEAD_OF_ASKING,
        )
        try:
            config.load()
        except (OSError, ValueError) as error:
            named = {"TLS_CERT": settings.tls_cert, "TLS_KEY": settings.tls_key}
            files = ", ".join(f"{name}={path}" for name, path in named.items() if path)
            raise SetupError(f"The certificate ({files}) cannot be used: {error}") from error
        return config

    def _bind(self) -> list[socket.socket]:
        """The unix socket, or sockets for every address that HOST stands for."""
        host, port = self._settings.host.strip("[]"), self._settings.port
        if self._settings.unix_socket is not None:
            return [_listen_at(self._settings.unix_socket)]
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as error:
            raise SetupError(f"HOST={host} is no address of this machine: {error}") from error
        sockets: list[socket.socket] = []
        try:
            for family, address in dict.fromkeys((entry[0], str(entry[4][0])) for entry in found):
                sockets.append(_listen(family, address, port))
                port = sockets[0].getsockname()[1]
        except OSError as error:
            for bound in sockets:
                bound.close()
            raise SetupError(_why_not(error, host, port)) from error
        return sockets

    def _named(self, sockets: list[socket.socket]) -> tuple[str, ...]:
        scheme = "http" if self._settings.tls_cert is None else "https"
        base = self._settings.base_path
        if self._settings.unix_socket is not None:
            return (f"unix:{self._settings.unix_socket}",)
        return tuple(f"{scheme}://{_host_port(bound)}{base}" for bound in sockets)


class _Server(uvicorn.Server):
    """The server of uvicorn without its signal handlers; it tells when it listens, and wakes only once a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Begin to stop."""
        self.should_exit = True
        self._leaving.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # renews the Date header
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), 1.0)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self.on_tick(0)
        self.listening.set()


def _listen(family: int, address: str, port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's algorithm off; else every answer on a kept connection waits 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _listen_at(path: Path) -> socket.socket:
    """A unix socket for owner and group, from the first moment on: nobody can connect before it listens.

    Raises:
        SetupError: it cannot be made there, or a server listens there.
    """
    _claim_path(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(UNIX_MODE)
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise SetupError(f"Cannot listen on UNIX_SOCKET={path}: {error}") from error
    return bound


def _host_port(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is in use: stop what listens there, or choose another port (PORT, --port)"
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than this process has: choose one above 1023 (PORT, --port)"
    return f"Cannot listen on {host}, port {port} (HOST, PORT): {error.strerror}"


def _claim_path(path: Path) -> None:
    """Remove a socket that a dead server left; refuse anything else that is in the way.

    Raises:
        SetupError: a server listens there, or it is no socket.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise SetupError(f"UNIX_SOCKET={path} cannot be used: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise SetupError(f"UNIX_SOCKET={path} is in the way: it is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise SetupError(f"Another server listens on UNIX_SOCKET={path}: stop it, or choose another path")
