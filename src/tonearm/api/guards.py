"""Guards: requests that a foreign web page makes through somebody's browser are turned away before any route.

`HostGuard` refuses names that are not ours, so that a page whose name suddenly points here (DNS rebinding)
reads nothing. `OriginGuard` refuses changes asked for by a page of another site, by what the browser says of itself.
Neither knows about keys.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tonearm.api.answers import refusal
from tonearm.api.peers import from_proxy
from tonearm.api.protocol import AUTHORITY
from tonearm.errors import RefusalCode
from tonearm.settings import Settings

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
"""Sec-Fetch-Site of a page of ours, and of what a person typed; a neighbour under the same domain is not ours."""
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[^\s:/@\[\]]+))(?::\d*)?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class HostGuard:
    """Lets through IP literals, localhost, this machine's name and `name.local`, and what the settings allow."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        machine = socket.gethostname().lower()
        short = machine.partition(".")[0]
        self._names = {"localhost", machine, short, f"{short}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._ours(scope):
            await self._app(scope, receive, send)
            return
        answer = refusal(
            scope,
            RefusalCode.WRONG_HOST,
            "This server is not called by that name (QUEUE_ALLOWED_HOSTS lists further names)",
        )
        await answer(scope, receive, send)

    def _ours(self, scope: Scope) -> bool:
        """Every name that was called is ours: Host, what a trusted proxy was called by, and the authority of an
        absolute target, which counts instead of Host (RFC 9112, 3.2.2).

        A client without any Host is no browser and cannot be led astray; two of them are no honest request.
        """
        hosts, authority = Headers(scope=scope).getlist("host"), scope.get(AUTHORITY)
        called = [*hosts, *([] if authority is None else [authority]), *_forwarded(scope)]
        return len(hosts) <= 1 and all(self._is_ours(host) for host in called)

    def _is_ours(self, host: str) -> bool:
        form = _HOST.fullmatch(host.strip().lower())
        if form is None:
            return False
        name = form["name"] or form["ipv6"]
        return name.rstrip(".") in self._names or _is_address(name) or self._is_allowed(name.rstrip("."))

    def _is_allowed(self, name: str) -> bool:
        return any(name == allowed.lower().rstrip(".") for allowed in self._settings.allowed_hosts)


class OriginGuard:
    """Refuses unsafe methods whose Origin is not the host that was called, or that come from another site's page.

    Behind a trusted proxy, the host that was called stands in X-Forwarded-Host.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS or self._own(scope):
            await self._app(scope, receive, send)
            return
        answer = refusal(scope, RefusalCode.FORBIDDEN, "A page of another site may not change the queue")
        await answer(scope, receive, send)

    def _own(self, scope: Scope) -> bool:
        """Every Origin and every Sec-Fetch-Site there is has to be ours; whoever sends none is no browser."""
        headers = Headers(scope=scope)
        (host,) = _forwarded(scope) or (headers.get("host", ""),)
        return all(_same_place(origin, host) for origin in headers.getlist("origin")) and all(
            site.strip().lower() in _OWN_SITES for site in headers.getlist("sec-fetch-site")
        )


def _forwarded(scope: Scope) -> tuple[str, ...]:
    """The host that a trusted proxy says it was called by, the first of them; of nobody else, and of none, nothing."""
    told = Headers(scope=scope).get("x-forwarded-host") if from_proxy(scope) else None
    return (told.partition(",")[0],) if told else ()


def _same_place(origin: str, host: str) -> bool:
    """Whether *origin* is the host that was called, a default port written or not."""
    parts = urlsplit(origin.strip().lower())
    port = _DEFAULT_PORTS.get(parts.scheme)
    return port is not None and parts.netloc.removesuffix(port) == host.strip().lower().removesuffix(port)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
