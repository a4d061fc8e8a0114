"""Alive or not: a server frozen for longer than its leases trusts none of them, and one that lives says so in time."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.server import Tonearm, tonearm, until

LEASE_MS = 1_000


async def test_a_frozen_server_takes_its_tasks_up_again(tmp_path: Path, noise: Noise) -> None:
    """The transfers stop, the sweep frees the tasks, and each arrives once, without a failed attempt."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 5):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", slow(60_000), forever=True)
        catalog.add_album(5, list(range(1, 5)))
        async with tonearm(tmp_path, catalog.url, QUEUE_LEASE_MS=LEASE_MS) as server:
            job = await server.submit("album", 5)
            await catalog.transferring(4)
            os.kill(server.pid, signal.SIGSTOP)
            await asyncio.sleep(2.5 * LEASE_MS / 1_000)  # the freeze itself
            os.kill(server.pid, signal.SIGCONT)
            record = await server.wait_for(job)

            assert (record["status"], record["outcome"], record["retryCount"]) == ("completed", "ok", 0)
            assert server.files() == [f"Scripted/Scripts/{number:02} Track {number}.flac" for number in range(1, 5)]
            assert server.staged() == []
            assert "could not be renewed" in server.log.read_text("utf-8")


async def test_a_worker_that_lives_is_never_called_dead(tmp_path: Path) -> None:
    """However short the time is after which a silent worker counts as dead."""
    async with tonearm(tmp_path, "http://127.0.0.1:9", QUEUE_WORKER_DEAD_MS=600, QUEUE_HEARTBEAT_MS=60_000) as server:
        await until("the worker is there", lambda: _running(server))
        for _ in range(60):
            assert await _running(server)
            await asyncio.sleep(0.03)  # spread over three times the limit


async def _running(server: Tonearm) -> bool:
    status, body = await server.call("GET", "/stats")
    return status == 200 and body["worker"]["running"] is True
