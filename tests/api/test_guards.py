"""Guards: foreign names, and changes asked for by pages of other sites."""

from __future__ import annotations

import socket

import pytest
from tests.api.conftest import Serve
from tests.api.serving import Api

MACHINE = socket.gethostname()
JOB = {"job": {"type": "track", "trackId": 1, "quality": "LOW"}}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8080",
        "192.0.2.7",
        "[::1]",
        "[::1]:8080",
        "[2001:db8::1]:80",
        "localhost",
        "LOCALHOST:9",
        "localhost.",
        MACHINE,
        f"{MACHINE.partition('.')[0]}.local:8080",
        "music.example",
        "Music.Example:443",
    ],
)
async def test_names_that_are_ours(serve: Serve, host: str) -> None:
    """Addresses, localhost, the machine's own names, and those of QUEUE_ALLOWED_HOSTS."""
    api = await serve(QUEUE_ALLOWED_HOSTS="music.example")

    assert (await api.call("GET", "/stats", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::1].evil", "1", "a@localhost"),
        *("localhost, evil.example", "localhost,localhost", "localhost evil.example", "localhost:80:80", "localhost/x"),
    ],
)
@pytest.mark.parametrize("path", ["/stats", "//healthz", "//docs", "//"])
async def test_names_that_are_not_ours(api: Api, host: str, path: str) -> None:
    """421 WRONG_HOST on every path, and the text names the setting."""
    answer = await api.call("GET", path, headers={"Host": host})

    assert (answer.status, answer.body["code"]) == (421, "WRONG_HOST")
    assert "QUEUE_ALLOWED_HOSTS" in answer.body["error"]


async def test_two_names_are_refused_and_none_is_no_browser(api: Api) -> None:
    """An old probe sends no Host; nobody honest sends two."""
    assert (await api.raw(b"GET /healthz HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")
    two = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert (await api.raw(two)).startswith((b"HTTP/1.1 421", b"HTTP/1.1 400"))


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("/healthz", "localhost", 200),
        ("http://localhost/healthz", "localhost", 200),
        ("http://localhost:80/healthz", "localhost", 200),
        ("http://evil.example/healthz", "localhost", 421),
        ("HTTP://evil.example/healthz", "localhost", 421),
        ("http://localhost@evil.example/healthz", "localhost", 421),
        ("http://evil.example@localhost/healthz", "localhost", 421),
        ("http://localhost/healthz", "evil.example", 421),
        ("//evil.example/healthz", "localhost", 404),
        ("http:///healthz", "localhost", 400),
    ],
)
async def test_a_target_that_is_a_whole_url_has_to_be_ours_too(api: Api, target: str, host: str, status: int) -> None:
    """What the target says counts instead of Host, so neither may be foreign; a path stays a path."""
    answer = await api.raw(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    assert int(answer.split()[1]) == status


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://localhost", "localhost"),
        ("http://localhost", "localhost:80"),
        ("http://localhost:80", "localhost"),
        ("https://music.example", "music.example"),
        ("https://music.example:443", "Music.Example"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
async def test_our_own_pages_may_change_the_queue(serve: Serve, origin: str, host: str) -> None:
    """Origin and Host name the same place, whoever speaks TLS in between."""
    api = await serve(QUEUE_ALLOWED_HOSTS="music.example")

    assert (await api.call("POST", json=JOB, headers={"Origin": origin, "Host": host})).status == 201


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://localhost.evil.example",
        "null",
        "http://localhost:9",
        "file://",
        "localhost",
        "",
        "x://",
    ],
)
async def test_pages_of_other_sites_may_not(api: Api, origin: str) -> None:
    """403 FORBIDDEN for every unsafe method; reading is the browser's business."""
    headers = {"Origin": origin, "Host": "localhost"}
    for method, path in (("POST", ""), ("PATCH", "/job-1-a"), ("DELETE", "/job-1-a")):
        answer = await api.call(method, path, json=JOB, headers=headers)
        assert (answer.status, answer.body["code"]) == (403, "FORBIDDEN")

    assert (await api.call("GET", headers=headers)).body["count"] == 0


async def test_the_host_that_a_trusted_proxy_was_called_by_counts(serve: Serve) -> None:
    """X-Forwarded-Host is believed from QUEUE_TRUSTED_PROXIES alone."""
    headers = {"Origin": "https://music.example", "Host": "127.0.0.1:8080", "X-Forwarded-Host": "music.example"}
    trusting = await serve(QUEUE_TRUSTED_PROXIES="127.0.0.0/8", QUEUE_ALLOWED_HOSTS="music.example")
    strict = await serve(QUEUE_TRUSTED_PROXIES="10.0.0.0/8")

    assert (await trusting.call("POST", json=JOB, headers=headers)).status == 201
    assert (await strict.call("POST", json=JOB, headers=headers)).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "same-origin, cross-site", "", "anything"])
async def test_what_the_browser_calls_another_site_may_not_either(api: Api, site: str) -> None:
    """Sec-Fetch-Site cannot be set by a page: a foreign one, or a neighbour under our domain, changes nothing."""
    ours = {"Origin": f"http://{api.host}:{api.port}", "Sec-Fetch-Site": site}
    for method, path in (("POST", ""), ("PATCH", "/job-1-a"), ("DELETE", "/job-1-a")):
        answer = await api.call(method, path, json=JOB, headers=ours)
        assert (answer.status, answer.body["code"]) == (403, "FORBIDDEN")

    assert (await api.call("GET", headers=ours)).body["count"] == 0


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_our_own_page_and_a_typed_address_are_no_other_site(api: Api, site: str) -> None:
    """What the browser itself vouches for is accepted."""
    assert (await api.call("POST", json=JOB, headers={"Sec-Fetch-Site": site})).status == 201
