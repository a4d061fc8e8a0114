"""Who a client is: the address of its socket, or what a trusted proxy says, coarse enough for one household."""

from __future__ import annotations

import pytest
from starlette.types import Message, Receive, Scope, Send

from tonearm.api.peers import Behind, client_name, from_proxy

PROXY = "10.0.0.1"
TRUSTED = ("10.0.0.0/8", "2001:db8:9::/48", "fd00::1")


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


async def seen_behind(peer: str | None, *headers: tuple[str, str], trusted: tuple[str, ...] = TRUSTED) -> Scope:
    """The scope as the application sees it."""
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    async def receive() -> Message:
        raise AssertionError("nobody reads")

    async def send(message: Message) -> None:
        raise AssertionError(f"nobody answers {message}")

    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "scheme": "http", "client": (peer, 5000) if peer else None, "headers": raw}
    await Behind(app, trusted)(scope, receive, send)
    return seen[0]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["192.0.2.1, 203.0.113.9"], "203.0.113.9"),
        (["192.0.2.1, 203.0.113.9, 10.9.9.9"], "203.0.113.9"),
        (["192.0.2.1", "203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9", "10.2.2.2,10.3.3.3"], "203.0.113.9"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2:3::4]"], "2001:db8:1:2::/64"),
        (["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        (["203.0.113.9, 2001:db8:9:1::1, fd00::1"], "203.0.113.9"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, ::ffff:10.1.1.1"], "203.0.113.9"),
        (["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ([], PROXY),
    ],
)
async def test_behind_a_trusted_proxy_the_rightmost_hop_that_is_not_trusted_is_the_client(
    lines: list[str], name: str
) -> None:
    """Several lines are one list; a hop may carry a port; where all are proxies it is the first of them."""
    scope = await seen_behind(PROXY, *(("X-Forwarded-For", line) for line in lines))

    assert (client_name(scope), from_proxy(scope)) == (name, True)


@pytest.mark.parametrize(
    "hop",
    [
        *(
            "",
            "unknown",
            "_hidden",
            "localhost",
            "music.example",
            "1.2.3",
            "1.2.3.4.5",
            "0x7f.1",
            "2130706433",
            "010.0.0.1",
        ),
        *("1.2.3.4:", "1.2.3.4:x", "1.2.3.4:123456", "[1.2.3.4", "[::1]x", ":::", "fe80::1%eth0", "1.2.3.4 5.6.7.8"),
        *("10.0.0.0/8", '"1.2.3.4"', "for=1.2.3.4", "1.2.3.4;5.6.7.8", "\u00b9.2.3.4", "1.2.3.4\x00"),
    ],
)
async def test_a_hop_that_cannot_be_read_is_never_trusted(hop: str) -> None:
    """Nor is what stands left of it: the request counts for the proxy that passed it on."""
    assert client_name(await seen_behind(PROXY, ("X-Forwarded-For", f"192.0.2.1, {hop}"))) == PROXY
    assert client_name(await seen_behind(PROXY, ("X-Forwarded-For", f"192.0.2.1, {hop}, 10.7.7.7"))) == "10.7.7.7"
    assert client_name(await seen_behind(PROXY, ("X-Forwarded-For", f"{hop}, 203.0.113.9"))) == "203.0.113.9"


@pytest.mark.parametrize("peer", ["203.0.113.9", "11.0.0.1", "2001:db8:8::1", None])
async def test_who_is_not_a_trusted_proxy_forges_nothing(peer: str | None) -> None:
    """Neither an address nor TLS; a unix socket is nobody's proxy."""
    forged = (("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https"), ("Forwarded", "for=192.0.2.1"))
    plain = await seen_behind(peer)
    scope = await seen_behind(peer, *forged)

    assert (client_name(scope), scope["scheme"], from_proxy(scope)) == (client_name(plain), "http", False)
    assert client_name(await seen_behind(PROXY, *forged, trusted=())) == PROXY


@pytest.mark.parametrize("peer", ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8:9::7", "fd00::1"])
async def test_a_proxy_is_known_by_its_address_in_either_family(peer: str) -> None:
    """A socket for both families tells IPv4 as IPv6; that is the same proxy."""
    assert client_name(await seen_behind(peer, ("X-Forwarded-For", "203.0.113.9"))) == "203.0.113.9"


@pytest.mark.parametrize(
    ("lines", "scheme"),
    [
        ([], "http"),
        (["https"], "https"),
        (["HTTPS"], "https"),
        (["https, http"], "http"),
        (["http", "https"], "https"),
        (["https,"], "http"),
        (["ftp"], "http"),
        (["https\x00"], "http"),
    ],
)
async def test_a_trusted_proxy_says_whether_tls_was_used(lines: list[str], scheme: str) -> None:
    """The last word of X-Forwarded-Proto is that of the proxy which speaks to us."""
    assert (await seen_behind(PROXY, *(("X-Forwarded-Proto", line) for line in lines)))["scheme"] == scheme
