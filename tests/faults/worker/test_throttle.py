"""The throttle in the whole server: slow is no failure, and what people set holds while it runs and after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, held
from tests.support.inside import submit, working
from tests.support.server import Tonearm, tonearm, until

from tonearm.clock import SystemClock
from tonearm.fetch.throttle import BITE_S, BURST_S
from tonearm.model import ControlChange
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite

LIMIT = 400_000


async def test_a_throttled_track_times_out_by_no_limit(tmp_path: Path, noise: Noise) -> None:
    """Three tracks need much longer than the hard limit of each, and stand for longer than the silence allowed."""
    async with ScriptedCatalog() as catalog:
        bodies = [noise(number).read_bytes() for number in (1, 2, 3)]
        for number, body in enumerate(bodies, 1):
            catalog.add_track(number, body=body)
        limits = {"QUEUE_PROCESSING_TIMEOUT_MS": 2_000, "QUEUE_JOB_TIMEOUT_MS": 500}
        async with tonearm(tmp_path, catalog.url, QUEUE_BANDWIDTH_LIMIT=LIMIT, **limits) as server:
            records = [
                await server.wait_for(job) for job in [await server.submit("track", number) for number in (1, 2, 3)]
            ]
        assert [(record["status"], record["retryCount"]) for record in records] == [("completed", 0)] * 3
        took_s = (max(record["completedAt"] for record in records) - records[0]["startedAt"]) / 1_000
        assert took_s >= sum(map(len, bodies)) / LIMIT - BURST_S - BITE_S


async def test_people_change_the_speed_while_a_track_is_downloaded(tmp_path: Path, noise: Noise) -> None:
    """Over HTTP: lifted, it is there soon instead of in minutes; taken back, the setting holds for the next one."""
    async with ScriptedCatalog() as catalog:
        for number in (1, 2):
            catalog.add_track(number, body=noise(number).read_bytes())
        async with tonearm(tmp_path, catalog.url, QUEUE_BANDWIDTH_LIMIT=2_000) as server:
            first = await server.submit("track", 1)
            await until("bytes are on disk", lambda: _received(server) > 0)
            await _limit(server, 0)
            assert (await server.wait_for(first))["status"] == "completed"

            await _limit(server, None)
            await until("the setting holds", lambda: "bandwidth_limit=2000" in server.tail())
            second = await server.submit("track", 2)
            await until("bytes are on disk", lambda: _received(server) > 0)
            assert _received(server) < 100_000
            await _limit(server, 100_000_000)
            assert (await server.wait_for(second))["status"] == "completed"


async def test_a_paused_queue_says_so_and_goes_on_when_it_is_resumed(tmp_path: Path, noise: Noise) -> None:
    """In the figures, where every list and page looks for the reason why nothing begins; also after a restart."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path, catalog.url) as server:
            assert (await server.call("PATCH", "/control", json={"paused": True}))[0] == 200
            job = await server.submit("track", 1)

            async def said() -> bool:
                return "paused" in (await server.stats())["worker"].get("holding", "")

            await until("the figures say so", said)
            await server.kill()
            await server.start()
            await until("the figures say so again", said)
            assert (await server.job(job))["status"] == "queued"
            assert (await server.call("PATCH", "/control", json={"paused": False}))[0] == 200
            assert (await server.wait_for(job))["status"] == "completed"

            async def silent() -> bool:
                return not await said()

            await until("nothing is said any more", silent)


async def _limit(server: Tonearm, limit: int | None) -> None:
    status, body = await server.call("PATCH", "/control", json={"bandwidthLimit": limit})
    assert status == 200, body


def _received(server: Tonearm) -> int:
    return sum(path.stat().st_size for path in server.stage.rglob("part"))


async def reported(store: Store) -> tuple[int, int]:
    """How many transfers run and may run, as people are told."""
    (worker,) = await store.workers()
    return worker.active_downloads, worker.max_concurrent


async def test_slots_change_while_transfers_run(tmp_path: Path, noise: Noise) -> None:
    """More at once; fewer when what runs has finished; taken back, the setting holds again."""
    ends = asyncio.Event()
    async with ScriptedCatalog() as catalog:
        for number in range(1, 10):
            catalog.add_track(number, body=noise(1).read_bytes())
            catalog.reply(f"/media/{number}", held(ends))
        async with working(tmp_path, catalog, QUEUE_MAX_CONCURRENT="2") as (store, worker):

            async def told(transfers: int, slots: int) -> None:
                async def is_so() -> bool:
                    return await reported(store) == (transfers, slots)

                await until(f"{transfers} of {slots} transfers run", is_so)

            await submit(store, *range(1, 10))
            await told(2, 2)
            await store.steer(ControlChange(max_concurrent=5))
            await told(5, 5)
            await store.steer(ControlChange(max_concurrent=1, paused=True))
            await told(5, 1)
            ends.set()
            await told(0, 1)
            assert len([seen for seen in catalog.requests if seen.path.startswith("/media")]) == 5
            await store.steer(ControlChange(paused=False))
            await until("everything is done", lambda: _completed(store, 9))
            assert worker.slots.limit == 1
            await store.steer(ControlChange(max_concurrent=None))
            await told(0, 2)


async def _completed(store: Store, jobs: int) -> bool:
    return (await store.counts()).completed == jobs


async def test_what_people_set_holds_from_the_first_claim_after_a_restart(tmp_path: Path, noise: Noise) -> None:
    """One slot, and 1 kB/s: nothing more is begun, and hardly a byte passes, though the settings allow it."""
    async with ScriptedCatalog() as catalog:
        for number in (1, 2, 3):
            catalog.add_track(number, body=noise(1).read_bytes())
        store: Store = await open_sqlite(tmp_path / "queue.db", SystemClock(), worker_dead_ms=60_000)
        await submit(store, 1, 2, 3)
        await store.steer(ControlChange(max_concurrent=1, bandwidth_limit=1_000))
        await store.close()

        async with working(tmp_path, catalog) as (store, worker):
            await catalog.asked("/media/1")
            assert (worker.slots.limit, worker.slots.transferring) == (1, 1)
            await store.steer(ControlChange(bandwidth_limit=0))
            await until("everything is done", lambda: _completed(store, 3))
            assert catalog.most_transfers == 1
