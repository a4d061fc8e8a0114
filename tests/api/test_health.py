"""Health over HTTP: one word for the operator, the figures behind it, and 503 where nothing would be downloaded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.api.conftest import Serve
from tests.api.serving import WORKER, Api
from tests.contract import steps
from tests.support.clock import HOUR, MINUTE, FakeClock
from tests.support.exposition import samples

from tonearm.api import health as health_of_the_queue
from tonearm.errors import FailureCode, StoreUnavailable
from tonearm.model import Failure, RestingHost, RestKind, WorkerReport


async def health(api: Api) -> dict[str, Any]:
    """The health of a queue that is not down."""
    answer = await api.call("GET", "/health/")
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


async def test_the_health_of_an_empty_queue(serve: Serve) -> None:
    """Every figure stands there from the beginning, and the store was asked for one of them."""
    clock = FakeClock()
    api = await serve(clock)
    body = await health(api)

    assert body["store"].pop("latencyMs") >= 0
    assert body == {
        "success": True,
        "status": "ok",
        "worker": {
            "running": True,
            "lastHeartbeat": clock.wall_ms(),
            "uptimeSeconds": 0,
            "jobsProcessed": 0,
            "errorRate": 0,
        },
        "queue": {"level": "ok", "size": 0, "oldestAgeSeconds": 0},
        "failures": {"count": 0, "byCode": {}},
        "store": {"kind": "memory", "reachable": True},
        "disk": {"freeBytes": None, "minBytes": 100_000_000},
    }


async def test_health_counts_what_was_done_and_what_failed(serve: Serve) -> None:
    """Failures by code, the share of them, the age of the oldest unfinished job, and how long the worker has run."""
    clock = FakeClock()
    api = await serve(clock)
    for number in range(1, 6):
        await api.submit(number=number)
    done, failed, other, *_ = await steps.claim_all(api.store, WORKER)
    await steps.complete(api.store, done)
    await steps.fail(api.store, failed, Failure(FailureCode.INTEGRITY, "cut"))
    await steps.fail(api.store, other, Failure(FailureCode.NETWORK, "gone"))
    clock.advance(MINUTE)
    body = await health(api)

    assert body["failures"] == {"count": 2, "byCode": {"integrity": 1, "network": 1}}
    assert (body["worker"]["jobsProcessed"], body["worker"]["errorRate"]) == (3, 0.6667)
    assert body["worker"]["uptimeSeconds"] == 60
    assert body["queue"] == {"level": "ok", "size": 2, "oldestAgeSeconds": 60}
    assert body["status"] == "ok"


@pytest.mark.parametrize(
    ("jobs", "level", "rank", "status"),
    [(1, "ok", 0, "ok"), (2, "warn", 1, "degraded"), (4, "critical", 2, "degraded")],
)
async def test_the_level_follows_the_two_sizes(serve: Serve, jobs: int, level: str, rank: int, status: str) -> None:
    """Of unfinished jobs, paused ones too; in the metrics it is a number."""
    api = await serve(QUEUE_WARN_SIZE="2", QUEUE_CRITICAL_SIZE="4")
    for number in range(1, jobs + 1):
        await api.submit(number=number, startPaused=number == 1)
    body = await health(api)

    assert (body["queue"]["level"], body["queue"]["size"], body["status"]) == (level, jobs, status)
    async with api.http.get(f"{api.url}/metrics") as answer:
        assert samples(await answer.text())["tonearm_queue_level",] == rank


async def test_what_holds_the_workers_up_degrades_the_health(api: Api) -> None:
    """A host that rests, a worker that holds back, a disk that is nearly full; the narrowest one is shown."""
    rest = RestingHost("media:443", MINUTE, RestKind.UNREACHABLE)
    await api.store.heartbeat("worker-2", "there", 4)
    await api.store.report(WorkerReport("worker-2", 0, 4, disk_free=900, disk_min=100))
    for report, shown in (
        (WorkerReport(WORKER, 0, 4, resting=(rest,)), "resting"),
        (WorkerReport(WORKER, 0, 4, holding="The disk is full."), "holding"),
        (WorkerReport(WORKER, 0, 4, disk_free=99, disk_min=100), "disk"),
    ):
        await api.store.report(report)
        body = await health(api)
        assert (body["status"], shown in body) == ("degraded", True)
    assert body["disk"] == {"freeBytes": 99, "minBytes": 100}

    await api.store.report(WorkerReport(WORKER, 0, 4, disk_free=100, disk_min=100))
    assert (await health(api))["status"] == "ok"


async def test_without_a_living_worker_the_queue_is_down(serve: Serve) -> None:
    """503 with the figures and an error; a problem document keeps the status that its own standard means."""
    clock = FakeClock()
    api = await serve(clock)
    await api.submit()
    clock.advance(HOUR)
    answer = await api.call("GET", "/health")

    assert (answer.status, answer.body["success"], answer.body["status"]) == (503, False, "down")
    assert (answer.body["code"], answer.body["error"]) == ("WORKER_DOWN", "No worker is running")
    assert answer.body["worker"]["running"] is False
    assert answer.body["queue"]["oldestAgeSeconds"] == 3_600
    problem = await api.call("GET", "/health", headers={"Accept": "application/problem+json"})
    assert (problem.body["status"], problem.body["queue"]["size"]) == (503, 1)


async def test_a_store_that_does_not_answer_is_what_is_down(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says which part it is."""

    async def away() -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(api.store, "counts", away)
    answer = await api.call("GET", "/health")

    assert (answer.status, answer.body["code"], answer.body["status"]) == (503, "STORE_UNAVAILABLE", "down")
    assert answer.body["store"] == {"kind": "memory", "reachable": False, "latencyMs": None}


async def test_a_store_whose_disk_hangs_is_down_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches gets an answer, and not the silence that is to be reported."""
    monkeypatch.setattr(health_of_the_queue, "ANSWER_S", 0.05)
    monkeypatch.setattr(api.store, "metrics", asyncio.Event().wait)
    answer = await api.call("GET", "/health")

    assert (answer.status, answer.body["status"], answer.body["store"]["reachable"]) == (503, "down", False)
