"""Which addresses are never connected to."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.fetch.guard import RefusedAddress, is_public, public_socket


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.251",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",  # IPv4-compatible
        "::ffff:127.0.0.1",  # IPv4-mapped
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",  # IPv4-translated
        "64:ff9b::7f00:1",  # NAT64
        "64:ff9b:1::1",  # NAT64, local use
        "100::1",  # discard
        "2001::1",  # Teredo
        "2001:10::1",  # ORCHID
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",  # 6to4
        "3fff::1",
        "5f00::1",  # SRv6
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "",
    ],
)
def test_an_address_that_is_not_of_the_open_internet_is_refused(address: str) -> None:
    """Private, local, embedded, reserved and unreadable addresses never get a socket."""
    assert not is_public(address)
    with pytest.raises(RefusedAddress) as refused:
        public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80)))
    assert refused.value.address == address


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1"])
@pytest.mark.parametrize("embed", ["", "2606:4700::", "2a00:1450:4001::"])
def test_a_public_address_gets_a_socket(address: str, embed: str) -> None:
    """Ordinary unicast addresses of both families are let through, and the neighbours of refused networks too."""
    if embed:
        assert is_public(f"{embed}1")
    else:
        with public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80))) as made:
            assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@given(st.ip_addresses())
def test_the_guard_is_never_more_generous_than_the_standard_library(address: object) -> None:
    """What Python's registry of special addresses calls not global, the guard refuses."""
    ip = ip_address(str(address))
    if is_public(str(ip)):
        assert ip.is_global
        assert not ip.is_multicast
