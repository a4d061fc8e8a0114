"""Guards: requests that a foreign web page makes through somebody's browser are turned away before any route.

`HostGuard` refuses names that are not ours, so that a page whose name suddenly points here (DNS rebinding)
reads nothing. `OriginGuard` refuses changes asked for by a page of another site. Neither knows about keys.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tonearm.api.answers import refusal
from tonearm.errors import RefusalCode

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[^\s:/@\[\]]+))(?::\d*)?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class HostGuard:
    """Lets through IP literals, localhost, this machine's name and `name.local`, and the names of *allowed*."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        machine = socket.gethostname().lower()
        short = machine.partition(".")[0]
        self._names = {"localhost", machine, short, f"{short}.local", *(name.lower().rstrip(".") for name in allowed)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._ours(Headers(scope=scope).getlist("host")):
            await self._app(scope, receive, send)
            return
        answer = refusal(
            scope,
            RefusalCode.WRONG_HOST,
            "This server is not called by that name (QUEUE_ALLOWED_HOSTS lists further names)",
        )
        await answer(scope, receive, send)

    def _ours(self, hosts: list[str]) -> bool:
        """A client without any Host is no browser and cannot be led astray; two of them are no honest request."""
        if len(hosts) != 1:
            return not hosts
        form = _HOST.fullmatch(hosts[0].strip().lower())
        if form is None:
            return False
        name = form["name"] or form["ipv6"]
        return name.rstrip(".") in self._names or _is_address(name)


class OriginGuard:
    """Refuses unsafe methods whose Origin is not the host that was called.

    Behind a proxy among *trusted* (addresses or networks), the host that was called stands in X-Forwarded-Host.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[str]) -> None:
        self._app = app
        self._trusted = [ipaddress.ip_network(network) for network in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS or self._same_site(scope):
            await self._app(scope, receive, send)
            return
        answer = refusal(scope, RefusalCode.FORBIDDEN, "A page of another site may not change the queue")
        await answer(scope, receive, send)

    def _same_site(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            return True
        parts = urlsplit(origin.strip().lower())
        port = _DEFAULT_PORTS.get(parts.scheme)
        host = headers.get("host", "")
        if self._from_proxy(scope):
            host = headers.get("x-forwarded-host", host).split(",")[0]
        return port is not None and parts.netloc.removesuffix(port) == host.strip().lower().removesuffix(port)

    def _from_proxy(self, scope: Scope) -> bool:
        peer = scope.get("client")
        if not self._trusted or not peer:
            return False
        try:
            address = ipaddress.ip_address(peer[0])
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
