"""A listener: a server in the loop of a test, on a port of the loopback address that stays its own while it is down."""

from __future__ import annotations

import socket
from typing import Self

from aiohttp import web


class Listener:
    """Serves *app*; an asynchronous context, and up from its beginning."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        self._bind(0)
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        self._socket.close()

    def _bind(self, port: int) -> None:
        """Keep the port: nobody listens there before `up`, and nobody else gets it."""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]

    async def up(self) -> None:
        """Listen; as it is at the start, and again after `down`."""
        self._site = web.SockSite(self._runner, self._socket)
        await self._site.start()

    async def down(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        await self._site.stop()
        self._socket.close()
        self._bind(self.port)
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            connection.force_close()
