"""Figures over HTTP: counts, workers, metrics, and the probes."""

from __future__ import annotations

import asyncio

import pytest
from tests.api.conftest import Serve
from tests.api.serving import WORKER, Api
from tests.contract import steps
from tests.support.clock import HOUR, FakeClock

from tonearm.api import figures
from tonearm.errors import FailureCode, StoreUnavailable
from tonearm.model import Failure, RestingHost, RestKind, WorkerReport


async def test_stats_of_an_empty_queue(serve: Serve) -> None:
    """Every figure stands there from the beginning."""
    clock = FakeClock()
    api = await serve(clock)
    zero = {"queued": 0, "processing": 0, "paused": 0, "completed": 0, "failed": 0, "cancelled": 0}
    answer = await api.call("GET", "/stats/")

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.body == {
        "success": True,
        "queue": {**zero, "total": 0},
        "worker": {
            "running": True,
            "activeDownloads": 0,
            "maxConcurrent": 4,
            "lastHeartbeat": clock.wall_ms(),
        },
        "metrics": {
            "total_jobs": 0,
            **zero,
            "avg_success_rate": 0,
            "avg_retry_count": 0,
            "total_download_time_ms": 0,
            "avg_job_duration_ms": 0,
            "failure_by_code": {},
        },
        "queueSource": "memory",
        "timestamp": clock.wall_ms(),
    }


async def test_stats_count_jobs_by_status_and_failures_by_code(api: Api) -> None:
    """One job of each kind shows in queue and in metrics."""
    for number in range(1, 4):
        await api.submit(number=number)
    await api.submit(number=4, startPaused=True)
    done, failed, _ = await steps.claim_all(api.store, WORKER)
    await steps.complete(api.store, done)
    await steps.fail(api.store, failed, Failure(FailureCode.INTEGRITY, "cut"))
    body = (await api.call("GET", "/stats")).body
    wanted = {"queued": 0, "processing": 1, "paused": 1, "completed": 1, "failed": 1, "cancelled": 0}

    assert body["queue"] == {**wanted, "total": 4}
    assert body["metrics"].items() >= {**wanted, "total_jobs": 4, "failure_by_code": {"integrity": 1}}.items()
    assert body["metrics"]["avg_success_rate"] == 50


async def test_the_workers_figures_are_sums_over_those_that_live(serve: Serve) -> None:
    """A dead worker's slots do not count."""
    clock = FakeClock()
    api = await serve(clock)
    clock.advance(119_999)
    await api.store.heartbeat("worker-2", "there", 8)
    await api.store.report(WorkerReport("worker-2", 3, 8))

    worker = (await api.call("GET", "/stats")).body["worker"]
    assert (worker["running"], worker["activeDownloads"], worker["maxConcurrent"]) == (True, 3, 12)
    clock.advance(1)
    worker = (await api.call("GET", "/stats")).body["worker"]
    assert (worker["activeDownloads"], worker["maxConcurrent"]) == (3, 8)


async def test_stats_say_what_holds_the_workers_up(serve: Serve) -> None:
    """Each resting host once, until the latest end that a living worker says, and each reason to claim nothing once."""
    clock = FakeClock()
    api = await serve(clock)
    for worker, until in ((WORKER, 5_000), ("worker-2", 9_000)):
        rest = RestingHost("media:443", until, RestKind.UNREACHABLE)
        await api.store.heartbeat(worker, "here", 4)
        await api.store.report(WorkerReport(worker, 0, 4, resting=(rest,), holding="The disk is full."))

    worker = (await api.call("GET", "/stats")).body["worker"]
    assert worker["resting"] == [{"host": "media:443", "until": clock.wall_ms() + 9_000}]
    assert worker["holding"] == "The disk is full."


async def test_without_a_living_worker_the_figures_come_with_503(serve: Serve) -> None:
    """The same figures, success false, and an error; a heartbeat brings 200 back."""
    clock = FakeClock()
    api = await serve(clock, QUEUE_WORKER_DEAD_MS="60000")
    await api.submit()
    beat = clock.wall_ms()
    clock.advance(60_000)
    answer = await api.call("GET", "/stats")

    assert answer.status == 503
    assert answer.body["success"] is False
    assert (answer.body["error"], answer.body["code"]) == ("No worker is running", "WORKER_DOWN")
    assert answer.body["worker"] == {
        "running": False,
        "activeDownloads": 0,
        "maxConcurrent": 0,
        "lastHeartbeat": beat,
    }
    assert answer.body["queue"]["queued"] == 1
    assert (await api.call("GET", "//readyz")).status == 503
    await api.store.heartbeat(WORKER, "here", 4)
    assert (await api.call("GET", "/stats")).status == 200
    assert (await api.call("GET", "//readyz")).body == {"success": True, "status": "ready"}


async def test_a_wall_clock_that_is_set_kills_no_worker(serve: Serve) -> None:
    """An hour back or forward is not two minutes of silence."""
    clock = FakeClock()
    api = await serve(clock)
    for step in (-HOUR, 2 * HOUR):
        clock.step_wall(step)
        assert (await api.call("GET", "/stats")).status == 200


async def test_a_slewed_wall_clock_kills_no_worker_early(serve: Serve) -> None:
    """Shown times follow the wall clock in steps; life is judged in the time of the store."""
    clock = FakeClock()
    api = await serve(clock)
    clock.advance(119_999)
    clock.step_wall(900)
    assert (await api.call("GET", "/stats")).status == 200
    assert (await api.call("GET", "//readyz")).status == 200
    clock.advance(1)
    clock.step_wall(-900)
    assert (await api.call("GET", "/stats")).status == 503
    assert (await api.call("GET", "//readyz")).status == 503


async def test_healthz_answers_whatever_the_store_does(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process lives; readyz and stats say that the store does not."""

    async def away() -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(api.store, "workers", away)
    monkeypatch.setattr(api.store, "counts", away)

    assert (await api.call("GET", "//healthz")).body == {"success": True, "status": "ok"}
    for path in ("//readyz", "/stats"):
        answer = await api.call("GET", path)
        assert (answer.status, answer.body["code"]) == (503, "STORE_UNAVAILABLE")
        assert int(answer.headers["Retry-After"]) >= 1


async def test_a_queue_that_hangs_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks whether to send requests here gets an answer in time."""
    monkeypatch.setattr(figures, "ANSWER_S", 0.05)
    monkeypatch.setattr(api.store, "workers", asyncio.Event().wait)
    answer = await api.call("GET", "//readyz")

    assert (answer.status, answer.body["code"]) == (503, "STORE_UNAVAILABLE")
