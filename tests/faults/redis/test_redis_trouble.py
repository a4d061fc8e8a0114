"""What happens to Redis while tracks are downloaded: it dies, stands still, forgets, or has no room left.

Mostly nothing stands in for it here (QUEUE_FALLBACK=off), so that what a server itself says is seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.redis.running import running_album
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, held
from tests.support.clock import SECOND, FakeClock
from tests.support.counts import ALL, count
from tests.support.inside import submit
from tests.support.mounts import leave_free, small_disk
from tests.support.redis_server import RedisServer
from tests.support.server import Json, Tonearm, until
from tests.support.sharing import Site

from tonearm.clock import SystemClock
from tonearm.store.redis import feed, open_redis

TRACKS = count(5, 20)
TIMES = count(1, 5)
LIMIT_S = 5.0
"""The longest that a call to Redis may take."""
OFF: dict[str, Any] = {"QUEUE_FALLBACK": "off"}
NO_ROOM = "The queue has no room for more at present"


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """A server of this test alone, with every answered write on the disk."""
    with RedisServer(aof="always") as running:
        yield running


async def die(redis: RedisServer) -> None:
    """`kill -9`, and start again with what is on the disk."""
    await asyncio.to_thread(redis.kill)
    await asyncio.to_thread(redis.start)


async def stand_still(redis: RedisServer, seconds: float = 1.3 * LIMIT_S) -> None:
    """SIGSTOP, for longer than a call may take."""
    redis.freeze()
    await asyncio.sleep(seconds)  # the standstill itself, not a wait for anything
    redis.wake()


async def forget_scripts(redis: RedisServer) -> None:
    """SCRIPT FLUSH."""
    redis.forget_scripts()


@pytest.mark.parametrize("trouble", [die, stand_still, forget_scripts], ids=lambda trouble: trouble.__name__)
async def test_an_album_completes_and_no_track_is_fetched_twice(
    tmp_path: Path, noise: Noise, own: RedisServer, trouble: Callable[[RedisServer], object]
) -> None:
    """Transfers go on meanwhile, and what they come to is told when Redis can be told."""
    async with running_album(tmp_path, noise, own.url, TRACKS, **OFF) as album:
        for time in range(TIMES):
            await album.arrived(1 + time * TRACKS // TIMES)
            hurt = trouble(own)
            assert asyncio.iscoroutine(hurt)
            await hurt
        await album.completed(noise)
        assert album.fetched() == [1] * TRACKS


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("lease_ms", "seconds"), [(60_000, 90.0) if ALL else (4_000, 8.0)])
async def test_an_album_completes_though_redis_stood_still_for_longer_than_a_lease(
    tmp_path: Path, noise: Noise, own: RedisServer, lease_ms: int, seconds: float
) -> None:
    """What ran is given up in time, since nobody could know who has it, and each track is there once in the end."""
    async with running_album(tmp_path, noise, own.url, TRACKS, QUEUE_LEASE_MS=lease_ms, **OFF) as album:
        await album.arrived(1)
        await stand_still(own, seconds)
        await album.completed(noise)


async def test_a_flush_of_everything_is_said_and_new_jobs_work(
    tmp_path: Path, noise: Noise, redis: RedisServer
) -> None:
    """What was queued is gone, as somebody wanted; nothing crashes, and no byte of it stays."""
    never = asyncio.Event()
    async with ScriptedCatalog() as catalog:
        for number in (1, 2):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.reply("/media/1", held(never))
        site = Site(tmp_path, catalog.url, redis.url, QUEUE_LEASE_MS=4_000, **OFF)
        async with site.server("server") as server:
            lost = await server.submit("track", 1)
            await catalog.transferring(0)
            await catalog.asked("/media/1")
            redis.forget_everything()
            await until("it says so", lambda: "somebody emptied it" in server.log.read_text("utf-8"))
            assert (await server.call("GET", f"/{lost}"))[0] == 404

            assert (await server.wait_for(await server.submit("track", 2)))["status"] == "completed"
            assert site.files() == ["Scripted/Scripts/Track 2.flac"]
            await until("the bytes of the lost one are gone", lambda: not site.staged())
            async with site.store() as store:
                assert await store.audit() == ()
            assert server.running
            assert "Traceback" not in server.log.read_text("utf-8")


async def test_who_waits_for_changes_hears_of_them_in_an_emptied_redis_too(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events are counted from one again, far below those that were heard of."""
    monkeypatch.setattr(feed, "BLOCK_MS", 100)
    store = await open_redis(redis.url, SystemClock())

    async def quiet(seen: int) -> int:
        while seen != (now := await store.changed(seen, 300)):
            seen = now
        return seen

    try:
        await submit(store, *range(1, 20))
        seen = await quiet(-1)
        redis.forget_everything()
        await submit(store, 50)
        seen = await quiet(seen)
        await submit(store, 51)
        assert await store.changed(seen, 5_000) > seen
    finally:
        await store.close()


async def test_workers_are_alive_in_a_queue_that_was_made_anew(redis: RedisServer) -> None:
    """Their records went with everything else; one that has fallen silent meanwhile is not said to be alive."""
    clock = FakeClock()
    store = await open_redis(redis.url, clock)
    try:
        await store.heartbeat("silent", "den", 4)
        clock.advance(119 * SECOND)
        await store.heartbeat("w1", "den", 4)
        clock.advance(SECOND)
        redis.forget_everything()
        assert [(worker.id, worker.alive) for worker in await store.workers()] == [("w1", True)]
    finally:
        await store.close()


async def refused(server: Tonearm, number: int) -> Json:
    """What a submission is answered while Redis takes none."""
    status, body = await server.call("POST", "/", json={"job": {"type": "track", "trackId": number, "quality": "LOW"}})
    assert (status, body["code"]) == (503, "STORE_UNAVAILABLE"), body
    return body


async def test_when_all_memory_is_used_nothing_new_is_taken_and_what_is_there_is_done(
    tmp_path: Path, noise: Noise
) -> None:
    """The answer says what to do; an album of which one track had begun completes, and can be deleted."""
    go = asyncio.Event()
    async with ScriptedCatalog() as catalog:
        for number in range(1, 5):
            catalog.add_track(number, body=noise(number % 2).read_bytes())
        catalog.reply("/media/1", held(go))
        catalog.add_album(5, range(1, 5))
        with RedisServer() as full:
            site = Site(tmp_path, catalog.url, full.url, QUEUE_MAX_CONCURRENT=1, **OFF)
            async with site.server("server") as server:
                album = await server.submit("album", 5)
                await catalog.asked("/media/1")
                full.call("CONFIG", "SET", "maxmemory", "1mb")
                assert (await refused(server, 9))["error"] == NO_ROOM

                go.set()
                record = await server.wait_for(album)
                assert (record["status"], record["completedTracks"]) == ("completed", 4)
                assert (await server.call("DELETE", f"/{album}"))[0] == 200

                full.call("CONFIG", "SET", "maxmemory", "0")
                assert (await server.wait_for(await server.submit("track", 4)))["status"] == "completed"


async def test_a_full_redis_is_worked_off_while_new_jobs_are_accepted_here(
    tmp_path: Path, noise: Noise, own: RedisServer
) -> None:
    """QUEUE_FALLBACK=spool. What Redis has is read, cancelled, done and deleted, and new jobs go there in the end."""
    go = asyncio.Event()
    async with ScriptedCatalog() as catalog:
        for number in range(1, 8):
            catalog.add_track(number, title=f"Title {number}", body=noise(number % 2).read_bytes())
        catalog.reply("/media/1", held(go))
        catalog.add_album(9, range(1, 5))
        site = Site(tmp_path, catalog.url, own.url, QUEUE_MAX_CONCURRENT=1)
        async with site.server("server") as server:
            album = await server.submit("album", 9)
            await catalog.asked("/media/1")
            waiting = await server.submit("track", 5)
            own.call("CONFIG", "SET", "maxmemory", "1mb")
            wanted = {"job": {"type": "track", "trackId": 6, "quality": "LOSSLESS"}}
            status, body = await server.call("POST", "/", json=wanted)
            assert (status, body["queueSource"]) == (201, "local"), body
            assert body["warning"].startswith("The queue is full."), body

            assert (await server.call("PATCH", f"/{waiting}", json={"action": "cancel"}))[0] == 200
            assert (await server.call("GET", "/job-1-unknown"))[0] == 404
            go.set()
            record = await server.wait_for(album)
            assert (record["status"], record["completedTracks"]) == ("completed", 4)
            for job in (album, waiting):
                assert (await server.call("DELETE", f"/{job}"))[0] == 200
            here = str(body["jobId"])
            assert (await server.wait_for(here))["status"] == "completed"
            assert (await server.stats())["warning"].startswith("The queue is full.")

            own.call("CONFIG", "SET", "maxmemory", "0")
            await until("all of it is in Redis", lambda: handed_over(server))
            last = await server.submit("track", 7)
            assert (await server.wait_for(last))["status"] == "completed"
            async with site.store() as store:
                assert [(await store.job(job)).file_count for job in (here, last)] == [1, 1]
                assert await store.audit() == ()


async def handed_over(server: Tonearm) -> bool:
    """Whether nobody warns any more."""
    return (await server.stats()).get("warning") is None


async def test_when_the_disk_of_redis_is_full_that_is_said_and_it_goes_on_when_there_is_room(
    tmp_path: Path, noise: Noise
) -> None:
    """MISCONF refuses every write: a transfer comes to its last byte and waits to tell."""
    go = asyncio.Event()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", held(go))
        with small_disk(tmp_path / "disk", 4) as disk, RedisServer(aof="everysec", data=disk) as full:
            site = Site(tmp_path, catalog.url, full.url, **OFF)
            async with site.server("server") as server:
                job = await server.submit("track", 1)
                await catalog.asked("/media/1")
                filler = leave_free(disk, 0)
                await until("Redis refuses", lambda: full.figures("persistence")["aof_last_write_status"] != "ok")
                assert (await refused(server, 9))["error"] == NO_ROOM
                go.set()
                await until("the file is there", lambda: catalog.open == 0)

                filler.unlink()
                assert (await server.wait_for(job))["status"] == "completed"
                assert catalog.count("/media/1") == 1
                async with site.store() as store:
                    assert await store.audit() == ()
