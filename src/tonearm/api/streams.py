"""The route of events: `GET /api/download-queue/events`, a stream for each listener that lives until somebody ends it.

A stream costs its connection and a place in the ring of `frames`; nothing is kept for it. A reader that falls behind is
told so and begins anew, and one that does not read at all is cut off. When the server stops, streams end at once. That
of a key that is revoked is cancelled from outside (`tonearm.api.authentication`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tonearm.api.answers import HEADERS
from tonearm.api.follower import Follower, Joined
from tonearm.api.frames import HEARTBEAT
from tonearm.api.live import Live
from tonearm.api.paths import EVENTS
from tonearm.api.peers import client_name
from tonearm.errors import QuotaExceeded, RefusalCode, StoreUnavailable
from tonearm.settings import Settings
from tonearm.store.base import Store

LEAVING = "tonearm.leaving"
"""In the scope of a request: an event that is set when the server begins to stop."""

ABORT = "tonearm.abort"
"""In the scope of a request: a function that ends its connection without waiting for what was not read."""

CHECK_S = 5.0
HEARTBEAT_S = 15.0
END_S = 0.1
"""Seconds in which a stream that ends may say so."""

SEND_S = 15.0
"""Seconds that a reader may take for `PIECE` bytes; then it is cut off."""

PIECE = 8_192
"""Bytes that are given to a connection at a time."""

PER_CLIENT = 10
"""The streams that one client may always have, where so many are allowed; beyond it a tenth of all."""

_STREAM = {**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
_RETRY = b"retry: 2000\n\n"


class StreamRoutes:
    """The route, and how many streams there are."""

    def __init__(self, store: Store, live: Live, settings: Settings) -> None:
        self._follower = Follower(store, live)
        self._settings = settings
        self._open: Counter[str] = Counter()

    @property
    def _most(self) -> int:
        return self._settings.max_streams

    @property
    def _most_of_one(self) -> int:
        return max(PER_CLIENT, self._most // 10)

    @property
    def listeners(self) -> int:
        """How many streams are open, at most QUEUE_MAX_STREAMS."""
        return self._open.total()

    def add_to(self, app: FastAPI) -> None:
        """Add the route to *app*, before those where the id of a job stands in this place."""
        app.add_api_route(EVENTS, self.events, methods=["GET", "HEAD"])

    async def events(self, request: Request) -> Response:
        """What happens, as it happens."""
        if request.method == "HEAD":
            return Response(headers=_STREAM)
        client = client_name(request.scope)
        if self.listeners >= self._most:
            raise QuotaExceeded(RefusalCode.TOO_MANY_STREAMS, "Too many event streams are open", self._most)
        if self._open[client] >= self._most_of_one:
            message = f"You have {self._most_of_one} event streams open, the most of one client"
            raise QuotaExceeded(RefusalCode.TOO_MANY_STREAMS, message, self._most_of_one)
        self._open[client] += 1
        self._follower.enter()
        try:
            joined = await self._follower.join(request.headers.get("last-event-id"))
        except BaseException:
            self._ended(client)
            raise
        return _Stream(self._follower, joined, lambda: self._ended(client))

    def _ended(self, client: str) -> None:
        self._follower.leave()
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]


class _Stream(Response):
    """One stream; *ended* is called at its end."""

    def __init__(self, follower: Follower, joined: Joined, ended: Callable[[], None]) -> None:
        super().__init__(headers=_STREAM)
        del self.headers["content-length"]
        self._follower = follower
        self._joined = joined
        self._ended = ended
        self._silent_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving: asyncio.Event = scope.get(LEAVING) or asyncio.Event()
        writing = asyncio.create_task(self._write(send))
        ends = (writing, asyncio.create_task(_gone(receive)), asyncio.create_task(leaving.wait()))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended()
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        failure = None if writing.cancelled() else writing.exception()
        if failure is not None and not isinstance(failure, TimeoutError | StoreUnavailable):
            raise failure
        try:
            async with asyncio.timeout(0 if isinstance(failure, TimeoutError) else END_S):
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            with contextlib.suppress(KeyError):
                scope[ABORT]()  # what it has not read is not waited for

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _send(send, _RETRY)
        place = self._joined.place
        # What was sent is let go of at once: a stream lives for long, and a snapshot is large.
        unsent, self._joined = list(self._joined.first), Joined(0, ())
        while True:
            while unsent:
                await _send(send, unsent.pop(0))
            unsent, place = await self._next(place)

    async def _next(self, place: int) -> tuple[list[bytes], int]:
        """What to send next, and the place after that."""
        ring = self._follower.ring
        if not await ring.grown(place, CHECK_S):
            self._silent_s += CHECK_S
            if self._silent_s < HEARTBEAT_S:
                return [], place
            self._silent_s = 0.0
            return [HEARTBEAT], place
        self._silent_s = 0.0
        found = ring.since(place, PIECE)
        if found is not None:
            return [b"".join(found)], place + len(found)
        joined = await self._follower.join(None, lost=True)
        return list(joined.first), joined.place


async def _send(send: Send, data: bytes) -> None:
    """Send *data* in pieces, each as soon as there is room.

    Raises:
        TimeoutError: the other side does not read.
    """
    for start in range(0, len(data), PIECE):
        async with asyncio.timeout(SEND_S):
            await send({"type": "http.response.body", "body": data[start : start + PIECE], "more_body": True})


async def _gone(receive: Receive) -> None:
    """Wait until the other side has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
