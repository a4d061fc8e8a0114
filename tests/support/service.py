"""A service that takes messages: a real HTTP server in the test's own loop, told by Apprise's own client (`json://`)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aiohttp import web

from tests.support.listener import Listener

TOKEN = "t0ken-planted-in-a-path"


class Service(Listener):
    """The server; an asynchronous context. Requests are answered by `statuses`, one each, and after them with 200."""

    def __init__(self) -> None:
        self.statuses: deque[int] = deque()
        self.hangs: asyncio.Event | None = None
        """While it is there and not set, no request is answered."""
        self.messages: list[dict[str, Any]] = []
        """Messages that came, whatever was answered."""
        app = web.Application()
        app.router.add_post(f"/{TOKEN}", self._serve)
        super().__init__(app)

    @property
    def url(self) -> str:
        """The address for Apprise."""
        return f"json://127.0.0.1:{self.port}/{TOKEN}"

    async def _serve(self, request: web.Request) -> web.Response:
        self.messages.append(await request.json())
        if self.hangs is not None:
            await self.hangs.wait()
        return web.Response(status=self.statuses.popleft() if self.statuses else 200)
