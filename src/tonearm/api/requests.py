"""Requests as the operator sees them: each is logged with its client, its id and its job, and an accident in one ends
only that one.

This is the outermost layer of the application and the supervisor of all routes: whatever a route did not expect becomes
500 `INTERNAL`, and the stack goes into the log, never into the answer. A request has an id, which its client may give
(`X-Request-Id`); every line that is logged for it and its answer carry that.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonearm.api.answers import refusal
from tonearm.api.peers import client_name
from tonearm.errors import RefusalCode
from tonearm.model import JOB_ID

REQUEST_ID = "X-Request-Id"
"""The header that has the id of a request, in both directions."""

_GIVEN = re.compile(r"[\w.:+/=@-]{1,64}", re.ASCII)
"""An id that is taken from a client: what UUIDs, traces and proxies look like. Another one is replaced."""

_JOB = re.compile(rf"/(?P<job>{JOB_ID.pattern})(?=/|$)", re.ASCII)

log = structlog.get_logger("api")


def new_request_id() -> str:
    """An id for a request that brought none."""
    return secrets.token_hex(8)


class Observed:
    """Runs the application for one request after another, and tells what became of each."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        about = {"client": client_name(scope), "request_id": _request_id(scope)}
        job = _JOB.search(scope["path"])
        with structlog.contextvars.bound_contextvars(**about, **({"job": job["job"]} if job else {})):
            await self._run(scope, receive, send, about["request_id"])

    async def _run(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        began = time.perf_counter()
        status = 0
        request = {"method": scope["method"], "path": scope["path"]}

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = list(message.get("headers", ()))
                request.update(_made(given))
                message = {**message, "headers": [*given, (REQUEST_ID.lower().encode(), request_id.encode())]}
            await send(message)

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


def _request_id(scope: Scope) -> str:
    """The id that the client gave, if it gave one that is short and harmless; else one of ours."""
    given = Headers(scope=scope).getlist(REQUEST_ID)
    return given[0] if len(given) == 1 and _GIVEN.fullmatch(given[0]) else new_request_id()


def _made(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The job that an answer says to have made, or to be the one that was asked for."""
    for name, value in headers:
        if name.lower() == b"location" and (job := _JOB.search(value.decode("latin-1"))):
            return {"job": job["job"]}
    return {}
