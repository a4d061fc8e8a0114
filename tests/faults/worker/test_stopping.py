"""Stopping in good order, stopping at once, and starting anew in the middle of the work."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

from tests.faults.worker.conftest import Noise, Offer
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.filed_catalog import FiledCatalog
from tests.support.inside import submit, working
from tests.support.server import Tonearm, tonearm, until

import tonearm as package
from tonearm.model import State, WorkerTask


def album(catalog: FiledCatalog, noise: Noise, tracks: int) -> None:
    """Album 5 with this many tracks."""
    lines = [
        catalog.track(100 + number, f"Track {number}", {"LOSSLESS": noise(number)}, trackNumber=number)
        for number in range(1, tracks + 1)
    ]
    catalog.album(5, "Blue", "Ann", lines)


async def transferring(server: Tonearm) -> bool:
    """Whether a transfer runs."""
    return bool((await server.stats())["worker"]["activeDownloads"])


async def test_running_transfers_may_finish_within_the_grace(tmp_path: Path, offer: Offer, noise: Noise) -> None:
    """SIGTERM: what runs is completed and nothing new begins; the exit code is 0."""
    catalog = offer("limit_rate 80k;")
    album(catalog, noise, 6)
    async with tonearm(tmp_path, catalog.url, QUEUE_MAX_CONCURRENT=2, QUEUE_SHUTDOWN_GRACE_MS=20_000) as server:
        job_id = await server.submit("album", 5)
        await until("transfers run", lambda: transferring(server))
        await server.terminate()
        assert await server.ended() == 0
        arrived = len(server.files())
        assert 2 <= arrived < 6
        assert server.staged() == []

        await server.start()
        record = await server.wait_for(job_id)
        assert (record["status"], record["completedTracks"], record["retryCount"]) == ("completed", 6, 0)
        assert "Recovered from crash" not in [entry.get("message") for entry in record["history"]]


async def test_a_second_signal_stops_at_once(tmp_path: Path, offer: Offer, noise: Noise) -> None:
    """Transfers are released without costing an attempt, and their bytes are kept for the next start."""
    catalog = offer("limit_rate 100k;")
    album(catalog, noise, 4)
    async with tonearm(tmp_path, catalog.url, QUEUE_SHUTDOWN_GRACE_MS=600_000) as server:
        job_id = await server.submit("album", 5)
        await until("transfers run", lambda: transferring(server))
        await server.terminate(signal.SIGINT)
        await until("it says that it is stopping", lambda: "second signal" in server.tail())
        await server.terminate(signal.SIGINT)
        assert await server.ended() == 0
        assert server.files() == []
        assert len(server.staged()) == 4

        await server.start()
        record = await server.wait_for(job_id)
        assert (record["status"], record["retryCount"]) == ("completed", 0)
        assert "Recovered from crash" not in [entry.get("message") for entry in record["history"]]
        assert server.staged() == []


async def test_a_worker_that_has_stopped_works_on_nothing(tmp_path: Path, noise: Noise) -> None:
    """It is listed for a while, without the tasks that it gave back: others have them."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", slow(50_000))
        async with working(tmp_path, catalog) as (store, worker):
            await submit(store, 1)
            await catalog.transferring(1)

            async def tasks() -> tuple[WorkerTask, ...]:
                (record,) = await store.workers()
                return record.tasks

            await until("it is told", tasks)
            await worker.stop(0, hurry=asyncio.Event())
            assert (await store.job("job-1-1")).state is State.READY
            assert await tasks() == ()


async def test_a_reload_in_the_middle_of_an_album_completes_it_with_one_worker(
    tmp_path: Path, offer: Offer, noise: Noise
) -> None:
    """`serve --reload`: a touched file starts the server anew, transfers are released and go on."""
    catalog = offer("limit_rate 100k;")
    album(catalog, noise, 8)
    server = Tonearm(tmp_path, catalog.url)
    server.arguments = ["--reload"]
    async with server:
        try:
            job_id = await server.submit("album", 5)
            await until("transfers run", lambda: transferring(server))
            assert package.__file__ is not None
            os.utime(Path(package.__file__))
            await until("the server started anew", lambda: server.log.read_text("utf-8").count("Ready") == 2)
            record = await server.wait_for(job_id)

            assert (record["status"], record["completedTracks"], record["retryCount"]) == ("completed", 8, 0)
            assert len(server.files()) == 8
            assert len([path for path in server.stage.iterdir() if path.is_dir()]) == 1
        finally:
            await server.terminate()
            await server.ended()


async def test_a_second_signal_ends_open_requests_too(tmp_path: Path) -> None:
    """Half a request keeps nobody up."""
    async with tonearm(tmp_path, "http://127.0.0.1:9", QUEUE_SHUTDOWN_GRACE_MS=600_000) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = "POST /api/download-queue HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await server.terminate()
        await until("it says that it is stopping", lambda: "second signal" in server.tail())
        await server.terminate()
        try:
            assert await server.ended(5) == 0
        finally:
            writer.close()


async def test_a_signal_in_the_middle_of_a_reload_is_heard(tmp_path: Path) -> None:
    """Whenever it comes between two children, nothing runs on."""
    for delay in (0.05, 0.15, 0.4, 0.8):
        server = Tonearm(tmp_path, "http://127.0.0.1:9")
        server.arguments = ["--reload"]
        async with server:
            assert package.__file__ is not None
            os.utime(Path(package.__file__))
            await asyncio.sleep(delay)  # the moment itself
            await server.terminate()
            assert await server.ended(20) == 0
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", server.port)) != 0, "a child runs on"
