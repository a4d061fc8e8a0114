"""Browsers: what every answer tells them not to do with it.

Whatever came out of a route, a guard or an accident carries these headers: it is not to be taken for another type,
framed, embedded by a foreign page, or told to anybody as a referrer, and nothing in it may run. A page that needs more
says so in a `Content-Security-Policy` of its own, which stays. None has a CORS header, so no foreign page reads one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of an answer that is no page: it loads, runs, sends and is framed by nothing."""

PROTECTION: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": NOTHING,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)
"""The headers, for those who answer without the application too."""

_RAW = tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in PROTECTION.items())


class Protected:
    """Adds to every answer of the application those of the headers that it does not have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def protecting(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                message = {**message, "headers": given + [pair for pair in _RAW if pair[0] not in names]}
            await send(message)

        await self._app(scope, receive, protecting)
