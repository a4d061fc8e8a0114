"""Two workers of one queue that differ: by an hour of their clocks, or because one of them only seems to live."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.breakages import Hold
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.clock import HOUR
from tests.support.counts import ALL
from tests.support.inside import submit
from tests.support.redis_server import RedisServer
from tests.support.server import until
from tests.support.sharing import Site, ended

from tonearm.clock import SystemClock
from tonearm.model import State
from tonearm.store.redis import RedisStore

TRACKS = 6


async def all_completed(store: RedisStore) -> bool:
    """Whether every track is; none of them ends otherwise."""
    states = {(await store.job(f"job-1-{number}")).state for number in range(1, TRACKS + 1)}
    assert not states & {State.FAILED, State.CANCELLED}
    return states == {State.COMPLETED}


@pytest.mark.parametrize("ahead", [HOUR, -HOUR] if ALL else [HOUR])
async def test_workers_whose_clocks_are_an_hour_apart_take_nothing_from_each_other(
    tmp_path: Path, noise: Noise, redis: RedisServer, ahead: int
) -> None:
    """The clock of Redis decides: no lease ends early, nobody looks dead, and no time of a record is an hour off."""
    (tmp_path / "wall").write_text(str(ahead), "ascii")
    began = SystemClock().wall_ms()
    async with ScriptedCatalog() as catalog:
        for number in range(1, TRACKS + 1):
            catalog.add_track(number, body=noise(number % 3).read_bytes())
            catalog.reply(f"/media/{number}", slow(150_000), forever=True)
        site = Site(tmp_path, catalog.url, redis.url, QUEUE_LEASE_MS=2_000, QUEUE_MAX_CONCURRENT=2)
        other = site.worker("wrong", breakage=f"wall:{tmp_path / 'wall'}")
        async with site.store() as store, site.worker("right") as right, other as wrong:

            async def both_live() -> bool:
                return [worker.alive for worker in await store.workers()] == [True, True]

            await until("both are there", both_live)
            await submit(store, *range(1, TRACKS + 1))
            await until("all are completed", lambda: all_completed(store))
            assert await both_live()
            done = [await ended(right), await ended(wrong)]
            assert all(set(each) == {"completed"} for each in done), done
            assert sum(each["completed"] for each in done) == TRACKS
            assert [catalog.count(f"/media/{number}") for number in range(1, TRACKS + 1)] == [1] * TRACKS
            for number in range(1, TRACKS + 1):
                for line in (await store.job(f"job-1-{number}")).history:
                    assert began <= line.at <= SystemClock().wall_ms(), line
            assert await store.audit() == ()


async def test_a_worker_whose_loop_is_blocked_does_not_look_alive(
    tmp_path: Path, noise: Noise, hold: Hold, redis: RedisServer
) -> None:
    """Its process runs, and its threads do; its lease ends, another one does the work, and it finds that out."""
    blocked = tmp_path / "blocked"
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        times = {"QUEUE_LEASE_MS": 1_000, "QUEUE_HEARTBEAT_MS": 500, "QUEUE_WORKER_DEAD_MS": 1_000}
        site = Site(tmp_path, catalog.url, redis.url, **times)
        breakage = f"blocked:{blocked} {hold.at('transfer')}"
        async with site.store() as store, site.worker("first", breakage=breakage) as first:
            await submit(store, 1)
            await until("it has begun", lambda: hold.stands("transfer", "job-1-1"))
            blocked.touch()

            async def looks_dead() -> bool:
                return not any(worker.alive for worker in await store.workers())

            await until("it does not look alive", looks_dead)
            assert first.running
            assert not first.frozen
            async with site.worker("second") as second:

                async def completed() -> bool:
                    return (await store.job("job-1-1")).state is State.COMPLETED

                await until("the other one has done it", completed)
                blocked.unlink()
                hold.let_go()

                async def lost() -> bool:
                    return await ended(first) == {"lost": 1}

                await until("it has found that out", lost)
                assert await ended(second) == {"completed": 1}
                assert site.files() == ["Scripted/Scripts/Track 1.flac"]
                assert site.staged() == []
                assert await store.audit() == ()
