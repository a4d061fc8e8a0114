"""Requests as the operator sees them: each is logged with its client, and an accident in one ends only that one.

This is the outermost layer of the application and the supervisor of all routes: whatever a route did not expect becomes
500 `INTERNAL`, and the stack goes into the log, never into the answer.
"""

from __future__ import annotations

import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonearm.api.answers import refusal
from tonearm.api.peers import client_name
from tonearm.errors import RefusalCode

log = structlog.get_logger("api")


class Observed:
    """Runs the application for one request after another, and tells what became of each."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with structlog.contextvars.bound_contextvars(client=client_name(scope)):
            await self._run(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 0

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        request = {"method": scope["method"], "path": scope["path"]}
        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            log.debug("The client went away", **request)
        except Exception:  # a supervisor: no request may take the server with it
            log.exception("A request failed", **request)
            if status:
                raise  # the answer has begun; only the end of the connection can tell that it is not whole
            answer = refusal(scope, RefusalCode.INTERNAL, "Internal error; the server's log says more")
            await answer(scope, receive, watched_send)
        finally:
            log.debug("Request", status=status, ms=round((time.perf_counter() - began) * 1000, 1), **request)
