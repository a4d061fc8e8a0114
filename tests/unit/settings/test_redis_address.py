"""The address of a Redis: every form that leads somewhere, and why others do not."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.settings.redisaddress import Node, RedisAddress, Trust, WrongAddress


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://nas", RedisAddress("server", (Node("nas", 6_379),))),
        ("redis://nas:7000/3", RedisAddress("server", (Node("nas", 7_000),), db=3)),
        ("redis://nas?db=3", RedisAddress("server", (Node("nas", 6_379),), db=3)),
        ("redis://[::1]:7000", RedisAddress("server", (Node("::1", 7_000),))),
        ("redis://:p%40ss@nas", RedisAddress("server", (Node("nas", 6_379),), password="p@ss")),
        ("redis://ann:pw@nas/", RedisAddress("server", (Node("nas", 6_379),), username="ann", password="pw")),
        ("rediss://nas", RedisAddress("server", (Node("nas", 6_379),), tls=Trust())),
        (
            "rediss://nas?ssl_ca_certs=/etc/ca.pem&ssl_check_hostname=false",
            RedisAddress("server", (Node("nas", 6_379),), tls=Trust("/etc/ca.pem", check_hostname=False)),
        ),
        ("rediss://nas?ssl_cert_reqs=none", RedisAddress("server", (Node("nas", 6_379),), tls=Trust(anybody=True))),
        ("unix:///run/my%20redis.sock?db=2", RedisAddress("socket", path="/run/my redis.sock", db=2)),
        ("unix://:pw@/run/redis.sock", RedisAddress("socket", path="/run/redis.sock", password="pw")),
        (
            "redis+sentinel://ann:pw@a,b:7001/music/1?sentinel_username=eve&sentinel_password=other",
            RedisAddress(
                "sentinel",
                (Node("a", 26_379), Node("b", 7_001)),
                service="music",
                db=1,
                username="ann",
                password="pw",
                sentinel_username="eve",
                sentinel_password="other",
            ),
        ),
        ("rediss+sentinel://a/music", RedisAddress("sentinel", (Node("a", 26_379),), service="music", tls=Trust())),
        ("redis+cluster://a:1,b", RedisAddress("cluster", (Node("a", 1), Node("b", 6_379)))),
        ("rediss+cluster://a/0", RedisAddress("cluster", (Node("a", 6_379),), tls=Trust())),
    ],
)
def test_an_address_says_where_the_queue_is(url: str, address: RedisAddress) -> None:
    """Each form of the documents is understood."""
    assert RedisAddress.parse(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "does not begin with one of redis://"),
        ("http://nas", "does not begin with one of redis://"),
        ("redis+tcp://nas", "does not begin with one of redis://"),
        ("nas:6379", "does not begin with one of redis://"),
        ("redis://", "names no host"),
        ("redis:///0", "names no host"),
        ("redis://a,b", "several hosts"),
        ("redis://nas:99999", "not between 1 and 65535"),
        ("redis://nas:0", "not between 1 and 65535"),
        ("redis://nas:x", "not of the form host"),
        ("redis://::1", "not of the form host"),
        ("redis://[::1", "bracket"),
        ("redis://nas/one", "no number"),
        ("redis://nas/-1", "no number"),
        ("redis://nas/0/1", "more than the number"),
        ("redis://na s", "space"),
        ("redis://nas\n", "control character"),
        ("redis://a:b@c@nas", "%40"),
        ("redis://:pw#x@nas", "%23"),
        ("redis://nas?timeout=3", "none of db"),
        ("redis://nas?db", "name=value"),
        ("redis://nas?db=%ff", "name=value"),
        ("redis://nas?ssl_ca_certs=/x", "rediss://"),
        ("rediss://nas?ssl_cert_reqs=maybe", "neither of required, none"),
        ("redis://nas?sentinel_password=x", "redis+sentinel:// alone"),
        ("unix://run/redis.sock", "three slashes"),
        ("unix:///", "names no socket"),
        ("redis+sentinel://a:26379", "name the service"),
        ("redis+cluster://a/1", "only database 0"),
        ("redis+cluster://a,,b", "not of the form host"),
    ],
)
def test_a_wrong_address_is_refused_for_a_reason(url: str, why: str) -> None:
    """The reason helps, and the forms that we offer are understood."""
    with pytest.raises(WrongAddress, match=why.replace("+", r"\+")):
        RedisAddress.parse(url)


@given(st.text() | st.from_regex(r"(redis|rediss|unix)(\+sentinel|\+cluster)?://[ -~]{0,40}", fullmatch=True))
def test_garbage_is_refused_and_never_crashes(text: str) -> None:
    """Whatever is typed is an address or a `WrongAddress`."""
    with contextlib.suppress(WrongAddress):
        RedisAddress.parse(text)


@pytest.mark.parametrize(
    "url",
    [
        "redis://ann:hunter2@nas:7000/3",
        "rediss+sentinel://ann:hunter2@a:1,[::1]:2/music?sentinel_password=hunter2",
        "unix://ann:hunter2@/run/redis.sock",
        "redis+cluster://ann:hunter2@a:1",
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str) -> None:
    """In messages and in logs."""
    address = RedisAddress.parse(url)

    assert "hunter2" not in f"{address} {address!r}"
    assert str(address).startswith(url.partition("ann")[0])


def test_a_reason_does_not_repeat_the_secret() -> None:
    """What is wrong with an address is said without the address."""
    with pytest.raises(WrongAddress) as caught:
        RedisAddress.parse("redis://ann:hunter2@c@hunter2")

    assert "hunter2" not in str(caught.value)
