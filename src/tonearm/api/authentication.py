"""Authentication: every request shows a key whose scope is wide enough, or is turned away before any route.

The key comes as `Authorization: Bearer`, as `X-Api-Key`, or in the cookie of a session. Which routes need which
scope stands in `tonearm.api.scopes`, which keys are good in `tonearm.api.keyring`. As long as there are no keys at all
and the server may be open, everybody may do everything.
"""

from __future__ import annotations

import asyncio

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from tonearm.api.answers import refusal, refusal_of
from tonearm.api.keyring import WRONG, Authenticator
from tonearm.api.peers import client_name
from tonearm.api.scopes import needed
from tonearm.errors import RefusalCode, Refused
from tonearm.model import KeyRecord, Scope

COOKIE = "tonearm_session"
KEY = "tonearm.key"
"""Where the scope of a request has the `KeyRecord` that it came with."""

LOOK_SECONDS = 2.0
"""How often what lasts is asked whether its key is still good."""

log = structlog.get_logger("api.keys")


class Authentication:
    """Lets through what needs no key or shows a good one; a long answer ends when its key does."""

    def __init__(self, app: ASGIApp, keyring: Authenticator, look_seconds: float = LOOK_SECONDS) -> None:
        self._app = app
        self._keyring = keyring
        self._look_seconds = look_seconds

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        wanted = needed(scope) if scope["type"] == "http" else None
        if wanted is None:
            await self._app(scope, receive, send)
            return
        try:
            key = await self._admit(scope, wanted)
        except Refused as refused:
            await _refusal(scope, refused)(scope, receive, send)
            return
        if key is None:
            await self._app(scope, receive, send)
            return
        with structlog.contextvars.bound_contextvars(client=key.owner):
            await self._while_good(key, {**scope, KEY: key}, receive, send)

    async def _admit(self, scope: Connection, wanted: Scope) -> KeyRecord | None:
        """The key of a request; None where none is needed.

        Raises:
            Refused: UNAUTHORIZED, FORBIDDEN, RATE_LIMITED, STORE_UNAVAILABLE.
        """
        if not await self._keyring.guards():
            return None
        text = shown_key(Headers(scope=scope))
        if text is None:
            raise Refused(RefusalCode.UNAUTHORIZED, WRONG)
        key = await self._keyring.check(client_name(scope), text)
        if not key.scope.includes(wanted):
            raise Refused(RefusalCode.FORBIDDEN, f"This needs a key with scope {wanted}; this one has {key.scope}")
        return key

    async def _while_good(self, key: KeyRecord, scope: Connection, receive: Receive, send: Send) -> None:
        """Answer a request, and stop in the middle when its key is revoked or runs out."""
        answering = asyncio.ensure_future(self._app(scope, receive, send))
        try:
            while not answering.done():
                await asyncio.wait({answering}, timeout=self._look_seconds)
                if not answering.done() and not await self._keyring.holds(key):
                    log.info("An answer ends, since its key does not hold any more", path=scope["path"])
                    answering.cancel()
                    await asyncio.wait({answering})
                    return
        finally:
            if not answering.done():
                answering.cancel()
        await answering


def shown_key(headers: Headers) -> str | None:
    """The key that a request shows; the first form that is there counts, and two of one form are none."""
    bearer = [
        value.strip()[7:].strip()
        for value in headers.getlist("authorization")
        if value.strip()[:7].lower() in ("bearer ", "bearer")
    ]
    for found in (bearer, headers.getlist("x-api-key"), _cookies(headers)):
        if found:
            return found[0] if len(found) == 1 else ""
    return None


def _cookies(headers: Headers) -> list[str]:
    found = []
    for pair in ";".join(headers.getlist("cookie")).split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == COOKIE:
            found.append(value.strip().strip('"'))
    return found


def _refusal(scope: Connection, refused: Refused) -> ASGIApp:
    if refused.code is RefusalCode.UNAUTHORIZED:
        return refusal(scope, refused.code, refused.message, headers={"WWW-Authenticate": "Bearer"})
    return refusal_of(scope, refused)
