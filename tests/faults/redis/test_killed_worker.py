"""A worker that is killed (`kill -9`) in the middle of a download, and what Redis itself has of it then and later."""

from __future__ import annotations

from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.clock import DAY, FakeClock
from tests.support.inside import submit
from tests.support.redis_server import RedisServer, by_kind, tag
from tests.support.server import until
from tests.support.sharing import Site

from tonearm.clock import SystemClock
from tonearm.model import ControlChange
from tonearm.store.redis import open_redis

QUEUE = "tonearm"
JOB = "job-1-1"


def hash_of(redis: RedisServer, name: str) -> dict[str, str]:
    """HGETALL."""
    flat = redis.call("HGETALL", tag(QUEUE) + name)
    return dict(zip(flat[::2], flat[1::2], strict=True))


def record(redis: RedisServer) -> dict[str, str]:
    """The record of the job as it lies in Redis."""
    return hash_of(redis, f"task:{hash_of(redis, 'ids')[JOB]}")


def received(site: Site) -> int:
    """Bytes of downloads in the stage."""
    return sum(part.stat().st_size for part in site.stage.glob("*/job-*/part"))


async def test_its_task_is_ready_at_the_next_start_and_completed_later(
    tmp_path: Path, noise: Noise, redis: RedisServer
) -> None:
    """Long before its lease has ended, and from the bytes that had arrived; deleted, it leaves no key behind."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", slow(100_000))
        site = Site(tmp_path, catalog.url, redis.url)
        async with site.store() as store:
            await submit(store, 1)
            async with site.worker("first") as first:
                await until("bytes have arrived", lambda: received(site) > 50_000)
                await first.kill()
            killed = record(redis)
            assert (killed["state"], killed["epoch"]) == ("active", "1")
            assert killed["token"].startswith("1:")
            assert redis.call("ZCARD", f"{tag(QUEUE)}leases") == 1

            await store.steer(ControlChange(paused=True))
            async with site.worker("second"):
                await until("it is ready again", lambda: record(redis)["state"] == "ready")
                assert not {"token", "lease_until", "worker"} & record(redis).keys()
                assert redis.call("EXISTS", f"{tag(QUEUE)}leases", f"{tag(QUEUE)}tokens") == 0
                (last,) = (await store.job(JOB)).history[-1:]
                assert "Recovered from crash" in (last.message or "")

                await store.steer(ControlChange(paused=False))
                await until("it is completed", lambda: record(redis)["state"] == "completed")
            assert record(redis)["epoch"] == "2"
            media = [seen for seen in catalog.requests if seen.path == "/media/1"]
            assert "Range" in media[-1].headers
            assert site.files() == ["Scripted/Scripts/Track 1.flac"]
            assert site.staged() == []
            await store.delete(JOB)
        await keys_are_those_of_an_empty_queue(redis)


async def keys_are_those_of_an_empty_queue(redis: RedisServer) -> None:
    """Two days later nothing is left but what a queue has from its first hour on."""
    later = FakeClock(SystemClock().wall_ms() + 2 * DAY)
    store = await open_redis(redis.url, later, server_time=later.wall_ms)
    try:
        while (await store.sweep()).more:
            pass
        assert await store.audit() == ()
    finally:
        await store.close()
    left = by_kind(redis.all_keys(), QUEUE)
    redis.forget_everything()

    store = await open_redis(redis.url, SystemClock())
    await store.close()
    assert left == by_kind(redis.all_keys(), QUEUE)
