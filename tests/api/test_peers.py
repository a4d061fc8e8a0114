"""Who a client is: the address of its socket, coarse enough for one household."""

from __future__ import annotations

import pytest

from tonearm.api.peers import client_name


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        (("192.0.2.7", 5000), "192.0.2.7"),
        (("127.0.0.1", 5000), "127.0.0.1"),
        (("::1", 5000), "::1"),
        (("::ffff:192.0.2.7", 5000), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 5000), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 5000), "fe80::/64"),
        (None, "local"),
        (("", 0), "local"),
    ],
)
def test_the_name_of_a_peer(peer: tuple[str, int] | None, name: str) -> None:
    """IPv4 as it is, IPv6 by its /64, a unix socket as `local`."""
    assert client_name({"type": "http", "client": peer}) == name
