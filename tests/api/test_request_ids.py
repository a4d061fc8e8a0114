"""Ids of requests: given by the client or made here, in every answer and in every line of the log."""

from __future__ import annotations

import re

import pytest
from tests.api.serving import Api
from tests.support.told import telling

from tonearm.api.requests import REQUEST_ID

MADE = re.compile(r"[0-9a-f]{16}")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", "", 200), ("GET", "/job-1-a", 404), ("PUT", "", 405), ("GET", "//nothing", 404), ("HEAD", "", 200)),
        *(("POST", "", 415), ("GET", "//healthz", 200), ("GET", "//", 200)),
    ],
)
async def test_every_answer_has_the_id_that_the_request_gave(api: Api, method: str, path: str, status: int) -> None:
    """Refusals, pages and probes too."""
    headers = {REQUEST_ID: "trace-1.2:3/4+5="}
    url = api.url + (path[1:] if path.startswith("//") else f"/api/download-queue{path}")
    async with api.http.request(method, url, headers=headers) as answer:
        assert (answer.status, answer.headers.getall(REQUEST_ID)) == (status, ["trace-1.2:3/4+5="])


async def test_a_foreign_host_is_refused_with_an_id_too(api: Api) -> None:
    """What a guard turns away can be found in the log."""
    answer = await api.call("GET", headers={"Host": "evil.example", REQUEST_ID: "r1"})

    assert (answer.status, answer.headers[REQUEST_ID]) == (421, "r1")


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", "schön", '"', "a;b"])
async def test_an_id_that_is_missing_long_or_odd_is_replaced(api: Api, given: str | None) -> None:
    """So it is harmless wherever it is shown."""
    answer = await api.call("GET", headers={} if given is None else {REQUEST_ID: given})

    assert MADE.fullmatch(answer.headers[REQUEST_ID])


async def test_two_ids_are_none(api: Api) -> None:
    """Whoever stands between us and the client does not get to choose."""
    headers = [(REQUEST_ID, "one"), (REQUEST_ID, "two")]

    assert MADE.fullmatch((await api.call("GET", headers=headers)).headers[REQUEST_ID])


async def test_what_is_no_request_is_answered_with_an_id(api: Api) -> None:
    """The one answer that does not come out of the application."""
    with telling("json", "debug") as told:
        answer = await api.raw(b"NOT HTTP\r\n\r\n")

    found = re.search(rb"\r\nX-Request-Id: ([0-9a-f]{16})\r\n", answer)
    assert found
    assert [line["request_id"] for line in told.lines if line["event"] == "What came is no request"] == [
        found[1].decode()
    ]


async def test_lines_of_a_request_name_it_and_the_job_that_it_is_about(api: Api) -> None:
    """A submission, an action and a refusal, each under the id of the job; a list under none."""
    with telling("json", "debug") as told:
        job = {"job": {"type": "track", "trackId": 11, "quality": "LOSSLESS"}}
        job_id = (await api.call("POST", json=job, headers={REQUEST_ID: "r1"})).body["jobId"]
        await api.call("PATCH", f"/{job_id}", json={"action": "cancel"}, headers={REQUEST_ID: "r2"})
        await api.call("PATCH", f"/{job_id}/", json={"action": "pause"}, headers={REQUEST_ID: "r3"})
        await api.call("GET", headers={REQUEST_ID: "r4"})

    lines = [(line["request_id"], line["job"], line["event"]) for line in told.lines if "request_id" in line]
    assert lines == [
        ("r1", job_id, "Submitted"),
        ("r1", job_id, "Request"),
        ("r2", job_id, "Cancelled"),
        ("r2", job_id, "Asked of a job"),
        ("r2", job_id, "Request"),
        ("r3", job_id, "Request"),
        ("r4", None, "Request"),
    ]
