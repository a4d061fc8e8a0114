"""Calls about many jobs and about the whole queue, answered as the contract says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.client.playing import JOB_ID, Play, Stage, figures, job

from tonearm.client import Action, Cleared, Client, Outcome, Submission
from tonearm.errors import ServerUnreachable, StoreUnavailable
from tonearm.model import JobType, Priority, Quality, Status

WANTED = [
    Submission(job_type=JobType.TRACK, catalog_id=11, quality=Quality.LOW),
    Submission(job_type=JobType.ALBUM, catalog_id=0, quality=Quality.LOSSLESS, start_paused=True),
]
RESULTS = {
    "success": True,
    "results": [{"success": True, "jobId": JOB_ID}, {"success": False, "code": "INVALID_ID", "error": "No"}],
}
STORE = {"kind": "sqlite", "reachable": True, "latencyMs": 0.5}


def test_a_batch_is_sent_at_once_under_one_key(stage: Stage, client: Client) -> None:
    """Each of its jobs stands as in a submission of its own, and a lost answer is asked for again."""
    stage.plays(Play(cut=True), Play(200, RESULTS))

    outcomes = client.submit_batch(WANTED)

    assert [outcome.success for outcome in outcomes.results] == [True, False]
    assert outcomes.results[1] == Outcome(success=False, code="INVALID_ID", error="No")
    assert [heard.path for heard in stage.heard] == ["/api/download-queue/batch"] * 2
    assert stage.heard[1].body["jobs"] == [wanted.as_json() for wanted in WANTED]
    assert stage.heard[0].headers["Idempotency-Key"] == stage.heard[1].headers["Idempotency-Key"]


@pytest.mark.parametrize(
    ("whom", "sent"),
    [({"job_ids": [JOB_ID]}, {"jobIds": [JOB_ID]}), ({"status": Status.FAILED}, {"status": "failed"})],
)
def test_many_jobs_are_named_by_id_or_by_state(
    stage: Stage, client: Client, whom: dict[str, Any], sent: dict[str, Any]
) -> None:
    """One of the two stands in the request, and each job has its result."""
    stage.plays(Play(200, RESULTS))

    assert len(client.act_many(Action.PAUSE, **whom).results) == 2
    assert (stage.heard[0].method, stage.heard[0].path) == ("POST", "/api/download-queue/actions")
    assert stage.heard[0].body == {"action": "pause"} | sent


def test_many_jobs_get_one_priority(stage: Stage, client: Client) -> None:
    """As with a single one; what is not said is the server's to choose."""
    stage.plays(Play(200, RESULTS))

    client.act_many(Action.PRIORITIZE, [JOB_ID], priority=Priority.LOW)

    assert stage.heard[0].body == {"action": "prioritize", "jobIds": [JOB_ID], "priority": "low"}


@pytest.mark.parametrize("whom", [{}, {"job_ids": [JOB_ID], "status": Status.FAILED}])
def test_an_action_on_nobody_or_on_two_kinds_is_not_sent(client: Client, whom: dict[str, Any]) -> None:
    """What could be misread is an error before anything is sent."""
    with pytest.raises(ValueError, match="one of the two"):
        client.act_many(Action.CANCEL, **whom)


def test_a_retry_of_many_is_said_once(stage: Stage, client: Client) -> None:
    """As with a single one, a second would be refused."""
    stage.plays(Play(cut=True))

    with pytest.raises(ServerUnreachable):
        client.act_many(Action.RETRY, status=Status.FAILED)

    assert len(stage.heard) == 1


def test_the_history_is_cleared_by_state(stage: Stage, client: Client) -> None:
    """The state is part of the address; how many went, and whether there are more, comes back."""
    answer = {"success": True, "message": "3 jobs removed", "removed": 3}
    stage.plays(Play(200, answer | {"more": True}), Play(200, answer))

    assert client.clear(Status.COMPLETED) == Cleared(message="3 jobs removed", removed=3, more=True)
    assert not client.clear(Status.COMPLETED).more
    assert (stage.heard[0].method, stage.heard[0].path) == ("DELETE", "/api/download-queue?status=completed")


@pytest.mark.parametrize("status", [200, 503])
def test_the_dashboard_is_figures_and_jobs(stage: Stage, client: Client, status: int) -> None:
    """Also while no worker lives; without figures a 503 is a refusal."""
    body = figures() | {"success": status == 200, "jobs": [job()], "generatedAt": "2026-01-02T03:04:05Z"}
    away = {"success": False, "error": "Away", "code": "STORE_UNAVAILABLE"}
    stage.plays(Play(status, body), Play(503, away))

    dashboard = client.dashboard()

    assert dashboard.success is (status == 200)
    assert [job.id for job in dashboard.jobs] == [JOB_ID]
    assert dashboard.generated_at == "2026-01-02T03:04:05Z"
    with pytest.raises(StoreUnavailable):
        client.dashboard()


def test_metrics_keep_their_names(stage: Stage, client: Client) -> None:
    """They are those of the wire."""
    body = {"queue": figures()["queue"], "metrics": {"total_jobs": 7, "failure_by_code": {"timeout": 1}}}
    stage.plays(Play(200, body | {"success": True, "generatedAt": "x", "source": "sqlite"}))

    assert client.metrics().metrics == body["metrics"]


def test_health_is_told_also_while_it_is_down(stage: Stage, client: Client) -> None:
    """A 503 that says how it stands is an answer; of a store that is away there is nothing but that."""
    whole = {
        "success": True,
        "status": "ok",
        "worker": {"running": True, "lastHeartbeat": 1, "uptimeSeconds": 5, "jobsProcessed": 4, "errorRate": 0.25},
        "queue": {"level": "ok", "size": 2, "oldestAgeSeconds": 9},
        "failures": {"count": 1, "byCode": {"timeout": 1}},
        "store": STORE,
        "disk": {"freeBytes": 10, "minBytes": 1},
    }
    down = {"success": False, "code": "STORE_UNAVAILABLE", "error": "Away", "status": "down", "store": STORE}
    stage.plays(Play(200, whole), Play(503, down, {"Retry-After": "1"}))

    health, later = client.health(), client.health()

    assert health.worker is not None
    assert (health.status, health.worker.error_rate) == ("ok", 0.25)
    assert (later.status, later.worker) == ("down", None)
