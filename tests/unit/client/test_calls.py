"""The client's calls: what goes out, what comes back, and what is said twice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.support.clients import Connect
from tests.unit.client.playing import JOB_ID, Play, Stage, job

from tonearm.client import Action, Client, Deleted, KeptFile
from tonearm.errors import (
    Invalid,
    LimitName,
    NotFound,
    QuotaExceeded,
    RateLimited,
    RefusalCode,
    Refused,
    ServerUnreachable,
    StoreUnavailable,
    WrongState,
)
from tonearm.model import JobType, Priority, Quality, Status

RECEIPT = {"success": True, "jobId": JOB_ID, "message": "album job queued successfully", "queueSource": "sqlite"}


def refusal(code: str, **more: Any) -> dict[str, Any]:
    return {"success": False, "error": f"No: {code}", "code": code} | more


def test_a_submission_has_the_shape_of_the_contract(stage: Stage, client: Client) -> None:
    """Type, id, quality and priority stand where the server reads them."""
    stage.plays(Play(201, RECEIPT))

    receipt = client.submit(JobType.ALBUM, 5, Quality.HIGH, priority=Priority.LOW, max_retries=1, start_paused=True)

    assert receipt.job_id == JOB_ID
    assert not receipt.duplicate
    assert stage.heard[0].method == "POST"
    assert stage.heard[0].path == "/api/download-queue"
    assert stage.heard[0].body == {
        "job": {"type": "album", "albumId": 5, "quality": "HIGH"},
        "priority": "low",
        "checkDuplicate": True,
        "maxRetries": 1,
        "startPaused": True,
    }


def test_a_base_path_stands_before_every_path(connect: Connect, stage: Stage) -> None:
    """A server behind a proxy is reached below its path."""
    stage.plays(Play(200, {"success": True, "job": job()}))

    with connect(stage.url + "/music/") as client:
        assert client.job(JOB_ID).id == JOB_ID

    assert stage.heard[0].path == f"/music/api/download-queue/{JOB_ID}"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_ID", Invalid),
        (400, "INVALID_QUALITY", Invalid),
        (400, "WRONG_STATE", WrongState),
        (404, "NOT_FOUND", NotFound),
        (429, "RATE_LIMITED", RateLimited),
        (429, "CLIENT_QUEUE_FULL", QuotaExceeded),
        (429, "CLIENT_BYTES_EXCEEDED", QuotaExceeded),
        (503, "QUEUE_FULL", QuotaExceeded),
        (503, "STORE_UNAVAILABLE", StoreUnavailable),
        (500, "INTERNAL", Refused),
        (403, "FORBIDDEN", Refused),
        (418, "FROM_THE_FUTURE", Refused),
    ],
)
def test_a_refusal_becomes_the_error_of_its_code(
    stage: Stage, client: Client, status: int, code: str, kind: type[Exception]
) -> None:
    """The code decides the type; the text stays."""
    stage.plays(Play(status, refusal(code)))

    with pytest.raises(kind) as caught:
        client.act(JOB_ID, Action.CANCEL)

    assert type(caught.value) is kind
    assert code in str(caught.value) or kind is NotFound


def test_an_invalid_field_and_a_limit_are_named(stage: Stage, client: Client) -> None:
    """What the refusal carries beside its text is in the error."""
    seven = {"name": "size", "allowed": 7}
    stage.plays(Play(400, refusal("INVALID_ID", field="albumId")), Play(429, refusal("CLIENT_QUEUE_FULL", limit=seven)))

    with pytest.raises(Invalid) as invalid:
        client.submit(JobType.ALBUM, 5, Quality.HIGH)
    with pytest.raises(QuotaExceeded) as full:
        client.submit(JobType.ALBUM, 5, Quality.HIGH)

    assert invalid.value.field == "albumId"
    assert (full.value.code, full.value.name, full.value.limit) == (RefusalCode.CLIENT_QUEUE_FULL, LimitName.SIZE, 7)


@pytest.mark.parametrize("action", [Action.CANCEL, Action.PAUSE, Action.RESUME])
def test_a_lost_answer_is_asked_for_again_where_twice_is_as_once(stage: Stage, client: Client, action: Action) -> None:
    """A connection cut after the request leads to the same request once more."""
    stage.plays(Play(cut=True), Play(200, {"success": True, "message": "done", "jobId": JOB_ID}))

    assert client.act(JOB_ID, action) == "done"
    assert len(stage.heard) == 2


def test_an_answer_that_ends_early_is_a_lost_one(stage: Stage, client: Client) -> None:
    """Half of a body is not taken for another program's, but asked for again where twice is as once."""
    whole = Play(200, {"success": True, "message": "done", "jobId": JOB_ID})
    half = replace(whole, until=20)
    stage.plays(half, whole, half)

    assert client.act(JOB_ID, Action.CANCEL) == "done"
    with pytest.raises(ServerUnreachable, match="No Tonearm server answers"):
        client.delete(JOB_ID)
    assert [heard.method for heard in stage.heard] == ["PATCH", "PATCH", "DELETE"]


@pytest.mark.parametrize("check_duplicate", [True, False])
def test_a_submission_is_repeated_under_its_key(stage: Stage, client: Client, *, check_duplicate: bool) -> None:
    """By the key that the client drew the server knows a submission again whose answer was lost; each has its own."""
    stage.plays(Play(cut=True), Play(200, RECEIPT))

    client.submit(JobType.ALBUM, 5, Quality.HIGH, check_duplicate=check_duplicate)
    client.submit(JobType.ALBUM, 5, Quality.HIGH, check_duplicate=check_duplicate)

    first, again, other = (heard.headers["Idempotency-Key"] for heard in stage.heard)
    assert first == again != other


def test_what_is_not_safe_twice_is_said_once(stage: Stage, client: Client) -> None:
    """A retry and a removal are not repeated."""
    stage.plays(Play(cut=True))

    with pytest.raises(ServerUnreachable):
        client.act(JOB_ID, Action.RETRY)
    with pytest.raises(ServerUnreachable):
        client.delete(JOB_ID)

    assert len(stage.heard) == 2


def test_a_kept_connection_that_the_server_closed_is_no_failure(stage: Stage, client: Client) -> None:
    """The next call opens another, also where it is said only once."""
    answer = Play(200, {"success": True, "message": "done", "jobId": JOB_ID}, leave=True)
    stage.plays(answer)

    assert client.act(JOB_ID, Action.CANCEL) == "done"
    assert client.act(JOB_ID, Action.CANCEL) == "done"
    assert client.delete(JOB_ID).message == "done"


def test_a_job_is_deleted_with_its_files_only_where_that_is_said(stage: Stage, client: Client) -> None:
    """What went, what stayed and why comes back; without files nothing is said of them."""
    told = {"removedFiles": ["a.flac"], "removedCount": 1, "missingCount": 2}
    kept = {"keptFiles": [{"path": "b.flac", "reason": "changed"}], "keptCount": 1, "warning": "Busy"}
    done = {"success": True, "message": "Job removed", "jobId": JOB_ID}
    stage.plays(Play(200, done), Play(200, done | told | kept))

    plain, whole = client.delete(JOB_ID), client.delete(JOB_ID, files=True)

    assert plain == Deleted(job_id=JOB_ID, message="Job removed")
    assert (whole.removed_files, whole.removed_count, whole.missing_count) == (("a.flac",), 1, 2)
    assert (whole.kept_files, whole.kept_count) == ((KeptFile(path="b.flac", reason="changed"),), 1)
    assert whole.warning == "Busy"
    assert [heard.path.partition(JOB_ID)[2] for heard in stage.heard] == ["", "?files=true"]


def test_jobs_come_page_by_page_as_they_are_taken(stage: Stage, client: Client) -> None:
    """The cursor of a page asks for the next one, and no page is asked for before its time."""
    stage.plays(
        Play(200, {"success": True, "jobs": [job()], "count": 1, "nextCursor": "a b&c"}),
        Play(200, {"success": True, "jobs": [job(status="failed")], "count": 1}),
    )
    jobs = client.jobs(status=Status.FAILED, text="blue", page_size=1)

    assert next(jobs).status is Status.QUEUED
    assert [heard.path for heard in stage.heard] == ["/api/download-queue?status=failed&q=blue&sort=queue&limit=1"]
    assert [job.status for job in jobs] == [Status.FAILED]
    assert stage.heard[1].path.endswith("&cursor=a+b%26c")


def test_the_tracks_of_an_album_come_page_by_page(stage: Stage, client: Client) -> None:
    """An album's tracks are asked for below its id."""
    track = {"trackId": 1, "trackTitle": "Red", "status": "pending", "progress": 0}
    stage.plays(
        Play(200, {"success": True, "tracks": [track], "nextCursor": "n"}),
        Play(200, {"success": True, "tracks": [track | {"trackId": 2}]}),
    )

    assert [track.track_id for track in client.tracks(JOB_ID)] == [1, 2]


def test_figures_of_a_dead_worker_are_figures(stage: Stage, client: Client) -> None:
    """A 503 of /stats that carries the figures is an answer, not an error."""
    queue = dict.fromkeys(("queued", "processing", "paused", "completed", "failed", "cancelled", "total"), 1)
    worker = {"running": False, "activeDownloads": 0, "maxConcurrent": 4}
    body = {"success": False, "error": "No worker", "queue": queue, "worker": worker, "metrics": {}, "timestamp": 1}
    stage.plays(Play(503, body | {"queueSource": "sqlite"}), Play(503, refusal("STORE_UNAVAILABLE")))

    stats = client.stats()
    assert (stats.success, stats.error, stats.queue.total) == (False, "No worker", 1)
    with pytest.raises(StoreUnavailable):
        client.stats()


def test_a_name_that_no_job_can_have_is_not_asked_for(stage: Stage, client: Client) -> None:
    """Nothing of a wrong id gets into a path."""
    stage.plays(Play(200, {}))

    for wrong in ("", "..", "../stats", "job-1-A", "job-1-a\n", "job-1-a?x"):
        with pytest.raises(NotFound):
            client.job(wrong)

    assert stage.heard == []


def test_a_record_goes_back_to_json_as_it_came(stage: Stage, client: Client) -> None:
    """Names and values are those of the wire; what was not there is not invented as null."""
    record = job(failedTracks=[{"trackId": 1, "trackTitle": "Red", "error": "x", "code": "timeout", "attempts": 4}])
    stage.plays(Play(200, {"success": True, "job": record | {"unknownField": 1}}))

    shown = client.job(JOB_ID).as_json()

    assert record.items() <= shown.items()
    assert "null" not in json.dumps(shown)
    assert "unknownField" not in shown
