"""Routes of keys and sessions: an admin makes, lists and revokes keys; a page logs in with one, and out.

The text of a key is in one answer, that of its making, and nowhere afterwards.
"""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request, Response

from tonearm.api import fields
from tonearm.api.answers import refusal, success, with_warning
from tonearm.api.authentication import COOKIE, KEY
from tonearm.api.bodies import Object, read_object
from tonearm.api.keyring import SESSION_MS, Authenticator
from tonearm.api.newkeys import made
from tonearm.api.paths import KEYS, LOGIN, LOGOUT
from tonearm.api.peers import client_name
from tonearm.clock import Clock
from tonearm.errors import Invalid, RefusalCode, Refused
from tonearm.model import LIMIT_RANGES, KeyLimits, KeyRecord, Scope
from tonearm.settings import Settings
from tonearm.store.base import Store

log = structlog.get_logger("api.keys")


UNKNOWN = (
    "The queue is away, and whether it has keys is not known. It had none when it was last asked, so this server lets "
    "in whoever reaches it until the queue is back"
)


class KeyRoutes:
    """`/keys`, `/login` and `/logout` under `/api/download-queue`."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, keyring: Authenticator) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._keyring = keyring

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*, before those where the id of a job stands in this place."""
        app.add_api_route(KEYS, self.show, methods=["GET", "HEAD"])
        app.add_api_route(KEYS, self.create, methods=["POST"])
        app.add_api_route(f"{KEYS}/{{name}}", self.revoke, methods=["DELETE"])
        app.add_api_route(LOGIN, self.login, methods=["POST"])
        app.add_api_route(LOGOUT, self.logout, methods=["POST"])

    async def show(self) -> Response:
        """Every key without its text, and how many sessions it has.

        While the queue is away those that were known last; that there is none is not said then.
        """
        records, now = await self._store.keys(), self._clock.wall_ms()
        if not records and self._store.source != "redis" and self._store.warning is not None:
            raise Refused(RefusalCode.STORE_UNAVAILABLE, UNKNOWN)
        living = [each.parent for each in records if each.parent and (each.expires_at or 0) > now]
        keys = [_shown(each) | {"sessions": living.count(each.name)} for each in records if each.parent is None]
        return success({"keys": keys})

    async def create(self, request: Request) -> Response:
        """Make a key, and show its text this once."""
        body = await read_object(request, self._settings.max_body_bytes)
        name, scope, limits = read_key(body)
        text, record = await made(self._store, name, scope, limits, self._clock.wall_ms())
        await self._keyring.read()
        log.info("A key was created", key=name, scope=scope)
        warning = fields.warning(fields.unknown(body, ("name", "scope", "limits")))
        return success(with_warning(_shown(record) | {"key": text}, warning), status=201)

    async def revoke(self, request: Request) -> Response:
        """Revoke a key, and end its sessions."""
        name: str = request.path_params["name"]
        if "/" in name or not await self._store.remove_key(name):
            return refusal(request.scope, RefusalCode.NOT_FOUND, "There is no key of this name")
        await self._keyring.read()
        log.info("A key was revoked", key=name)
        return success({"message": "Key revoked", "name": name})

    async def login(self, request: Request) -> Response:
        """Open a session for whoever shows a key, in a cookie that scripts cannot read."""
        body = await read_object(request, self._settings.max_body_bytes)
        text = body.get("key")
        if not isinstance(text, str):
            raise Invalid(RefusalCode.INVALID_FIELD, "key must be the text of a key", "key")
        peer = client_name(request.scope)
        try:
            key = await self._keyring.check(peer, text)
            session = await self._keyring.open_session(peer, key)
        except Refused as refused:
            if refused.code is not RefusalCode.UNAUTHORIZED:
                raise
            return refusal(request.scope, refused.code, refused.message, headers={"WWW-Authenticate": "Bearer"})
        log.info("A session was opened", key=key.name)
        answer = success({"name": key.name, "scope": key.scope, "expiresAt": self._clock.wall_ms() + SESSION_MS})
        answer.set_cookie(COOKIE, session, max_age=SESSION_MS // 1_000, **self._cookie(request))
        return answer

    async def logout(self, request: Request) -> Response:
        """End the session of this request; a key that is shown itself stays."""
        key: KeyRecord | None = request.scope.get(KEY)
        if key is not None and key.parent is not None:
            await self._store.remove_key(key.name)
            await self._keyring.read()
        answer = success({"message": "Logged out"})
        answer.delete_cookie(COOKIE, **self._cookie(request))
        return answer

    def _cookie(self, request: Request) -> dict[str, Any]:
        return {
            "path": self._settings.base_path or "/",
            "httponly": True,
            "samesite": "strict",
            "secure": request.scope.get("scheme") == "https",
        }


def read_key(body: Object) -> tuple[str, Scope, KeyLimits]:
    """Name, scope and limits of the key that *body* asks for; whether the name is good is judged where it is made.

    Raises:
        Invalid: INVALID_FIELD.
    """
    name, scope = body.get("name"), fields.word(body, "scope", Scope)
    if not isinstance(name, str):
        raise Invalid(RefusalCode.INVALID_FIELD, "name must be a text", "name")
    if scope is None:
        raise Invalid(RefusalCode.INVALID_FIELD, f"scope must be one of {', '.join(Scope)}", "scope")
    limits = {} if body.get("limits") is None else body["limits"]
    if not isinstance(limits, dict) or limits.keys() - LIMIT_RANGES.keys():
        message = f"limits must be an object with some of {', '.join(LIMIT_RANGES)}"
        raise Invalid(RefusalCode.INVALID_FIELD, message, "limits")
    given = {limit: _limit(limits, limit) for limit in LIMIT_RANGES if limits.get(limit) is not None}
    return name, scope, KeyLimits(**given)


def _limit(limits: Object, name: str) -> int:
    least, most = LIMIT_RANGES[name]
    return fields.integer(limits, name, least, least=least, most=most)


def _shown(record: KeyRecord) -> Object:
    return {
        "name": record.name,
        "scope": record.scope,
        "createdAt": record.created_at,
        "limits": record.limits.given(),
    }
