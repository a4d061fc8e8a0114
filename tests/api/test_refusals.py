"""What is refused: each row of the table in `refusals.py`, asked of a real server, and what stands beside the table."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path

import pytest
from tests.api.conftest import Serve
from tests.api.refusals import ROWS, TRACK, Asked, Row
from tests.api.serving import WORKER, Answer, Api
from tests.contract import steps
from tests.support.clock import FakeClock

from tonearm.api.answers import STATUSES
from tonearm.errors import FailureCode, RefusalCode
from tonearm.model import ClaimRequest, Failure, Mark, Phase, Retry

HERE = Path(__file__).parent
ELSEWHERE = {
    RefusalCode.STORE_UNAVAILABLE: "test_accidents.py",
    RefusalCode.INTERNAL: "test_accidents.py",
    RefusalCode.IDEMPOTENCY_MISMATCH: "test_idempotency.py",
    RefusalCode.REQUEST_TIMEOUT: "test_connections.py",
    RefusalCode.WORKER_DOWN: "test_dashboard.py",
    RefusalCode.FILE_UNAVAILABLE: "test_archives.py",
    RefusalCode.TOO_MANY_STREAMS: "test_events.py",
    RefusalCode.METHOD_NOT_ALLOWED: "test_refusals.py",
    RefusalCode.CLIENT_BYTES_EXCEEDED: "test_refusals.py",
    RefusalCode.NOT_IMPLEMENTED: "test_search.py",
    RefusalCode.CATALOG_UNAVAILABLE: "test_search.py",
}
"""Codes that no single request to a server in good order gets, and the tests that show them."""
PROBLEM = "application/problem+json"


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_what_is_refused(serve: Serve, row: Row) -> None:
    """Status, code, words and members of every input, as JSON and as a problem of RFC 9457, and nothing has changed."""
    api = await serve(**row.settings)
    done = await api.submit(number=2)
    await steps.complete(api.store, await steps.claim_one(api.store, WORKER))
    names = {"{job}": await api.submit(number=1), "{done}": done}
    admin = await _keys(api, names) if row.keyed else {}
    before = (await api.call("GET", headers=admin)).body

    plain = {name: await _ask(api, names, asked) for name, asked in row.inputs.items()}
    problems = {name: await _ask(api, names, asked, PROBLEM) for name, asked in row.inputs.items()}

    phrase = {"type": "about:blank", "title": HTTPStatus(row.status).phrase, "status": row.status}
    for name, answer in plain.items():
        told = answer.body
        assert (name, answer.status, told["success"], told["code"]) == (name, row.status, False, row.code)
        assert told["error"] == (row.error or told["error"]) != ""
        assert (name, {member: told.get(member) for member in row.members}) == (name, row.members)
        assert ("Retry-After" in answer.headers) is row.waits
        assert answer.headers["Content-Type"] == "application/json"
        assert problems[name].body == told | phrase | {"detail": told["error"]}
        assert (problems[name].status, problems[name].headers["Content-Type"]) == (row.status, PROBLEM)
    assert (await api.call("GET", headers=admin)).body == before


async def _ask(api: Api, names: dict[str, str], asked: Asked, accept: str = "application/json") -> Answer:
    """The answer, with *names* in path and headers replaced by what they stand for."""
    path, headers = asked.path, {"Accept": accept, **asked.headers}
    for name, value in names.items():
        path = path.replace(name, value)
        headers = {header: text.replace(name, value) for header, text in headers.items()}
    body = {"data": asked.data} if asked.json is None else {"json": asked.json}
    return await api.call(asked.method, path, headers=headers, **body)


async def _keys(api: Api, names: dict[str, str]) -> dict[str, str]:
    """Turn keys on and add a reader's to *names*; the header that shows the admin's."""
    root = (await api.call("POST", "/keys", json={"name": "root", "scope": "admin"})).body["key"]
    admin = {"Authorization": f"Bearer {root}"}
    made = await api.call("POST", "/keys", json={"name": "reader", "scope": "read"}, headers=admin)
    names["{reader}"] = made.body["key"]
    return admin


async def test_unknown_fields_are_accepted_and_named_in_a_warning(api: Api) -> None:
    """Fields that older clients send are never used and never silently dropped."""
    job = {**TRACK, "coverUrl": "http://x", "targetArtistDir": "../..", "targetFilenameHint": "x", "albumId": 9}
    answer = await api.call("POST", json={"job": job, "color": "red"})

    named = "color, job.coverUrl, job.targetArtistDir, job.targetFilenameHint, job.albumId"
    assert (answer.status, answer.body["warning"]) == (201, f"Fields that are not used: {named}")
    assert (await api.job(answer.body["jobId"]))["job"] == TRACK


async def test_a_job_of_exactly_the_limit_is_accepted(api: Api) -> None:
    """1,024 bytes are not too many."""
    body = b'{"job": {"type": "track", "trackId": 1, "quality": "LOW"}}'.ljust(1_024)

    assert (await api.call("POST", data=body, headers={"Content-Type": "application/json"})).status == 201


async def test_why_the_state_refuses_an_action_is_said(api: Api) -> None:
    """Beside the words that clients show, with the job's id."""
    job_id = await api.submit()
    await api.call("PATCH", f"/{job_id}", json={"action": "cancel"})
    answer = await api.call("PATCH", f"/{job_id}", json={"action": "pause"})

    assert answer.body["reason"]
    assert answer.body["jobId"] == job_id


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


async def test_a_job_that_ends_makes_room_in_the_queue(serve: Serve) -> None:
    """What was refused with QUEUE_FULL is accepted then."""
    api = await serve(QUEUE_CRITICAL_SIZE="1")
    first = await api.submit(number=1)
    assert (await api.call("POST", json={"job": {**TRACK, "trackId": 3}})).status == 503
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
async def test_problem_details_for_those_who_accept_them(api: Api, accept: str, problem: bool) -> None:  # noqa: FBT001 - a case of the table
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


def test_every_code_has_a_row_or_a_test_elsewhere() -> None:
    """So no code is added that no test shows."""
    assert {row.code for row in ROWS}.isdisjoint(ELSEWHERE)
    assert {row.code for row in ROWS} | set(ELSEWHERE) == set(RefusalCode)
    assert [code for code, name in ELSEWHERE.items() if f'"{code}"' not in (HERE / name).read_text("utf-8")] == []
