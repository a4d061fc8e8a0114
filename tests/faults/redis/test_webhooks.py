"""Webhooks over a shared queue: whoever told of an end dies in between, another server does; a dead worker is told."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog
from tests.support.receiver import SECRET, Mood, Receiver
from tests.support.redis_server import RedisServer
from tests.support.server import until
from tests.support.sharing import Site


async def test_another_server_tells_what_the_first_could_not_and_that_the_worker_is_dead(
    tmp_path: Path, redis: RedisServer, noise: Noise
) -> None:
    """Each at least once, verifiable; in the end nothing waits."""
    async with ScriptedCatalog() as catalog, Receiver() as receiver, AsyncExitStack() as processes:
        catalog.add_track(1, body=noise(1).read_bytes())
        receiver.mood = Mood.HANGS
        site = Site(tmp_path, catalog.url, redis.url, QUEUE_WORKER_DEAD_MS=1_500)
        told_by = {
            "QUEUE_WEBHOOK_URLS": receiver.url,
            "QUEUE_WEBHOOK_SECRET": SECRET,
            "QUEUE_WEBHOOK_TIMEOUT_MS": 2_000,
            "QUEUE_FETCH_ALLOW": "127.0.0.1",
        }
        one = await processes.enter_async_context(site.server("one", arguments=("--no-worker",), **told_by))
        worker = await processes.enter_async_context(site.worker("worker"))
        job_id = await one.submit("track", 1)
        await one.wait_for(job_id, "completed")
        await until("it is under way", lambda: receiver.tries)
        await one.kill()
        assert receiver.told() == set()

        receiver.mood = Mood.RECEIVES
        two = await processes.enter_async_context(site.server("two", arguments=("--no-worker",), **told_by))
        ends = {("job.completed", job_id), ("queue.drained", "")}
        await until("the ends are told", lambda: receiver.told() >= ends, seconds=60)
        await worker.kill()
        wanted = {*ends, ("attention.needed", "worker")}
        await until("the worker's death is told", lambda: receiver.told() >= wanted, seconds=60)

        async def nothing_waits() -> bool:
            return bool((await two.call("GET", "/webhooks"))[1]["waiting"] == 0)

        await until("nothing waits", nothing_waits, seconds=60)
        assert receiver.told() == wanted
