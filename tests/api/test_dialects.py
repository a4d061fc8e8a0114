"""The two browser clients that are there already, as they talk: neither sends a header of its own.

The older one polls figures, lists while something runs, and clears failures with a DELETE for each. The newer one
polls the dashboard, filters by status, acts by PATCH, and shows `error` of whatever refuses (`test_refusals`).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.api.conftest import Serve
from tests.api.serving import WORKER, Answer, Api
from tests.contract import steps
from tests.support.clock import FakeClock

from tonearm.model import Mark, Phase, Status, Transfer, WorkerReport


def wanted(number: int) -> dict[str, Any]:
    """What both submit."""
    return {"job": {"type": "track", "trackId": number, "quality": "LOSSLESS", "trackTitle": f"Song {number}"}}


async def failures(api: Api, count: int) -> set[str]:
    """So many jobs that failed."""
    ids = {await api.submit(number=number) for number in range(1, count + 1)}
    for _ in ids:
        await steps.fail(api.store, await steps.claim_one(api.store, WORKER))
    return ids


# the record that both draw

ALWAYS = {
    *("id", "job", "jobType", "status", "progress", "createdAt", "lastUpdatedAt", "priority", "retryCount"),
    *("maxRetries", "bytesDownloaded", "files", "client", "history"),
}
"""Members of every record."""
DONE = {"startedAt", "completedAt", "bytesTotal", "fileSize", "downloadTimeMs"}
ALBUM = {"trackCount", "completedTracks", "failedTracks", "trackProgress", "fileCount", "failedCount"}
BESIDE = {
    "queued": set[str](),
    "processing": {"startedAt", "bytesTotal", "speedBytesPerSecond", "etaSeconds"},
    "stopping": {"startedAt", "cancellationRequested"},
    "pausing": {"startedAt", "pauseRequested"},
    "paused": set[str](),
    "delayed": {"startedAt", "lastError", "nextRetryAt"},
    "completed": DONE,
    "failed": {"startedAt", "completedAt", "error", "lastError", "failureCode", "errorCategory"},
    "cancelled": {"completedAt"},
    "album": ALBUM,
    "partial": ALBUM | DONE | {"outcome", "error", "lastError"},
}
"""What stands beside them, by what became of the job."""
TYPES = {
    str: "id jobType status priority client error lastError failureCode errorCategory outcome",
    int: "createdAt startedAt completedAt lastUpdatedAt retryCount maxRetries nextRetryAt bytesDownloaded bytesTotal"
    " speedBytesPerSecond downloadTimeMs fileSize trackCount completedTracks fileCount failedCount",
    float: "progress etaSeconds",
    bool: "cancellationRequested pauseRequested",
    list: "files failedTracks trackProgress history",
    dict: "job",
}
"""Members by the type of their value."""


async def test_every_field_of_the_record_stands_where_it_is_known(api: Api) -> None:
    """All of the contract's fields, each in the states that have it, of its type, and no others."""
    records = {name: await api.job(job_id) for name, job_id in (await _one_of_each(api)).items()}
    listed = {job["id"]: job for job in (await api.call("GET", "/")).body["jobs"]}

    assert {name: set(record) - ALWAYS for name, record in records.items()} == BESIDE
    types = {name: kind for kind, names in TYPES.items() for name in names.split()}
    assert set(types) == ALWAYS.union(*BESIDE.values())
    for record in records.values():
        assert {name: type(value) for name, value in record.items()} == {name: types[name] for name in record}
        assert set(listed[record["id"]]) == set(record) - {"history", "trackProgress"}


async def _one_of_each(api: Api) -> dict[str, str]:
    """Jobs by what became of them."""
    store, made = api.store, dict[str, str]()
    made["completed"] = await api.submit(number=1)
    await steps.complete(store, await steps.claim_one(store, WORKER))
    made["failed"] = await api.submit(number=2)
    await steps.fail(store, await steps.claim_one(store, WORKER))
    made["delayed"] = await api.submit(number=3)
    await steps.delay(store, await steps.claim_one(store, WORKER))
    made["partial"] = await api.submit("album", 4)
    await steps.expand(store, await steps.claim_album(store, WORKER), 2)
    first, second = await steps.claim_all(store, WORKER)
    await steps.complete(store, first)
    await steps.fail(store, second)
    made["processing"] = await api.submit(number=5)
    claim = await steps.claim_one(store, WORKER)
    transfer = Transfer(claim.task_id, claim.token, Mark(Phase.TRANSFER, 2_500_000, 10_000_000), speed=1_000_000)
    await store.report(WorkerReport(WORKER, 1, 4, (transfer,)))
    for name, number, action in (("stopping", 6, "cancel"), ("pausing", 7, "pause")):
        made[name] = await api.submit(number=number)
        await steps.claim_one(store, WORKER)
        await api.call("PATCH", f"/{made[name]}", json={"action": action})
    for name, number, action in (("cancelled", 8, "cancel"), ("paused", 9, "pause")):
        made[name] = await api.submit(number=number)
        await api.call("PATCH", f"/{made[name]}", json={"action": action})
    return made | {"queued": await api.submit(number=10), "album": await api.submit("album", 11)}


# the older


async def test_the_older_lists_only_while_something_runs(api: Api) -> None:
    """The figures that it decides by, and the fields of the records that it draws."""
    idle = (await api.call("GET", "/stats")).body
    assert idle["queue"]["queued"] + idle["queue"]["processing"] == 0
    job_id = await api.submit()
    await steps.claim_one(api.store, WORKER)
    busy = (await api.call("GET", "/stats/")).body
    (job,) = (await api.call("GET", "/")).body["jobs"]

    assert (busy["success"], busy["queue"]["processing"], busy["worker"]["running"]) == (True, 1, True)
    assert (job["id"], job["status"], job["progress"], job["job"]["trackId"]) == (job_id, "processing", 0, 11)


async def test_the_older_clears_failures_with_deletes_side_by_side(api: Api) -> None:
    """Each is answered, and the list is empty afterwards."""
    ids = await failures(api, 12)
    failed = [job["id"] for job in (await api.call("GET")).body["jobs"] if job["status"] == "failed"]
    answers = await asyncio.gather(*[api.call("DELETE", f"/{job_id}") for job_id in failed])

    assert {answer.body["jobId"] for answer in answers} == ids
    assert {(answer.status, answer.body["message"]) for answer in answers} == {(200, "Job removed")}
    assert (await api.call("GET")).body["count"] == 0


async def test_the_older_polls_and_deletes_on_while_its_submissions_are_too_many(serve: Serve) -> None:
    """The eleventh in a minute is 429 with Retry-After; what is no submission is never held up."""
    api = await serve(FakeClock(), QUEUE_RATE_LIMIT_PER_MIN="10")
    answers: list[Answer] = []
    for number in range(1, 12):
        answers.append(await api.call("POST", json=wanted(number)))
        assert (await api.call("GET", "/stats")).status == 200
    refused = answers.pop()
    assert [answer.status for answer in answers] == [201] * 10
    assert (refused.status, refused.body["code"], refused.headers["Retry-After"]) == (429, "RATE_LIMITED", "60")

    gone = await asyncio.gather(
        *[api.call("DELETE", f"/{answer.body['jobId']}") for answer in answers],
        *[api.call("GET", path) for path in ("/stats", "") for _ in range(10)],
    )
    assert {answer.status for answer in gone} == {200}
    assert (await api.call("POST", json=wanted(99))).status == 429


# the newer


async def test_the_newer_filters_by_each_status(api: Api) -> None:
    """One job of every status, each found under its own and only there."""
    (failed,) = await failures(api, 1)
    completed = await api.submit(number=2)
    await steps.complete(api.store, await steps.claim_one(api.store, WORKER))
    processing = await api.submit(number=3)
    await steps.claim_one(api.store, WORKER)
    paused, cancelled, queued = [await api.submit(number=number) for number in (4, 5, 6)]
    for job_id, action in ((paused, "pause"), (cancelled, "cancel")):
        assert (await api.call("PATCH", f"/{job_id}", json={"action": action})).body["success"] is True

    found = {}
    for status in Status:
        answer = await api.call("GET", f"?status={status}")
        found[status] = [job["id"] for job in answer.body["jobs"]]
    assert found == {
        Status.QUEUED: [queued],
        Status.PROCESSING: [processing],
        Status.PAUSED: [paused],
        Status.COMPLETED: [completed],
        Status.FAILED: [failed],
        Status.CANCELLED: [cancelled],
    }


async def test_the_newer_acts_by_patch(api: Api) -> None:
    """Pause, resume, cancel, retry and prioritize, each with the words that it shows."""
    job_id = await api.submit()
    for action, message in (
        ("pause", "Pause requested"),
        ("resume", "Resume requested"),
        ("prioritize", "Priority changed"),
        ("cancel", "Cancellation requested"),
        ("retry", "Retry requested"),
    ):
        answer = await api.call("PATCH", f"/{job_id}/", json={"action": action})
        assert (answer.status, answer.body) == (200, {"success": True, "message": message, "jobId": job_id})


async def test_the_newer_reads_figures_and_an_error_where_no_worker_lives(serve: Serve) -> None:
    """503 with the same figures, so that the page stays filled."""
    clock = FakeClock()
    api = await serve(clock)
    await api.submit()
    clock.advance(600_000)
    answer = await api.call("GET", "/stats")

    assert (answer.status, answer.body["success"], answer.body["error"]) == (503, False, "No worker is running")
    assert answer.body["queue"]["queued"] == 1


async def test_the_newer_draws_the_dashboard_alone(api: Api) -> None:
    """Every half second: the figures by their names, and the jobs as lists have them."""
    await _one_of_each(api)
    body = (await api.call("GET", "/dashboard")).body

    assert set(body) == {"success", "queue", "worker", "metrics", "queueSource", "timestamp", "jobs", "generatedAt"}
    assert set(body["queue"]) == {*Status, "total"}
    assert set(body["worker"]) == {"running", "activeDownloads", "maxConcurrent", "lastHeartbeat"}
    assert set(body["metrics"]) == {
        *("total_jobs", *Status, "avg_success_rate", "avg_retry_count", "total_download_time_ms"),
        *("avg_job_duration_ms", "failure_by_code"),
    }
    assert body["jobs"] == (await api.call("GET", "/")).body["jobs"]
    assert body["queue"] == {status: sum(job["status"] == status for job in body["jobs"]) for status in Status} | {
        "total": len(body["jobs"])
    }


# both


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_neither_sends_headers(api: Api, method: str) -> None:
    """Without Accept, Origin, User-Agent or a key, the answer is JSON; a body has its type and length, no more."""
    job_id = await api.submit()
    path, body = {"GET": ("", b""), "DELETE": (f"/{job_id}", b""), "POST": ("", b"")}[method]
    extra = ""
    if method == "POST":
        body = b'{"job": {"type": "track", "trackId": 7, "quality": "LOW"}}'
        extra = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head = f"{method} /api/download-queue{path} HTTP/1.1\r\nHost: {api.host}\r\n{extra}Connection: close\r\n\r\n"
    said = await api.raw(head.encode() + body)

    assert said.startswith(b"HTTP/1.1 201" if method == "POST" else b"HTTP/1.1 200")
    assert b"content-type: application/json\r\n" in said.lower()
    assert b'"success":true' in said
