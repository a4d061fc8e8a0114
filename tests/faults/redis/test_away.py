"""A real `tonearm serve` whose real Redis goes: it accepts, works on, and hands over, each job once.

Redis writes every command to the disk before it answers (AOF always), so that what a `kill -9` of it leaves is what it
had said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.faults.worker.conftest import Noise, music
from tests.support.catalog import ScriptedCatalog
from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm, until

from tonearm.clock import SystemClock
from tonearm.store.redis import open_redis

__all__ = ["music"]  # a fixture

TRACKS = range(1, 7)


@pytest.fixture
def noise(music: object) -> Noise:
    """FLAC files of white noise, every number another one."""
    return lambda number: music("flac", seconds=1.0, seed=number)  # type: ignore[operator]  # it is a Music


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer(aof="always") as running:
        yield running


@asynccontextmanager
async def serving(folder: Path, noise: Noise, redis: RedisServer, **settings: Any) -> AsyncIterator[Tonearm]:
    """A server on this Redis, whether that runs or not, and a catalog of six tracks."""
    async with ScriptedCatalog() as catalog:
        for number in TRACKS:
            catalog.add_track(number, title=f"Title {number}", body=noise(number).read_bytes())
        async with Tonearm(folder, catalog.url, REDIS_URL=redis.url, **settings) as server:
            yield server


async def submit(server: Tonearm, number: int) -> tuple[str, str]:
    """Queue a track: its id, and where it lies."""
    job = {"type": "track", "trackId": number, "quality": "LOSSLESS"}
    status, body = await server.call("POST", "/", json={"job": job})
    assert status == 201, body
    return str(body["jobId"]), str(body["queueSource"])


async def at_home(server: Tonearm, redis: RedisServer, *ids: str) -> None:
    """Wait until Redis has these jobs, completed, and nobody warns any more; nothing is there twice."""

    async def all_there() -> bool:
        stats = await server.stats()
        return stats.get("warning") is None and stats["queue"]["completed"] == len(ids)

    try:
        await until("everything is completed and in Redis", all_there)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{await server.stats()}\n{server.tail(60)}") from None
    assert (await server.stats())["queueSource"] == "redis"
    assert len(server.files()) == len(ids), server.files()
    store = await open_redis(redis.url, SystemClock())
    assert await store.audit() == ()
    assert [(await store.job(job_id)).file_count for job_id in ids] == [1] * len(ids)
    await store.close()


async def test_redis_may_be_away_at_the_start(tmp_path: Path, noise: Noise, redis: RedisServer) -> None:
    """What is accepted is worked on, and is history in Redis when that is there."""
    redis.kill()
    async with serving(tmp_path, noise, redis) as server:
        first, where = await submit(server, 1)
        assert where == "local"
        await server.wait_for(first, "completed")
        assert "The queue is away" in (await server.stats())["warning"]
        assert (await server.call("GET", "/job-1-unknown"))[0] == 503
        redis.start()
        await at_home(server, redis, first)
        second, where = await submit(server, 2)
        assert where == "redis"
        await at_home(server, redis, first, second)


async def test_redis_may_be_killed_in_the_middle(tmp_path: Path, noise: Noise, redis: RedisServer) -> None:
    """Some jobs lie there, some come in the moment of its death, some while it is away."""
    async with serving(tmp_path, noise, redis) as server:
        ids = [(await submit(server, 1))[0]]
        sent = [asyncio.create_task(submit(server, number)) for number in (2, 3, 4)]
        await asyncio.to_thread(redis.kill)
        ids += [job_id for job_id, _ in await asyncio.gather(*sent)]
        ids.append((await submit(server, 5))[0])
        await asyncio.to_thread(redis.start)
        ids.append((await submit(server, 6))[0])

        await at_home(server, redis, *ids)


async def test_the_server_may_be_killed_while_redis_is_away(tmp_path: Path, noise: Noise, redis: RedisServer) -> None:
    """What it had accepted lies on its disk, whatever it had begun of it."""
    async with serving(tmp_path, noise, redis) as server:
        await asyncio.to_thread(redis.kill)
        ids = [(await submit(server, number))[0] for number in TRACKS]
        await server.kill()
        await server.start()
        assert (await server.stats())["queue"]["total"] == len(ids)
        await server.kill()
        await asyncio.to_thread(redis.start)
        await server.start()

        await at_home(server, redis, *ids)


async def test_a_frozen_redis_holds_nobody_up_for_long(tmp_path: Path, noise: Noise, redis: RedisServer) -> None:
    """It takes what it is told and does not answer: what it may have is not run here as well."""
    async with serving(tmp_path, noise, redis) as server:
        first, _ = await submit(server, 1)
        await server.wait_for(first, "completed")
        redis.freeze()
        try:
            second, where = await submit(server, 2)
            assert where == "local"
            third, _ = await submit(server, 3)
            await server.wait_for(third, "completed")
            assert (await server.job(second))["status"] == "queued"
            assert (await server.call("PATCH", f"/{second}", json={"action": "cancel"}))[0] == 503
        finally:
            redis.wake()

        await at_home(server, redis, first, second, third)


async def test_a_full_redis_is_no_reason_to_wait(tmp_path: Path, noise: Noise, redis: RedisServer) -> None:
    """It refuses, so nothing is there twice: the job runs here, and goes over when there is room."""
    async with serving(tmp_path, noise, redis) as server:
        await until("the server is at home", server.stats)
        redis.call("CONFIG", "SET", "maxmemory", "1mb")
        first, where = await submit(server, 1)
        assert where == "local"
        await server.wait_for(first, "completed")
        redis.call("CONFIG", "SET", "maxmemory", "0")

        await at_home(server, redis, first)


async def test_without_a_fallback_submissions_are_refused(tmp_path: Path, noise: Noise, redis: RedisServer) -> None:
    """QUEUE_FALLBACK=off: 503, and nothing is kept here."""
    async with serving(tmp_path, noise, redis, QUEUE_FALLBACK="off") as server:
        await asyncio.to_thread(redis.kill)
        job = {"type": "track", "trackId": 1, "quality": "LOSSLESS"}
        status, body = await server.call("POST", "/", json={"job": job})
        assert (status, body["code"]) == (503, "STORE_UNAVAILABLE")
        assert not (tmp_path / "queue.db").exists()
