"""An exception that nobody expected, in any phase of a task, ends that task and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise, Offer
from tests.support.breakages import PHASES
from tests.support.server import Tonearm, tonearm, until


async def idle(server: Tonearm) -> bool:
    """Whether no transfer is counted."""
    return not (await server.stats())["worker"]["activeDownloads"]


@pytest.mark.parametrize("phase", PHASES)
async def test_an_exception_in_any_phase_fails_that_track_alone(
    tmp_path: Path, offer: Offer, noise: Noise, phase: str
) -> None:
    """The track fails with `internal` and its stack in the log; its neighbours and the next job complete."""
    catalog = offer()
    for number, title in enumerate(["One", "Broken", "Three"], 1):
        catalog.track(number, title, {"LOSSLESS": noise(number)})
    async with tonearm(tmp_path, catalog.url, breakage=f"{phase}:raise:Broken") as server:
        jobs = [
            await server.submit("track", number, titled=title)
            for number, title in enumerate(["One", "Broken", "Three"], 1)
        ]
        records = [await server.wait_for(job) for job in jobs]

        assert [record["status"] for record in records] == ["completed", "failed", "completed"]
        assert records[1]["failureCode"] == "internal"
        assert "InjectedError" in records[1]["error"]
        log = server.log.read_text("utf-8")
        assert "Traceback" in log
        assert f"injected into {phase}" in log
        assert server.staged() == []
        await until("no slot is held", lambda: idle(server))


async def test_an_exception_while_an_album_is_resolved_fails_that_album_alone(
    tmp_path: Path, offer: Offer, noise: Noise
) -> None:
    """The worker goes on with everything else."""
    catalog = offer()
    catalog.album(5, "Broken", "Ann", [catalog.track(1, "One", {"LOSSLESS": noise(1)})])
    async with tonearm(tmp_path, catalog.url, breakage="resolve:raise") as server:
        album = await server.wait_for(await server.submit("album", 5))
        track = await server.wait_for(await server.submit("track", 1))

        assert (album["status"], album["failureCode"]) == ("failed", "internal")
        assert track["status"] == "completed"
