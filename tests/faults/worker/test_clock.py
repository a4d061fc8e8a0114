"""The wall clock is set, while the server runs and between two runs: no duration changes, nothing is pruned early."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, status
from tests.support.server import Tonearm, tonearm, until

HOUR = 3_600_000
TEN_YEARS = 10 * 365 * 24 * HOUR
BACK_OFF_MS = 600_000


@pytest.mark.parametrize("step_ms", [-HOUR, TEN_YEARS], ids=["an hour back", "ten years on"])
@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
async def test_a_step_of_the_wall_clock_neither_hurries_nor_delays(
    tmp_path: Path, noise: Noise, step_ms: int, *, restart: bool
) -> None:
    """Finished jobs stay, a back-off goes on, the rate window stays shut and new jobs run; also after the way back."""
    shift = tmp_path / "shift"
    shift.write_text("0")
    async with ScriptedCatalog() as catalog:
        for number in range(1, 9):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.reply("/tracks/2", status(503), forever=True)
        async with tonearm(
            tmp_path / "server",
            catalog.url,
            breakage=f"wall:{shift}",
            QUEUE_RATE_LIMIT_PER_MIN=5,
            QUEUE_RETRY_BACKOFF_MS=BACK_OFF_MS,
            QUEUE_CLEANUP_INTERVAL_MS=100,
        ) as server:
            done = (await server.wait_for(await server.submit("track", 1)))["id"]
            delayed = await server.submit("track", 2)
            await until("it backs off", lambda: _backs_off(server, delayed))

            for number, step in enumerate((step_ms, 0), 3):
                shift.write_text(str(step))
                if restart:
                    await server.kill()
                    await server.start()
                assert (await server.wait_for(await server.submit("track", number)))["status"] == "completed"
                assert (await server.job(done))["status"] == "completed"
                assert (await server.job(delayed))["status"] == "queued"
                assert catalog.count("/tracks/2") == 1

            await server.submit("track", 7)
            job = {"type": "track", "trackId": 8, "quality": "LOW"}
            answered, body = await server.call("POST", "/", json={"job": job})
            assert (answered, body["code"]) == (429, "RATE_LIMITED")


async def _backs_off(server: Tonearm, job_id: str) -> bool:
    record = await server.job(job_id)
    return record["status"] == "queued" and "nextRetryAt" in record
