"""While the queue is away: jobs are accepted with a warning, and nobody is told that a job does not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from tests.api.serving import WORKER, Api
from tests.support.switched import Line, Switch

from tonearm.api import ApiServer, create_app
from tonearm.clock import SystemClock
from tonearm.settings import load
from tonearm.store.spool import Spool, open_spool
from tonearm.store.sqlite import open_sqlite

UNKNOWN = "job-1763900000000-unknown"


@dataclass
class Away:
    """A server over a spool, and the switch before its main store."""

    api: Api
    spool: Spool
    switch: Switch


@pytest.fixture
async def away(tmp_path: Path) -> AsyncIterator[Away]:
    """A server whose queue is away from the beginning; a worker lives."""
    settings = load({"PORT": "0", "QUEUE_RATE_LIMIT_PER_MIN": "0"})
    async with AsyncExitStack() as stack:
        main = await open_sqlite(None, SystemClock())
        stack.push_async_callback(main.close)
        switch = Switch(main)
        switch.set(Line.DOWN)
        spool = await open_spool(switch.open, await open_sqlite(tmp_path / "spool.db", SystemClock()))
        stack.push_async_callback(spool.close)
        await spool.heartbeat(WORKER, "here", 4)
        server = ApiServer(create_app(spool, settings, SystemClock()), settings)
        await server.start()
        stack.push_async_callback(server.stop, 1_000)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)))
        yield Away(Api(server, spool, http), spool, switch)


async def test_a_submission_is_accepted_and_says_where_it_lies(away: Away) -> None:
    """201, `queueSource` local and a warning, beside the one of fields that nobody knows."""
    job = {"type": "track", "trackId": 11, "quality": "LOSSLESS", "coverUrl": "x"}
    answer = await away.api.call("POST", json={"job": job})

    assert (answer.status, answer.body["queueSource"]) == (201, "local")
    assert "coverUrl" in answer.body["warning"]
    assert "The queue is away" in answer.body["warning"]


async def test_a_server_that_stands_in_for_its_queue_is_not_ready(away: Away) -> None:
    """Whoever can choose sends requests to one that reaches it; this one goes on to accept jobs, and works on them."""
    answer = await away.api.call("GET", "//readyz")
    assert (answer.status, answer.body["code"]) == (503, "STORE_UNAVAILABLE")
    assert (await away.api.call("GET", "/stats")).status == 200

    away.switch.set(Line.UP)
    await away.spool.look()
    await away.spool.heartbeat(WORKER, "here", 4)
    assert (await away.api.call("GET", "//readyz")).status == 200
    away.switch.set(Line.FULL)
    await away.api.submit()
    assert (await away.api.call("GET", "/stats")).body["warning"].startswith("The queue is full")
    assert (await away.api.call("GET", "//readyz")).status == 200


async def test_whatever_tells_of_jobs_carries_the_warning(away: Away) -> None:
    """The list, one job, figures, workers and the health, which is degraded; and none of them when all is over."""
    job_id = await away.api.submit()
    for path in ("", f"/{job_id}", "/stats", "/workers", "/health"):
        answer = await away.api.call("GET", path)
        assert answer.status == 200, answer.body
        assert "The queue is away" in answer.body["warning"], path
    health = (await away.api.call("GET", "/health")).body
    assert (health["status"], health["store"]["kind"]) == ("degraded", "local")
    for path in ("/stats", "/workers"):
        assert (await away.api.call("GET", path)).body["queueSource"] == "local"

    away.switch.set(Line.UP)
    await away.spool.heartbeat(WORKER, "here", 4)
    await away.spool.look()
    await away.spool.heartbeat(WORKER, "here", 4)

    for path in ("", f"/{job_id}", "/stats", "/workers", "/health"):
        answer = await away.api.call("GET", path)
        assert (answer.status, answer.body.get("warning")) == (200, None)
    assert (await away.api.call("GET", "/health")).body["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/{UNKNOWN}", None),
        ("GET", f"/{UNKNOWN}/tracks", None),
        ("GET", f"/{UNKNOWN}/archive", None),
        ("PATCH", f"/{UNKNOWN}", {"action": "cancel"}),
        ("PATCH", f"/{UNKNOWN}", {"action": "retry"}),
        ("DELETE", f"/{UNKNOWN}", None),
        ("PATCH", "/control", {"paused": True}),
    ],
)
async def test_what_is_not_here_is_unavailable_not_absent(
    away: Away, method: str, path: str, body: dict[str, object] | None
) -> None:
    """503 with the time to come again, never 404."""
    answer = await away.api.call(method, path, **({} if body is None else {"json": body}))

    assert (answer.status, answer.body["code"]) == (503, "STORE_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0


async def test_what_is_here_can_be_cancelled_and_deleted(away: Away) -> None:
    """The server's own jobs obey as ever."""
    job_id = await away.api.submit()
    cancelled = await away.api.call("PATCH", f"/{job_id}", json={"action": "cancel"})
    assert cancelled.status == 200
    assert (await away.api.job(job_id))["status"] == "cancelled"
    assert (await away.api.call("DELETE", f"/{job_id}")).status == 200
    assert (await away.api.call("GET", f"/{job_id}")).status == 503
