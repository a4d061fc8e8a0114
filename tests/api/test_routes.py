"""The table of routes, row by row: what each answers with, the same with and without a slash at the end.

What the members hold is shown by the tests of each noun; here stands which there are, and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.api.serving import PREFIX, WORKER, Api
from tests.contract import steps

TRACK = {"type": "track", "trackId": 11, "quality": "LOSSLESS"}
STATS = {"success", "queue", "worker", "metrics", "queueSource", "timestamp"}
CONTROL = {"success", "paused", "bandwidthLimit", "maxConcurrent", "overrides", "workers"}
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Row:
    """A request and its answer: status, the members of the body (none: it is no JSON), some headers, some values.

    In a path, `{job}` is a queued track, `{done}` and `{cancelled}` are what they say, `{album}` one with two tracks.
    """

    method: str
    path: str
    status: int
    members: set[str] = field(default_factory=set[str])
    json: Any = None
    accept: str = "*/*"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _acts(action: str, message: str, path: str = "/{job}", **more: str) -> Row:
    values = {"success": True, "message": message}
    return Row("PATCH", path, 200, {"success", "message", "jobId"}, {"action": action, **more}, values=values)


ROWS = (
    Row(
        *("POST", "", 201, {"success", "jobId", "message", "queueSource"}, {"job": {**TRACK, "trackId": 7}}),
        values={"success": True, "message": "track job queued successfully", "queueSource": "memory"},
    ),
    Row(
        *("POST", "", 201, {"success", "jobId", "message", "queueSource", "warning"}),
        json={"job": {**TRACK, "trackId": 7}, "coverUrl": "x"},
    ),
    Row(
        *("POST", "", 200, {"success", "jobId", "message", "queueSource", "duplicate"}, {"job": TRACK}),
        values={"success": True, "duplicate": True},
    ),
    Row("POST", "/batch", 200, {"success", "results", "queueSource"}, {"jobs": [{"job": TRACK}, {}]}),
    Row("GET", "", 200, {"success", "jobs", "count"}, values={"count": 4}),
    Row("GET", "?status=queued&type=track&q=job&client=127.0.0.1&sort=-created", 200, {"success", "jobs", "count"}),
    Row("GET", "?outcome=partial", 200, {"success", "jobs", "count"}, values={"count": 0}),
    Row("GET", "?limit=1", 200, {"success", "jobs", "count", "nextCursor"}, values={"count": 1}),
    Row("GET", "/{job}", 200, {"success", "job"}),
    _acts("cancel", "Cancellation requested"),
    _acts("pause", "Pause requested"),
    _acts("resume", "Resume requested"),
    _acts("retry", "Retry requested", "/{cancelled}"),
    _acts("prioritize", "Priority changed", priority="low"),
    Row("DELETE", "/{job}", 200, {"success", "message", "jobId"}, values={"message": "Job cancelled"}),
    Row("DELETE", "/{done}", 200, {"success", "message", "jobId"}, values={"message": "Job removed"}),
    Row("DELETE", "/{done}?files=false", 200, {"success", "message", "jobId"}, values={"message": "Job removed"}),
    Row("DELETE", "/{done}?files=true", 409, {"success", "error", "code"}, values={"code": "FILE_UNAVAILABLE"}),
    Row("POST", "/actions", 200, {"success", "results"}, {"action": "pause", "jobIds": ["job-1-a"]}),
    Row("POST", "/actions", 200, {"success", "results"}, {"action": "retry", "status": "failed"}),
    Row("DELETE", "?status=completed", 200, {"success", "message", "removed"}, values={"removed": 1}),
    Row("DELETE", "?status=completed&outcome=partial", 200, {"success", "message", "removed"}, values={"removed": 0}),
    Row("GET", "/{album}/tracks", 200, {"success", "tracks", "count"}, values={"count": 2}),
    Row("GET", "/{album}/tracks?limit=1", 200, {"success", "tracks", "count", "nextCursor"}),
    Row("GET", "/{job}/archive", 400, {"success", "error", "code"}, values={"code": "WRONG_STATE"}),
    Row("GET", "/{done}/cover", 204),
    Row("GET", "/search?q=blue", 501, {"success", "error", "code"}, values={"code": "NOT_IMPLEMENTED"}),
    Row("GET", "/stats", 200, STATS, values={"queueSource": "memory"}, headers={"Cache-Control": "no-cache"}),
    Row("GET", "/dashboard", 200, STATS | {"jobs", "generatedAt"}, headers={"Cache-Control": "no-cache"}),
    Row("GET", "/metrics", 200, {"success", "queue", "metrics", "generatedAt", "source"}),
    Row("GET", "/metrics", 200, accept="text/plain", headers={"Content-Type": TEXT}),
    Row("GET", "/health", 200, {"success", "status", "worker", "queue", "failures", "store", "disk"}),
    Row("HEAD", "/events", 200, headers={"Content-Type": "text/event-stream"}),
    Row("GET", "/control", 200, CONTROL, values={"paused": False, "workers": 1}),
    Row("PATCH", "/control", 200, CONTROL, {"paused": True}, values={"paused": True}),
    Row("GET", "/workers", 200, {"success", "workers", "queueSource", "timestamp"}),
    Row(
        "GET",
        "/webhooks",
        200,
        {"success", "addresses", "signed", "waiting", "deliveries", "timestamp"},
        values={"waiting": 0},
    ),
    Row("POST", "/webhooks", 400, {"success", "error", "code"}, values={"code": "WRONG_STATE"}),
    Row(
        "POST",
        "/keys",
        201,
        {"success", "name", "scope", "createdAt", "limits", "key"},
        {"name": "ann", "scope": "admin"},
    ),
    Row("GET", "/keys", 200, {"success", "keys"}, values={"keys": []}),
    Row("DELETE", "/keys/nobody", 404, {"success", "error", "code"}),
    Row("POST", "/login", 401, {"success", "error", "code"}, {"key": "tonearm_x"}),
    Row("POST", "/logout", 200, {"success", "message"}),
)


@pytest.mark.parametrize("slash", ["", "/"], ids=["plain", "slash"])
@pytest.mark.parametrize("row", ROWS, ids=[f"{row.method} {row.path} {row.json or row.accept}" for row in ROWS])
async def test_each_route_answers_with_and_without_a_slash(api: Api, row: Row, slash: str) -> None:
    """Without a redirect, with the same status, headers and members."""
    jobs = await _jobs(api)
    path, question, query = row.path.partition("?")
    url = f"{api.url}{PREFIX}{path.format(**jobs)}{slash}{question}{query}"
    options: dict[str, Any] = {"json": row.json, "headers": {"Accept": row.accept}, "allow_redirects": False}
    async with api.http.request(row.method, url, **options) as answer:
        body = await answer.json() if row.members else {}

    assert (answer.status, set(body)) == (row.status, row.members)
    assert {name: answer.headers[name] for name in row.headers} == row.headers
    assert {name: body[name] for name in row.values} == row.values
    assert not row.members or answer.content_type == "application/json"


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/metrics", TEXT),
        ("/healthz", "application/json"),
        ("/readyz", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/openapi.json", "application/json"),
    ],
)
async def test_the_routes_outside(api: Api, path: str, content_type: str) -> None:
    """Each is there, as what it says."""
    async with api.http.get(api.url + path, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)


async def _jobs(api: Api) -> dict[str, str]:
    """Jobs by the names that rows have for them."""
    done = await api.submit(number=2)
    await steps.complete(api.store, await steps.claim_one(api.store, WORKER))
    album = await api.submit("album", 5)
    await steps.expand(api.store, await steps.claim_album(api.store, WORKER), 2)
    cancelled = await api.submit(number=3)
    await api.store.cancel(cancelled)
    return {"done": done, "album": album, "cancelled": cancelled, "job": await api.submit()}
