"""Every server of a shared queue sees that its worker died, and that it is back."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.catalog import ScriptedCatalog
from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm, until
from tests.support.service_manager import ServiceManager
from tests.support.sharing import Site

FIGURES = ("stats", "health", "dashboard")


async def statuses(server: Tonearm) -> list[int]:
    """Of figures, dashboard, health and probe."""
    answers = [(await server.call("GET", path))[0] for path in ("/stats", "/dashboard", "/health")]
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/readyz") as answer:
        return [*answers, answer.status]


async def all_answer(status: int, *servers: Tonearm) -> None:
    """Wait until every server answers each of them with this status."""

    async def do() -> bool:
        return all([await statuses(server) == [status] * 4 for server in servers])

    await until(f"they answer {status}", do)


async def told(server: Tonearm, words: str) -> None:
    """Wait until the log of a server has these words."""
    await until(f"the log says {words!r}", lambda: words in server.log.read_text("utf-8"))


async def test_all_servers_see_that_the_worker_was_killed(tmp_path: Path, redis: RedisServer) -> None:
    """503 with the figures, health down and not ready, on each; all is well again when the worker is back.

    They tell that the queue is long, and go on to live: it is not they who hang.
    """
    settings: dict[str, Any] = {"QUEUE_WARN_SIZE": 1, "arguments": ("--no-worker",)}
    async with ScriptedCatalog() as catalog, AsyncExitStack() as processes:
        manager = processes.enter_context(ServiceManager())
        watched = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": 60_000_000}
        site = Site(tmp_path, catalog.url, redis.url, QUEUE_WORKER_DEAD_MS=1_500)
        parts = (site.server("one", **settings, **watched), site.server("two", **settings), site.worker("worker"))
        one, two, worker = [await processes.enter_async_context(part) for part in parts]
        await all_answer(200, one, two)

        await worker.kill()
        await all_answer(503, one, two)
        job_id = await one.submit("track", 1, startPaused=True)
        for server in (one, two):
            stats, health, dashboard = [(await server.call("GET", f"/{name}"))[1] for name in FIGURES]
            assert (stats["success"], stats["error"]) == (False, "No worker is running")
            assert (stats["queue"]["paused"], stats["worker"]["running"]) == (1, False)
            assert [job["id"] for job in dashboard["jobs"]] == [job_id]
            assert (health["status"], health["code"], health["queue"]["size"]) == ("down", "WORKER_DOWN", 1)
            assert (health["store"]["reachable"], health["worker"]["lastHeartbeat"] > 0) == (True, True)

        for server in (one, two):
            await told(server, "The queue is long")
        await worker.start()
        await all_answer(200, one, two)
        await until("it is alive", lambda: "WATCHDOG=1" in manager.said)
        await until("its status is told", lambda: "STATUS=1 unfinished in the queue" in manager.said)
