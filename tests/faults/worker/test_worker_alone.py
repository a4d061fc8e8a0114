"""`tonearm worker`, a process that only works on a shared queue, from outside: its probes, its metrics, its end."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, held, slow, status
from tests.support.inside import submit
from tests.support.server import Tonearm, until

from tonearm.clock import SystemClock
from tonearm.model import State
from tonearm.store.sqlite import open_sqlite
from tonearm.traces import JOURNEY, Step

COUNTED_BY = ("outcome", "step", "kind", "access", "code")
"""Labels of what a worker counts; each sample has one of them at most."""


class Alone(Tonearm):
    """A worker process; the queue that it shares is a file here, away while the file `away` is there."""

    def __init__(self, folder: Path, catalog_url: str, **settings: object) -> None:
        shared: dict[str, Any] = {"REDIS_URL": "redis://127.0.0.1:9", **settings}
        super().__init__(folder, catalog_url, breakage=f"shared:{folder / 'away'}", **shared)
        self.command = "worker"

    async def get(self, path: str) -> tuple[int, str, str]:
        """Status, content type and text of an answer."""
        assert self._http is not None
        async with self._http.get(self.url + path) as answer:
            return answer.status, answer.headers["Content-Type"], await answer.text()

    async def ready(self) -> bool:
        """Whether it would take on tasks."""
        return (await self.get("/readyz"))[0] == 200

    async def figures(self) -> dict[str, float]:
        """Every sample of its metrics by name, and by the one label of what a worker counts where it has that."""
        families = text_string_to_metric_families((await self.get("/metrics"))[2])
        return {
            ":".join(
                (sample.name, *(value for label, value in sample.labels.items() if label in COUNTED_BY))
            ): sample.value
            for family in families
            for sample in family.samples
        }


@asynccontextmanager
async def alone(folder: Path, catalog: ScriptedCatalog, **settings: object) -> AsyncIterator[Alone]:
    """A worker that is up, though not yet at work."""
    async with Alone(folder, catalog.url, **settings) as worker:
        yield worker


async def queue(folder: Path, *numbers: int) -> None:
    """Leave tracks in the queue before anybody works on it."""
    store = await open_sqlite(folder / "queue.db", SystemClock())
    await submit(store, *numbers)
    await store.close()


async def states(folder: Path, *numbers: int) -> list[State]:
    """How the tracks stand, when nobody works on the queue any more."""
    store = await open_sqlite(folder / "queue.db", SystemClock())
    try:
        return [(await store.job(f"job-1-{number}")).state for number in numbers]
    finally:
        await store.close()


async def test_a_worker_waits_for_its_queue_and_says_so_meanwhile(tmp_path: Path) -> None:
    """It lives, and is not ready; when the queue is there it is, and its metrics say when it last claimed."""
    (tmp_path / "away").touch()
    async with ScriptedCatalog() as catalog, alone(tmp_path, catalog) as worker:
        status, _, body = await worker.get("/readyz")
        assert (status, '"STORE_UNAVAILABLE"' in body) == (503, True)
        figures = await worker.figures()
        assert figures["tonearm_store_reachable"] == 0
        assert not {"tonearm_worker_ready", "tonearm_jobs", "tonearm_workers_alive"} & figures.keys()
        assert (await worker.get("/api/download-queue/stats"))[0] == 404

        (tmp_path / "away").unlink()
        await until("it is ready", worker.ready, seconds=5)
        status, content_type, _ = await worker.get("/metrics")
        figures = await worker.figures()
        assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert (figures["tonearm_store_reachable"], figures["tonearm_worker_ready"]) == (1, 1)
        assert (figures["tonearm_active_downloads"], figures["tonearm_max_concurrent"]) == (0, 4)
        assert abs(figures["tonearm_last_claim_timestamp_seconds"] * 1_000 - SystemClock().wall_ms()) < 30_000


async def test_a_worker_whose_queue_never_comes_ends_when_it_is_told(tmp_path: Path) -> None:
    """In good order."""
    (tmp_path / "away").touch()
    async with ScriptedCatalog() as catalog, alone(tmp_path, catalog) as worker:
        await until("it tries", lambda: "does not answer" in worker.tail())
        await worker.terminate()
        assert await worker.ended(10) == 0


async def test_a_worker_counts_what_it_did(tmp_path: Path, noise: Noise) -> None:
    """By outcome, from zero; each step of the way, the attempt that failed first, and the store."""
    await queue(tmp_path, 1, 2)
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", status(500))
        async with alone(tmp_path, catalog, QUEUE_RETRY_BACKOFF_MS=100) as worker:

            async def done() -> bool:
                figures = await worker.figures()
                ended = {name: value for name, value in figures.items() if name.startswith("tonearm_tasks_total")}
                wanted = {"completed": 1, "failed": 1, "retried": 1}
                return bool(ended) and all(
                    value == wanted.get(name.partition(":")[2], 0) for name, value in ended.items()
                )

            await until("one arrived, and one is not in the catalog", done)
            figures = await worker.figures()
            assert figures["tonearm_received_bytes_total"] == noise(1).stat().st_size
            assert figures["tonearm_first_byte_seconds_count"] == 1
            steps = {step: figures[f"tonearm_step_duration_seconds_count:{step}"] for step in JOURNEY}
            once = dict.fromkeys((Step.VERIFY, Step.TAG, Step.DECODE, Step.PUBLISH), 1)
            assert steps == {Step.RESOLVE: 3, Step.TRANSFER: 2, **once}
            assert figures["tonearm_task_duration_seconds_count:track"] == 3
            assert (
                figures["tonearm_task_duration_seconds_sum:track"]
                > figures["tonearm_step_duration_seconds_sum:verify"]
                > 0
            )
            retries = {
                name: value for name, value in figures.items() if name.startswith("tonearm_retries_total:") and value
            }
            assert retries == {"tonearm_retries_total:server_error": 1}
            assert all(figures[f"tonearm_store_duration_seconds_count:{access}"] > 0 for access in ("read", "write"))
            await worker.terminate()
            assert await worker.ended() == 0
    assert await states(tmp_path, 1, 2) == [State.COMPLETED, State.FAILED]


async def test_a_worker_tells_how_fast_it_is_and_what_room_there_is(tmp_path: Path, noise: Noise) -> None:
    """While a transfer runs, of all of them together; and afterwards none."""
    await queue(tmp_path, 1)
    rate = noise(1).stat().st_size // 2
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", slow(rate))
        async with alone(tmp_path, catalog) as worker:

            async def speed() -> float:
                return (await worker.figures()).get("tonearm_download_speed_bytes_per_second", 0)

            async def done() -> bool:
                return (await worker.figures())["tonearm_tasks_total:completed"] == 1

            assert 0 < await until("bytes flow", speed) < 4 * rate
            free, largest = (await worker.figures())["tonearm_disk_free_bytes"], shutil.disk_usage(tmp_path).total
            assert 0 < free < largest
            await until("it arrived", done)
            assert await speed() == 0


async def test_a_worker_that_stops_lets_transfers_finish_and_is_not_ready(tmp_path: Path, noise: Noise) -> None:
    """SIGTERM: nothing new is begun, what runs arrives, and the exit code is 0."""
    await queue(tmp_path, 1, 2)
    last_byte = asyncio.Event()
    async with ScriptedCatalog() as catalog:
        for number in (1, 2):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", held(last_byte))
        settings = {"QUEUE_MAX_CONCURRENT": 1, "QUEUE_SHUTDOWN_GRACE_MS": 60_000}
        async with alone(tmp_path, catalog, **settings) as worker:
            await catalog.asked("/media/1")
            await worker.terminate()

            async def stopping() -> bool:
                status, _, body = await worker.get("/readyz")
                return status == 503 and "is stopping" in body

            await until("it says that it stops", stopping)
            last_byte.set()
            assert await worker.ended() == 0
            assert worker.staged() == []
    assert await states(tmp_path, 1, 2) == [State.COMPLETED, State.READY]


async def test_a_worker_refuses_foreign_hosts_like_every_server(tmp_path: Path) -> None:
    """Its metrics are no business of a page in somebody's browser."""
    async with ScriptedCatalog() as catalog, alone(tmp_path, catalog) as worker:
        headers = {"Host": "evil.example"}
        async with aiohttp.ClientSession() as http, http.get(f"{worker.url}/metrics", headers=headers) as answer:
            assert answer.status == 421
