"""Waiting: for limits, for servers that are away, and for jobs to finish."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from tests.support.clients import Connect
from tests.unit.client.playing import JOB_ID, Play, Stage, job

from tonearm.client import Client, following
from tonearm.errors import NotFound, QuotaExceeded, RateLimited, ServerUnreachable, StoreUnavailable
from tonearm.model import JobType, Quality, Status

RECEIPT = {"success": True, "jobId": JOB_ID, "message": "queued", "queueSource": "sqlite"}
LIMITED = {"success": False, "error": "Too many", "code": "RATE_LIMITED"}
FULL = {"success": False, "error": "Queue full", "code": "QUEUE_FULL"}


def test_a_rate_limit_is_raised_with_its_end(stage: Stage, client: Client) -> None:
    """Who does not wait learns when to come again."""
    stage.plays(Play(429, LIMITED, {"Retry-After": "42"}))

    with pytest.raises(RateLimited) as caught:
        client.submit(JobType.TRACK, 1, Quality.LOW)

    assert caught.value.retry_after_ms == 42_000


def test_a_rate_limit_is_waited_out_on_request(stage: Stage, client: Client, slept: list[float]) -> None:
    """The wait is as long as the server says, told once a second, and the same submission follows."""
    told: list[tuple[float, str]] = []
    stage.plays(Play(429, LIMITED, {"Retry-After": "3"}), Play(503, FULL, {"Retry-After": "1"}), Play(201, RECEIPT))

    receipt = client.submit(
        JobType.TRACK, 1, Quality.LOW, wait=True, on_wait=lambda left, reason: told.append((left, reason))
    )

    assert receipt.job_id == JOB_ID
    assert slept == [1.0, 1.0, 1.0, 1.0]
    assert told == [(3.0, "Too many"), (2.0, "Too many"), (1.0, "Too many"), (1.0, "Queue full")]


def test_a_date_to_come_again_is_understood(stage: Stage, client: Client) -> None:
    """`Retry-After` has two forms."""
    stage.plays(Play(429, LIMITED, {"Retry-After": formatdate(time.time() + 100, usegmt=True)}))

    with pytest.raises(RateLimited) as caught:
        client.submit(JobType.TRACK, 1, Quality.LOW)

    assert caught.value.retry_after_ms == pytest.approx(100_000, abs=5_000)


def test_a_wait_of_hours_and_one_without_end_are_refusals(stage: Stage, client: Client, slept: list[float]) -> None:
    """Only a wait that a person would sit through is waited out."""
    stage.plays(
        Play(429, LIMITED, {"Retry-After": "86400"}),
        Play(429, {"success": False, "error": "Full", "code": "CLIENT_QUEUE_FULL"}),
    )

    with pytest.raises(RateLimited):
        client.submit(JobType.TRACK, 1, Quality.LOW, wait=True)
    with pytest.raises(QuotaExceeded):
        client.submit(JobType.TRACK, 1, Quality.LOW, wait=True)

    assert slept == []


def test_a_short_wait_is_taken_by_every_call(stage: Stage, client: Client, slept: list[float]) -> None:
    """Limits and outages that end soon are not seen by who asks."""
    away = {"success": False, "error": "Away", "code": "STORE_UNAVAILABLE"}
    stage.plays(
        Play(429, LIMITED, {"Retry-After": "2"}),
        Play(503, away, {"Retry-After": "1"}),
        Play(200, {"success": True, "job": job()}),
    )

    assert client.job(JOB_ID).id == JOB_ID
    assert slept == [1.0, 1.0, 1.0]


def test_the_waits_of_a_call_have_a_bound_together(connect: Connect, stage: Stage, slept: list[float]) -> None:
    """What is left of the patience decides, and none of it is used for a wait that is too long."""
    stage.plays(Play(429, LIMITED, {"Retry-After": "2"}))

    with connect(stage.url, patience=5, sleep=slept.append) as client, pytest.raises(RateLimited):
        client.job(JOB_ID)

    assert sum(slept) == 4


def test_what_may_have_been_done_is_not_said_again_after_a_503(stage: Stage, client: Client) -> None:
    """A 429 did nothing, a 503 leaves it open; a removal is repeated after the first alone."""
    away = {"success": False, "error": "Away", "code": "STORE_UNAVAILABLE"}
    stage.plays(Play(429, LIMITED, {"Retry-After": "1"}), Play(503, away, {"Retry-After": "1"}))

    with pytest.raises(StoreUnavailable):
        client.delete(JOB_ID)

    assert len(stage.heard) == 2


def test_a_job_is_followed_to_its_end(stage: Stage, client: Client, slept: list[float]) -> None:
    """Every change is shown once, and the last is returned."""
    steps = [job(), job(), job(status="processing", progress=0.5), job(status="completed", progress=1)]
    stage.plays(*(Play(200, {"success": True, "job": step}) for step in steps))
    seen: list[Status] = []

    last = client.wait(JOB_ID, lambda job: seen.append(job.status))

    assert seen == [Status.QUEUED, Status.PROCESSING, Status.COMPLETED]
    assert last.whole
    assert slept == [following.POLL_SECONDS] * 3


def test_a_job_that_is_removed_ends_the_waiting(stage: Stage, client: Client) -> None:
    """Nobody waits for what is gone."""
    stage.plays(
        Play(200, {"success": True, "job": job()}),
        Play(404, {"success": False, "error": "Job not found", "code": "NOT_FOUND"}),
    )

    with pytest.raises(NotFound):
        client.wait(JOB_ID)


def test_a_server_that_restarts_is_waited_for(stage: Stage, client: Client) -> None:
    """Following goes on after connections that failed."""
    stage.plays(*[Play(cut=True)] * 7, Play(200, {"success": True, "job": job(status="completed")}))

    assert client.wait(JOB_ID).finished


def test_a_server_that_stays_away_is_given_up(stage: Stage, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Following ends with the error when the server is away for too long."""
    monkeypatch.setattr(following, "OUTAGE_SECONDS", 0.0)
    stage.plays(Play(cut=True))

    with pytest.raises(ServerUnreachable):
        client.wait(JOB_ID)


def test_waiting_has_an_end_on_request(stage: Stage, client: Client) -> None:
    """A job that does not finish in time is named."""
    stage.plays(Play(200, {"success": True, "job": job()}))

    with pytest.raises(TimeoutError, match=JOB_ID):
        client.wait(JOB_ID, timeout=0.01)
