"""Peers: who is at the other end of a connection, as the name under which limits and fair shares count."""

from __future__ import annotations

import ipaddress

from starlette.types import Scope

LOCAL = "local"
"""Whoever comes over a unix socket."""


def client_name(scope: Scope) -> str:
    """The client of a request: the address of its socket, IPv6 by its /64, since one household has that many."""
    peer = scope.get("client")
    if not peer or not peer[0]:
        return LOCAL
    try:
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    except ValueError:
        return LOCAL
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(ipaddress.IPv6Network((address, 64), strict=False))
