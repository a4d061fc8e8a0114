"""A server where keys are on, for tests: making keys, showing them, and every route that they guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from starlette.routing import Mount, Route
from tests.api.serving import Answer, Api

from tonearm.api import ApiServer, create_app
from tonearm.clock import SystemClock
from tonearm.settings import Settings, load
from tonearm.store.sqlite import open_sqlite


def bearer(text: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {text}"}


async def make(api: Api, name: str, scope: str = "admin", by: str = "", **more: Any) -> str:
    """Make a key; its text."""
    headers = bearer(by) if by else {}
    answer = await api.call("POST", "/keys", json={"name": name, "scope": scope, **more}, headers=headers)
    assert answer.status == 201, answer.body
    return str(answer.body["key"])


async def log_in(api: Api, text: str) -> str:
    """Open a session; the text in its cookie."""
    answer = await api.call("POST", "/login", json={"key": text})
    assert answer.status == 200, answer.body
    return answer.headers["Set-Cookie"].partition("tonearm_session=")[2].partition(";")[0]


async def routes() -> list[tuple[str, str]]:
    """Every method and path of the application's own router."""
    store = await open_sqlite(None, SystemClock())
    app = create_app(store, Settings(), SystemClock())
    await store.close()
    found = []
    for route in app.routes:
        if isinstance(route, Route):
            found += [(method, route.path) for method in route.methods or ()]
        else:
            assert isinstance(route, Mount)
            found.append(("GET", route.path))
    return found


@dataclass
class Keyed:
    """A server with an admin's key."""

    api: Api
    admin: str

    async def as_(self, text: str, method: str, path: str = "", **options: Any) -> Answer:
        """A call with a key."""
        return await self.api.call(method, path, headers=bearer(text), **options)


@asynccontextmanager
async def beside(api: Api, **flags: str) -> AsyncIterator[Api]:
    """Another server on the same store."""
    settings = load({"PORT": "0", "QUEUE_RATE_LIMIT_PER_MIN": "0", **flags})
    server = ApiServer(create_app(api.store, settings, SystemClock()), settings)
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Api(server, api.store, http)
    finally:
        await server.stop(1_000)
