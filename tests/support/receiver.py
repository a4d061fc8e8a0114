"""A receiver of webhooks: a real HTTP server in the test's own loop, which believes nothing that is not signed.

It verifies by the very lines that docs/how-to/webhooks.md tells people to write. What becomes of a request, a test says
beforehand: `receiver.moods` are used up one a request, and after them each is received.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.listener import Listener

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "webhooks.md"
Verify = Callable[[str, dict[str, str], bytes], dict[str, Any]]


class Mood(Enum):
    """What becomes of a request."""

    RECEIVES = "it is received"
    FAILS = "it is answered with 500"
    REDIRECTS = "it is sent elsewhere"
    HANGS = "it is never answered"
    FORGETS = "it is received, and the connection is cut before the answer"
    TALKS = "it is received, and the answer never ends"
    GONE = "it is answered with 410"


def verify_of_the_page() -> Verify:
    """The function that the page shows."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    verify: Verify = names["verified"]
    return verify


class Receiver(Listener):
    """The server; an asynchronous context on a port of the loopback address that stays its own."""

    def __init__(self) -> None:
        self.moods: deque[Mood] = deque()
        self.mood = Mood.RECEIVES
        """What becomes of requests when `moods` are used up."""
        self.received: list[dict[str, Any]] = []
        """Bodies that were received and verified, again where they came again."""
        self.tries: list[str] = []
        """The id of each request, however it went."""
        self.headers: list[dict[str, str]] = []
        self._verify = verify_of_the_page()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        super().__init__(app)

    @property
    def url(self) -> str:
        """The address to tell."""
        return f"http://127.0.0.1:{self.port}/told?by=tonearm"

    def told(self) -> set[tuple[str, str]]:
        """What was received, as type and the job that it is about (or what else tells one from another)."""
        return {(body["type"], _about(body["data"])) for body in self.received}

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert request.method == "POST"
        assert headers["content-type"] == "application/json"
        self.tries.append(headers["webhook-id"])
        self.headers.append(headers)
        verified = self._verify(SECRET, headers, body)
        assert verified["id"] == headers["webhook-id"]
        mood = self.moods.popleft() if self.moods else self.mood
        return await self._answer(request, mood, verified)

    async def _answer(self, request: web.Request, mood: Mood, verified: dict[str, Any]) -> web.StreamResponse:
        assert request.path == "/told", "a redirect was followed"
        if mood is Mood.HANGS:
            await asyncio.Event().wait()
        if mood is Mood.REDIRECTS:
            raise web.HTTPTemporaryRedirect(f"http://127.0.0.1:{self.port}/elsewhere")
        if mood in (Mood.FAILS, Mood.GONE):
            return web.Response(status=500 if mood is Mood.FAILS else 410)
        self.received.append(verified)
        if mood is Mood.FORGETS and request.transport is not None:
            request.transport.abort()
        if mood is Mood.TALKS:
            answer = web.StreamResponse()
            await answer.prepare(request)
            await answer.write(b"blah ")
            await asyncio.Event().wait()
        return web.Response(status=204)


def _about(data: dict[str, Any]) -> str:
    return str(data["job"]["id"] if "job" in data else data.get("trouble", ""))
