"""Paths: the API with and without a slash at the end, and everything with and without the base path of a proxy.

Some proxies take BASE_PATH off and some leave it on; both arrive here without it, and no answer is a redirect.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/api/download-queue"
"""Where everything that is about jobs lies."""

STATS = f"{PREFIX}/stats"
BATCH = f"{PREFIX}/batch"
METRICS = f"{PREFIX}/metrics"
DASHBOARD = f"{PREFIX}/dashboard"
EVENTS = f"{PREFIX}/events"
CONTROL = f"{PREFIX}/control"
HEALTH = f"{PREFIX}/health"
WORKERS = f"{PREFIX}/workers"
SEARCH = f"{PREFIX}/search"
WEBHOOKS = f"{PREFIX}/webhooks"
ACTIONS = f"{PREFIX}/actions"
KEYS = f"{PREFIX}/keys"
LOGIN = f"{PREFIX}/login"
LOGOUT = f"{PREFIX}/logout"
FIXED = frozenset(
    {
        *(ACTIONS, BATCH, STATS, DASHBOARD, METRICS, EVENTS, CONTROL, HEALTH, WORKERS, SEARCH, WEBHOOKS),
        *(KEYS, LOGIN, LOGOUT),
    }
)
"""Fixed names where otherwise the id of a job stands."""


class PathForms:
    """Hands on every request under the one form of its path that the routes know."""

    def __init__(self, app: ASGIApp, base_path: str) -> None:
        self._app = app
        self._base = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": self.plain(scope["path"])}
        await self._app(scope, receive, send)

    def plain(self, path: str) -> str:
        """The path without the base path, and below `PREFIX` without one slash at its end."""
        if self._base and (path == self._base or path.startswith(f"{self._base}/")):
            path = path.removeprefix(self._base) or "/"
        return path.removesuffix("/") if path.startswith(f"{PREFIX}/") else path
