"""Peers: who is at the other end of a connection, as the name under which limits and fair shares count.

Behind a proxy the socket says only which proxy it is. `Behind` believes what a proxy among QUEUE_TRUSTED_PROXIES says
of those it speaks for, and nobody else: of `X-Forwarded-For` the rightmost hop that is no such proxy, of
`X-Forwarded-Proto` the last word. Nothing here decides what a client may do.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tonearm.model import KeyRecord, SubmitLimits

LOCAL = "local"
"""Whoever comes over a unix socket."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CLIENT = "tonearm.client"
"""Where `Behind` leaves the address of the client, if a trusted proxy told it."""
_PROXIED = "tonearm.proxied"
"""Whether the socket is that of a trusted proxy."""
_HOP = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}|([0-9A-Fa-f:.]+)")


class Behind:
    """Finds who is behind the proxies of *trusted* (addresses or networks).

    The application sees the client by `client_name`, and `https` as the scope's `scheme` where the client spoke TLS to
    the proxy. A socket that is not one of *trusted*, or a unix socket, is taken as it is, whatever its headers say.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[str]) -> None:
        self._app = app
        self._trusted = tuple(ipaddress.ip_network(network) for network in trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = _socket_address(scope) if self._trusted and scope["type"] == "http" else None
        if peer is not None and self._trusts(peer):
            scope = {**scope, _PROXIED: True, _CLIENT: self._client(peer, scope)}
            scheme = _listed(scope, "x-forwarded-proto")[-1:]
            if scheme and scheme[0].lower() in ("http", "https"):
                scope["scheme"] = scheme[0].lower()
        await self._app(scope, receive, send)

    def _client(self, peer: Address, scope: Scope) -> Address:
        """The rightmost hop that is not trusted.

        A hop that cannot be read ends the search: who stands left of it was not told by anybody we know, so the
        request counts for the proxy that passed it on. Where all are trusted it is the first of them.
        """
        client = peer
        for hop in reversed(_listed(scope, "x-forwarded-for")):
            address = _hop_address(hop)
            if address is None:
                break
            client = address
            if not self._trusts(client):
                break
        return client

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def client_name(scope: Scope) -> str:
    """The client of a request: the name of its key, else the address it comes from."""
    key: KeyRecord | None = scope.get("tonearm.key")
    return peer_name(scope) if key is None else key.owner


def peer_name(scope: Scope) -> str:
    """The address that a request comes from, IPv6 by its /64, since one household has that many."""
    address: Address | None = scope.get(_CLIENT) or _socket_address(scope)
    if address is None:
        return LOCAL
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback:
        return str(address)
    return str(ipaddress.IPv6Network((address, 64), strict=False))


def key_limits(scope: Scope, limits: SubmitLimits) -> SubmitLimits:
    """What holds for the jobs of a request: *limits*, but for what its key has of its own."""
    key: KeyRecord | None = scope.get("tonearm.key")
    if key is None:
        return limits
    own = key.limits
    return replace(
        limits,
        rate_per_minute=limits.rate_per_minute if own.rate is None else own.rate,
        client_unfinished=limits.client_unfinished if own.size is None else own.size,
        client_bytes=limits.client_bytes if own.bytes is None else own.bytes,
    )


def from_proxy(scope: Scope) -> bool:
    """Whether a trusted proxy speaks, so that its other `X-Forwarded` headers count too."""
    return bool(scope.get(_PROXIED))


def _socket_address(scope: Scope) -> Address | None:
    """The other end of the socket; None for a unix socket."""
    peer = scope.get("client")
    return _address(str(peer[0]).partition("%")[0]) if peer else None


def _hop_address(hop: str) -> Address | None:
    """The address of one hop, with or without a port; None if it is none (a name, `unknown`, a zone, nonsense)."""
    form = _HOP.fullmatch(hop)
    return None if form is None else _address(form[1] or form[2] or form[3])


def _address(text: str) -> Address | None:
    """An address in its plain form: IPv4 that was written as IPv6 is IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None) or address


def _listed(scope: Scope, name: str) -> list[str]:
    """The parts of a header that is a list, over all lines of that name in their order."""
    return list(_parts(Headers(scope=scope).getlist(name)))


def _parts(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from (part.strip() for part in line.split(","))
