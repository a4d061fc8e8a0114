"""The dashboard over HTTP: figures and the first jobs in one answer."""

from __future__ import annotations

from datetime import datetime

from tests.api.conftest import Serve
from tests.api.serving import Api
from tests.support.clock import FakeClock


async def test_the_dashboard_is_the_figures_with_the_first_jobs(serve: Serve) -> None:
    """What `/stats` and the list say, and when it was made."""
    clock = FakeClock()
    api = await serve(clock)
    await api.submit()
    await api.submit("album", 5, startPaused=True)
    body = (await api.call("GET", "/dashboard/")).body
    generated = body.pop("generatedAt")

    assert body.pop("jobs") == (await api.call("GET")).body["jobs"]
    assert body == (await api.call("GET", "/stats")).body
    assert generated.endswith("Z")
    assert datetime.fromisoformat(generated).timestamp() * 1_000 == clock.wall_ms()


async def test_the_dashboard_has_200_jobs(serve: Serve) -> None:
    """The others are in the list."""
    api = await serve(QUEUE_MAX_SIZE="1000", QUEUE_CRITICAL_SIZE="1000")
    for number in range(1, 202):
        await api.submit(number=number)
    body = (await api.call("GET", "/dashboard")).body

    assert (len(body["jobs"]), body["queue"]["queued"]) == (200, 201)


async def test_without_a_living_worker_the_dashboard_comes_with_503(serve: Serve) -> None:
    """The same members, success false, and an error."""
    clock = FakeClock()
    api = await serve(clock, QUEUE_WORKER_DEAD_MS="60000")
    job_id = await api.submit()
    clock.advance(60_000)
    answer = await api.call("GET", "/dashboard")

    assert (answer.status, answer.body["success"], answer.body["code"]) == (503, False, "WORKER_DOWN")
    assert [job["id"] for job in answer.body["jobs"]] == [job_id]
    assert answer.body["worker"]["running"] is False


async def test_the_dashboard_is_no_job(api: Api) -> None:
    """Its name is none of a job's, whatever the method."""
    assert (await api.call("DELETE", "/dashboard")).status == 405
