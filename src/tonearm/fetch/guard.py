"""The guard: which addresses are never connected to, checked on the address itself at the moment of connecting.

A name that resolves to something private, a redirect into the local network and a rebinding name server all end here,
because the check sees what the socket would be connected to. Whether a host is exempt is decided by who asks (see
`tonearm.fetch.line`), not here: an address does not say which name led to it.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from aiohappyeyeballs import AddrInfoType

# IANA IPv4 Special-Purpose Address Registry (RFC 6890), everything not globally reachable, and multicast.
_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the metadata service of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

# IPv6 has one block of global unicast. Loopback, mapped and compatible IPv4, NAT64 (64:ff9b::/96 and 64:ff9b:1::/48),
# unique local, link- and site-local and multicast all lie outside it; inside it these are not for us.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocols, with Teredo and ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)


class RefusedAddress(OSError):
    """The guard's veto, in the form that a connector passes on.

    The text is the same for every address on purpose: several refusals of one host are then reported as one.
    """

    def __init__(self, address: str) -> None:
        super().__init__("the address is not public")
        self.address = address


def is_public(address: str) -> bool:
    """Tell whether *address* (as the resolver gave it) is one of the open internet. What cannot be read is not."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _REFUSED_V4)
    return ip in _GLOBAL_V6 and not any(ip in network for network in _REFUSED_V6)


def public_socket(info: AddrInfoType) -> socket.socket:
    """Make the socket for one resolved address, public ones only.

    Raises:
        RefusedAddress: the guard's veto; no socket was made.
    """
    address = str(info[4][0])
    if not is_public(address):
        raise RefusedAddress(address)
    return any_socket(info)


def any_socket(info: AddrInfoType) -> socket.socket:
    """Make the socket for one resolved address of a host that the operator named."""
    family, kind, protocol, _, _ = info
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return made
