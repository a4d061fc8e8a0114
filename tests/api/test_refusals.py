"""The table of what is refused, line by line, against a real server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import Serve
from tests.api.serving import WORKER, Api
from tests.support.clock import FakeClock

from tonearm.api.answers import STATUSES
from tonearm.errors import FailureCode, RefusalCode
from tonearm.model import ClaimRequest, Failure, Mark, Phase, Retry

TRACK = {"type": "track", "trackId": 11, "quality": "LOSSLESS"}
JSON = {"Content-Type": "application/json"}
JOBS: dict[str, tuple[Any, str, str, str | None]] = {
    "no job": ({}, "INVALID_JOB", "Invalid job format", "job"),
    "job is a text": ({"job": "track"}, "INVALID_JOB", "Invalid job format", "job"),
    "job is a list": ({"job": [TRACK]}, "INVALID_JOB", "Invalid job format", "job"),
    "no type": ({"job": {"trackId": 1, "quality": "LOW"}}, "INVALID_JOB", "Invalid job format", "type"),
    "unknown type": ({"job": {**TRACK, "type": "playlist"}}, "INVALID_JOB", "Invalid job format", "type"),
    "type is a number": ({"job": {**TRACK, "type": 1}}, "INVALID_JOB", "Invalid job format", "type"),
    "type is a list": ({"job": {**TRACK, "type": ["track"]}}, "INVALID_JOB", "Invalid job format", "type"),
    "track without id": (
        {"job": {"type": "track", "quality": "LOW"}},
        "INVALID_JOB",
        "Track job requires trackId and quality",
        None,
    ),
    "track without quality": (
        {"job": {"type": "track", "trackId": 1}},
        "INVALID_JOB",
        "Track job requires trackId and quality",
        None,
    ),
    "album with the id of a track": (
        {"job": {"type": "album", "trackId": 1, "quality": "LOW"}},
        "INVALID_JOB",
        "Album job requires albumId and quality",
        None,
    ),
    **{
        f"id {wrong!r}": (
            {"job": {**TRACK, "trackId": wrong}},
            "INVALID_ID",
            "trackId must be a whole number from 1 to 2147483647",
            "trackId",
        )
        for wrong in (0, -1, 2**31, 10**30, 1.5, 1.0, "5", "", True, False, [1], {"a": 1})
    },
    "album id": (
        {"job": {"type": "album", "albumId": 0, "quality": "LOW"}},
        "INVALID_ID",
        "albumId must be a whole number from 1 to 2147483647",
        "albumId",
    ),
    **{
        f"quality {wrong!r}": (
            {"job": {**TRACK, "quality": wrong}},
            "INVALID_QUALITY",
            "quality must be one of LOW, HIGH, LOSSLESS (QUEUE_QUALITY_ALIASES can map other words to these)",
            "quality",
        )
        for wrong in ("HI_RES_LOSSLESS", "lossless", "", 1, None.__class__.__name__, ["LOW"], {"a": 1})
    },
    **{
        f"priority {wrong!r}": (
            {"job": TRACK, "priority": wrong},
            "INVALID_FIELD",
            "priority must be one of high, normal, low",
            "priority",
        )
        for wrong in ("urgent", 1, True, ["high"])
    },
    **{
        f"retries {wrong!r}": (
            {"job": TRACK, "maxRetries": wrong},
            "INVALID_FIELD",
            "maxRetries must be a whole number from 0 to 20",
            "maxRetries",
        )
        for wrong in (-1, 21, 1.5, "3", True)
    },
    "duplicates": (
        {"job": TRACK, "checkDuplicate": "yes"},
        "INVALID_FIELD",
        "checkDuplicate must be true or false",
        "checkDuplicate",
    ),
    "paused": ({"job": TRACK, "startPaused": 1}, "INVALID_FIELD", "startPaused must be true or false", "startPaused"),
    "title": ({"job": {**TRACK, "trackTitle": 5}}, "INVALID_FIELD", "trackTitle must be a text", "trackTitle"),
}


@pytest.mark.parametrize(("body", "code", "error", "field"), JOBS.values(), ids=JOBS)
async def test_what_is_no_job(api: Api, body: Any, code: str, error: str, field: str | None) -> None:
    """400 with a code, the words that clients show, and the name of the field."""
    answer = await api.call("POST", json=body)

    assert answer.status == 400
    assert answer.body == {"success": False, "error": error, "code": code} | ({"field": field} if field else {})
    assert (await api.call("GET")).body["count"] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": ""},
        {**JSON, "Content-Encoding": "gzip"},
        {**JSON, "Content-Encoding": "br"},
    ],
    ids=str,
)
async def test_another_content_type_or_a_compressed_body(api: Api, headers: dict[str, str]) -> None:
    """415 before the body is looked at."""
    answer = await api.call("POST", data=b'{"job": 1}', headers=headers)

    assert (answer.status, answer.body["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("type=playlist", "type"),
        ("sort=size", "sort"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=99999999999999999999", "limit"),
    ],
)
async def test_a_parameter_that_is_out_of_range(api: Api, query: str, field: str) -> None:
    """400 INVALID_FIELD names it."""
    answer = await api.call("GET", f"?{query}")

    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "INVALID_FIELD", field)


@pytest.mark.parametrize("path", ["?cursor=nonsense", "?cursor=%00", "?sort=created&cursor=%F0%9F%92%99"])
async def test_a_cursor_that_nobody_gave(api: Api, path: str) -> None:
    """400 INVALID_CURSOR, for jobs as for tracks."""
    answer = await api.call("GET", path)

    assert (answer.status, answer.body["code"]) == (400, "INVALID_CURSOR")


@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        ({}, "INVALID_JOB", "Unknown action"),
        ({"action": "explode"}, "INVALID_JOB", "Unknown action"),
        ({"action": 1}, "INVALID_JOB", "Unknown action"),
        ({"action": ["cancel"]}, "INVALID_JOB", "Unknown action"),
        ({"action": "prioritize", "priority": "top"}, "INVALID_FIELD", "priority must be one of high, normal, low"),
        ({"action": "cancel"}, "NOT_FOUND", "Could not cancel job (not found or already completed)"),
        ({"action": "pause"}, "NOT_FOUND", "Could not pause job (not found or already completed)"),
        ({"action": "resume"}, "NOT_FOUND", "Could not resume job (not found or already completed)"),
        ({"action": "retry"}, "NOT_FOUND", "Could not retry job (not found or not finished)"),
        ({"action": "prioritize"}, "NOT_FOUND", "Could not prioritize job (not found or already completed)"),
    ],
    ids=str,
)
@pytest.mark.parametrize("job_id", ["job-1-a", "nonsense"])
async def test_an_action_that_is_unknown_or_about_an_unknown_job(
    api: Api, job_id: str, body: dict[str, Any], code: str, error: str
) -> None:
    """400 in both cases, with the words that clients show."""
    answer = await api.call("PATCH", f"/{job_id}", json=body)

    assert (answer.status, answer.body["code"], answer.body["error"]) == (400, code, error)


async def test_an_action_that_the_state_refuses(api: Api) -> None:
    """400 WRONG_STATE, the same words, and why."""
    job_id = await api.submit()
    await api.call("PATCH", f"/{job_id}", json={"action": "cancel"})

    for action in ("pause", "resume", "prioritize"):
        answer = await api.call("PATCH", f"/{job_id}", json={"action": action})
        assert (answer.status, answer.body["code"]) == (400, "WRONG_STATE")
        assert answer.body["error"] == f"Could not {action} job (not found or already completed)"
        assert answer.body["reason"]
        assert answer.body["jobId"] == job_id


@pytest.mark.parametrize("job_id", ["job-1-a", "job-1-A", "job-x", "x", "%00", "..%2Fx", "job-1-a%0A", "💙"])
@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("DELETE", ""), ("GET", "/tracks")])
async def test_a_job_that_does_not_exist_or_cannot(api: Api, method: str, job_id: str, rest: str) -> None:
    """404 `Job not found`, or for a path of another shape a 404 in the same form."""
    answer = await api.call(method, f"/{job_id}{rest}")

    assert (answer.status, answer.body["code"], answer.body["success"]) == (404, "NOT_FOUND", False)
    if "%2F" not in job_id:
        assert answer.body["error"] == "Job not found"


async def test_more_submissions_than_the_rate_allows(serve: Serve) -> None:
    """429 RATE_LIMITED with Retry-After; refused input, duplicates, reading and changing cost nothing."""
    api = await serve(FakeClock(), QUEUE_RATE_LIMIT_PER_MIN="3")
    first = await api.submit(number=1)
    for _ in range(10):
        assert (await api.call("POST", json={"job": {}})).status == 400
        assert (await api.call("POST", json={"job": {**TRACK, "trackId": 1}})).status == 200
        assert (await api.call("GET", f"/{first}")).status == 200
        assert (await api.call("PATCH", f"/{first}", json={"action": "prioritize"})).status == 200
    await api.submit(number=2)
    await api.submit(number=3)
    answer = await api.call("POST", json={"job": {**TRACK, "trackId": 4}})

    assert (answer.status, answer.body["code"]) == (429, "RATE_LIMITED")
    assert answer.body["limit"] == {"name": "rate", "allowed": 3}
    assert answer.headers["Retry-After"] == "60"
    assert (await api.call("DELETE", f"/{first}")).status == 200


async def test_the_rate_allows_again_when_it_said_so(serve: Serve) -> None:
    """After the seconds of Retry-After the same submission is accepted."""
    clock = FakeClock()
    api = await serve(clock, QUEUE_RATE_LIMIT_PER_MIN="1")
    await api.submit(number=1)
    clock.advance(20_000)
    refused = await api.call("POST", json={"job": {**TRACK, "trackId": 2}})
    assert refused.headers["Retry-After"] == "40"
    clock.advance(40_000)

    await api.submit(number=2)


async def test_more_unfinished_jobs_than_a_client_may_have(serve: Serve) -> None:
    """429 CLIENT_QUEUE_FULL and the limit."""
    api = await serve(QUEUE_MAX_SIZE="2")
    await api.submit(number=1)
    await api.submit(number=2)
    answer = await api.call("POST", json={"job": {**TRACK, "trackId": 3}})

    assert (answer.status, answer.body["code"], answer.body["limit"]) == (
        429,
        "CLIENT_QUEUE_FULL",
        {"name": "size", "allowed": 2},
    )
    assert int(answer.headers["Retry-After"]) >= 1


async def test_more_bytes_than_a_client_may_receive_in_a_day(serve: Serve) -> None:
    """429 CLIENT_BYTES_EXCEEDED until the second that Retry-After names; what adds no job is answered as before."""
    clock = FakeClock()
    api = await serve(clock, QUEUE_CLIENT_DAILY_BYTES="1000")
    await api.submit(number=1)
    (claim,) = (await api.store.claim(ClaimRequest(WORKER, 1, 0, 60_000))).claims
    why = Failure(FailureCode.TIMEOUT, "Download timeout (30s)")
    await api.store.settle(claim, Retry(why, 60_000), Mark(Phase.TRANSFER, 1_000, 8_000, received=1_000))
    again = {"job": {**TRACK, "trackId": 2}}

    answer = await api.call("POST", json=again)

    assert (answer.status, answer.body["code"]) == (429, "CLIENT_BYTES_EXCEEDED")
    assert answer.body["limit"] == {"name": "bytes", "allowed": 1_000}
    assert re.search(r"1,000 bytes in 24 hours\. Try again in 24 h \d+ min", answer.body["error"])
    assert (await api.call("POST", json={"job": {**TRACK, "trackId": 1}})).body["duplicate"]
    (in_batch,) = (await api.call("POST", "/batch", json={"jobs": [again]})).body["results"]
    assert (in_batch["code"], in_batch["limit"]) == ("CLIENT_BYTES_EXCEEDED", answer.body["limit"])
    wait_ms = int(answer.headers["Retry-After"]) * 1_000
    clock.advance(wait_ms - 1_000)
    assert (await api.call("POST", json=again)).headers["Retry-After"] == "1"
    clock.advance(1_000)
    await api.submit(number=2)


async def test_more_unfinished_jobs_than_the_queue_may_have(serve: Serve) -> None:
    """503 QUEUE_FULL with Retry-After; a finished job makes room."""
    api = await serve(QUEUE_CRITICAL_SIZE="2")
    first = await api.submit(number=1)
    await api.submit(number=2)
    answer = await api.call("POST", json={"job": {**TRACK, "trackId": 3}})

    assert (answer.status, answer.body["code"], answer.body["limit"]) == (
        503,
        "QUEUE_FULL",
        {"name": "queue", "allowed": 2},
    )
    assert int(answer.headers["Retry-After"]) >= 1
    await api.call("DELETE", f"/{first}")
    await api.submit(number=3)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "", "DELETE, GET, HEAD, POST"),
        ("PATCH", "", "DELETE, GET, HEAD, POST"),
        ("DELETE", "/actions", "POST"),
        ("GET", "/actions/", "POST"),
        ("POST", "/job-1-a", "DELETE, GET, HEAD, PATCH"),
        ("PUT", "/job-1-a/", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/job-1-a/tracks", "GET, HEAD"),
        ("POST", "/stats", "GET, HEAD"),
        ("DELETE", "/stats", "GET, HEAD"),
        ("PATCH", "/stats/", "GET, HEAD"),
        ("OPTIONS", "/stats", "GET, HEAD"),
        ("POST", "//healthz", "GET, HEAD"),
        ("DELETE", "//", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_does_not_have(api: Api, method: str, path: str, allow: str) -> None:
    """405 in the same form, and Allow lists those it has."""
    answer = await api.call(method, path, json={"action": "cancel"})

    assert (answer.status, answer.body["code"], answer.headers["Allow"]) == (405, "METHOD_NOT_ALLOWED", allow)
    assert answer.body["success"] is False


@pytest.mark.parametrize("path", ["/job-1-a/nothing", "/job-1-a/tracks/1", "//", "//api", "//nothing", "//docs/x"])
async def test_a_path_that_does_not_exist(api: Api, path: str) -> None:
    """404 in the same form, under the prefix and outside."""
    answer = await api.call("GET", "//api/download-queue//" if path == "//" else path)

    assert (answer.status, answer.body["code"], answer.body["success"]) == (404, "NOT_FOUND", False)


@pytest.mark.parametrize(
    ("accept", "problem"),
    [
        ("application/problem+json", True),
        ("application/json, application/problem+json;q=0.9", True),
        ("text/html, Application/Problem+JSON", True),
        ("application/problem+json;q=0", False),
        ("application/json", False),
        ("*/*", False),
    ],
)
async def test_problem_details_for_those_who_accept_them(api: Api, accept: str, problem: bool) -> None:  # noqa: FBT001
    """The same body with the members of RFC 9457, under its own type."""
    answer = await api.call("POST", json={"job": {**TRACK, "trackId": 0}}, headers={"Accept": accept})
    plain = {
        "success": False,
        "error": "trackId must be a whole number from 1 to 2147483647",
        "code": "INVALID_ID",
        "field": "trackId",
    }
    members = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": plain["error"]}

    assert answer.body == (plain | members if problem else plain)
    assert answer.headers["Content-Type"] == f"application/{'problem+' if problem else ''}json"


def test_every_code_has_a_status_and_the_reference_says_the_same() -> None:
    """docs/reference/codes.md and the code agree on the status of each refusal."""
    page = (Path(__file__).parents[2] / "docs/reference/codes.md").read_text("utf-8")
    documented = {name: int(status) for name, status in re.findall(r"^\| `([A-Z_]+)` \| (\d{3})", page, re.MULTILINE)}

    assert set(STATUSES) == set(RefusalCode)
    assert documented == {code.value: status for code, status in STATUSES.items()}
