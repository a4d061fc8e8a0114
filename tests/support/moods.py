"""A proxy with moods: it stands before a server and hands everything on, or treats whoever asks badly.

async with MoodyProxy(server.url) as proxy:
    ... look at proxy.url ...
    proxy.mood = Mood.CUT        # and what is under way is cut, too
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import Enum
from typing import Self

import aiohttp
from aiohttp import web

_NOT_HANDED_ON = frozenset({"host", "connection", "transfer-encoding", "content-length", "accept-encoding"})


class Mood(Enum):
    """What becomes of requests."""

    PASS = "everything is handed on as it comes"
    GATHER = "an answer is handed on when it is whole, so a stream never is"
    ERROR = "every request is answered with 500"
    STALL = "every request is taken and never answered"
    CUT = "every connection is reset"
    SILENT = "nothing comes any more, on no connection, and none ends: the network is gone, or one end sleeps"


class MoodyProxy:
    """The proxy before *upstream*, a base URL."""

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self.streams = 0
        """Streams of events that are open now."""
        self.asked: list[str] = []
        """The paths of all requests."""
        self._upstream = upstream
        self._mood = Mood.PASS
        self._turned = asyncio.Event()
        self._runner = web.AppRunner(self._app(), access_log=None, handler_cancellation=True, shutdown_timeout=0)

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(auto_decompress=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._turned.set()
        await self._runner.cleanup()
        await self._http.close()

    @property
    def mood(self) -> Mood:
        """How requests are treated. Setting another than `SILENT` ends what is under way."""
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        self._mood = mood
        if mood is Mood.SILENT:
            return
        self._turned.set()
        self._turned = asyncio.Event()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        turned = self._turned
        if self._mood is Mood.ERROR:
            return web.json_response({"success": False, "error": "The proxy says no", "code": "INTERNAL"}, status=500)
        if self._mood in (Mood.STALL, Mood.SILENT):
            await turned.wait()
        if self._mood is Mood.CUT or turned.is_set():
            return _reset(request)
        handing = asyncio.create_task(self._hand_on(request, whole=self._mood is Mood.GATHER))
        turning = asyncio.create_task(turned.wait())
        try:
            await asyncio.wait({handing, turning}, return_when=asyncio.FIRST_COMPLETED)
            if handing.done():
                return handing.result()
        finally:
            for each in (handing, turning):
                each.cancel()
            await asyncio.gather(handing, turning, return_exceptions=True)
        return _reset(request)

    async def _hand_on(self, request: web.Request, *, whole: bool) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_HANDED_ON}
        headers["Accept-Encoding"] = "identity"
        url = f"{self._upstream}{request.raw_path}"
        stream = request.path.endswith("/events")
        self.streams += stream
        try:
            async with self._http.request(request.method, url, headers=headers, data=await request.read()) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_HANDED_ON}
                if whole:
                    return web.Response(status=answer.status, headers=kept, body=await answer.read())
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    if self._mood is Mood.SILENT:
                        await asyncio.Event().wait()  # until the mood is another, which ends this
                    await response.write(piece)
                return response
        except aiohttp.ClientError:
            return _reset(request)
        finally:
            self.streams -= stream


def _reset(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        with suppress(OSError):
            request.transport.abort()
    return web.Response(status=500)
