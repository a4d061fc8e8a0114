"""Attacks 8, 9, 10 and 32: what a foreign page makes somebody's browser do, and what it does with the answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.api.conftest import Serve
from tests.api.serving import PREFIX, Api

from tonearm.errors import StoreUnavailable

JOB = b'{"job": {"type": "track", "trackId": 1, "quality": "LOW"}}'
FORM_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
FRAMING = "frame-ancestors 'none'"


async def test_a_foreign_name_gets_nothing_in_any_place_of_a_request(api: Api) -> None:
    """Attack 8: not as Host, not in a list, not as the authority of an absolute target beside a Host of ours."""
    for target, host in (
        (PREFIX, "evil.example"),
        (PREFIX, "localhost, evil.example"),
        (f"http://evil.example{PREFIX}", "localhost"),
        (f"http://localhost{PREFIX}", "evil.example"),
        (f"http://evil.example@localhost{PREFIX}", "localhost"),
    ):
        answer = await api.raw(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 421 "), (target, host)
        assert b'"jobs"' not in answer


async def test_a_proxy_that_hands_on_every_name_opens_no_other(serve: Serve) -> None:
    """Attack 8: a name that points at the proxy for a moment is a foreign one, wherever the proxy writes it."""
    api = await serve(QUEUE_TRUSTED_PROXIES="127.0.0.1", QUEUE_ALLOWED_HOSTS="music.example")
    for told, status in (("music.example", 200), ("evil.example", 421), ("evil.example, music.example", 421)):
        for headers in ({"Host": "127.0.0.1"}, {"Host": "music.example"}):
            answer = await api.call("GET", headers={**headers, "X-Forwarded-Host": told})
            assert answer.status == status, (told, headers)


@pytest.mark.parametrize("kind", FORM_TYPES)
async def test_a_cross_site_form_with_json_in_it_queues_nothing(api: Api, kind: str) -> None:
    """Attack 9: a form needs no preflight, and none of its types is read, with or without what a browser adds."""
    for added in (
        {},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = await api.call("POST", data=JOB, headers={"Content-Type": kind, **added})
        assert (answer.status, answer.body["code"]) in {(403, "FORBIDDEN"), (415, "UNSUPPORTED_MEDIA_TYPE")}

    assert (await api.call("GET")).body["count"] == 0


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1.evil.example"])
async def test_no_origin_is_reflected_and_none_but_ours_changes_anything(api: Api, origin: str) -> None:
    """Attack 10: `null` of a sandboxed frame, another port, a name that begins like ours, JSON as its type."""
    headers = {"Origin": origin, "Content-Type": "application/json"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answers = [
        await api.call("POST", data=JOB, headers=headers),
        await api.call("GET", headers={"Origin": origin}),
        await api.call("OPTIONS", headers={"Origin": origin, **asked}),
    ]

    assert [answer.status for answer in answers] == [403, 200, 405]
    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert (await api.call("GET")).body["count"] == 0


async def test_a_host_that_agrees_with_a_foreign_origin_is_not_ours(api: Api) -> None:
    """Attack 10: a rebound name sends the same Origin and Host, and both are foreign."""
    headers = {"Origin": "http://evil.example", "Host": "evil.example", "Content-Type": "application/json"}

    assert (await api.call("POST", data=JOB, headers=headers)).status == 421


async def _away(*_: object, **__: object) -> None:
    raise StoreUnavailable("away")


async def _broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError


async def test_every_answer_may_be_framed_sniffed_and_embedded_by_nobody(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Attack 32: pages, assets, JSON, metrics, refusals of every layer, accidents."""
    api = await serve(DOWNLOAD_DIR=str(tmp_path))
    job_id = await api.submit()
    await api.call("PATCH", f"/{job_id}", json={"action": "cancel"})
    seen: list[tuple[int, dict[str, str]]] = []

    async def look(path: str, method: str = "GET", **headers: str) -> None:
        async with api.http.request(method, api.url + path, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            seen.append((answer.status, {name.lower(): value for name, value in answer.headers.items()}))

    pages = ["/", "/docs", "/openapi.json", "/docs-assets/swagger-ui.css", "/docs-assets/none", "/healthz", "/nothing"]
    for path in (*pages, PREFIX, f"{PREFIX}/{job_id}", f"{PREFIX}/{job_id}/archive", f"{PREFIX}/stats"):
        await look(path)
        await look(path, "HEAD")
        await look(path, "TRACE")
    await look(PREFIX, Host="evil.example")
    await look(PREFIX, "POST", Origin="null")
    await look(PREFIX, "POST")
    for failure, status in ((_away, 503), (_broken, 500)):
        monkeypatch.setattr(api.store, "job", failure)
        await look(f"{PREFIX}/{job_id}")
        assert seen[-1][0] == status

    assert {200, 400, 403, 404, 405, 415, 421, 500, 503} >= {status for status, _ in seen} >= {200, 403, 404, 405, 421}
    for _, headers in seen:
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["content-security-policy"].startswith("default-src 'none'; ")
        assert FRAMING in headers["content-security-policy"]
        assert not [name for name in headers if name.startswith("access-control-")]


async def test_an_answer_that_no_route_gave_is_protected_too(api: Api) -> None:
    """Attack 32: 400 for what is not HTTP comes from below the application."""
    answer = await api.raw(b"<script>alert(1)</script>\r\n\r\n", end=True)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"script" not in answer
    for header in (b"X-Content-Type-Options: nosniff", FRAMING.encode(), b"Content-Type: text/plain"):
        assert header in answer
