"""A power cut at any moment: what was acknowledged is there, and no file in the library is torn."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
from pathlib import Path

import apsw
import pytest
from tests.faults.worker.conftest import Noise, Offer
from tests.support.counts import count
from tests.support.music import pcm
from tests.support.power import disk
from tests.support.programs import find
from tests.support.server import Tonearm, tonearm

CUTS = count(4, 20)


@pytest.mark.timeout(600)
async def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path, offer: Offer, noise: Noise) -> None:
    """At random moments of a busy queue the disk is copied as a cut would leave it, and looked at."""
    catalog = offer("limit_rate 1500k;")
    for number in range(1, 13):
        catalog.track(number, f"Track {number}", {"LOSSLESS": noise(number)}, trackNumber=number)
    moments, acknowledged = random.Random(8), list[str]()
    with disk(tmp_path / "disk") as power:
        async with tonearm(power.root / "tonearm", catalog.url, QUEUE_DISK_SPACE_MIN_MB=1) as server:
            for cut in range(CUTS):
                submitting = asyncio.create_task(_submit_all(server, acknowledged))
                await asyncio.sleep(moments.uniform(0.05, 0.8))  # the random moment itself
                known = list(acknowledged)
                # Frozen while the image is copied, so that the copy shows one moment.
                os.kill(server.pid, signal.SIGSTOP)
                try:
                    with power.after_power_cut(tmp_path / f"cut-{cut}") as root:
                        _look_at(root / "tonearm", known)
                finally:
                    os.kill(server.pid, signal.SIGCONT)
                await submitting
            for job_id in acknowledged:
                record = await server.wait_for(job_id)
                assert record["status"] == "completed", record["error"]


@pytest.mark.timeout(300)
async def test_after_a_power_cut_the_work_goes_on(tmp_path: Path, offer: Offer, noise: Noise) -> None:
    """A server on the disk that the cut left completes every job, and nobody is charged for the crash."""
    catalog = offer("limit_rate 300k;")
    for number in range(1, 9):
        catalog.track(number, f"Track {number}", {"LOSSLESS": noise(number)}, trackNumber=number)
    with disk(tmp_path / "disk") as power:
        async with tonearm(power.root / "tonearm", catalog.url, QUEUE_DISK_SPACE_MIN_MB=1) as server:
            jobs = [await server.submit("track", number) for number in range(1, 9)]
            await server.wait_for(jobs[0])
            await server.kill()
            with power.after_power_cut(tmp_path / "cut") as root:
                async with tonearm(root / "tonearm", catalog.url, QUEUE_DISK_SPACE_MIN_MB=1) as again:
                    for job_id in jobs:
                        assert (await again.wait_for(job_id))["status"] == "completed"
                    assert len(again.files()) == len(jobs)
                    assert again.staged() == []


async def _submit_all(server: Tonearm, acknowledged: list[str]) -> None:
    """Twelve jobs, each noted only after its answer."""
    for number in range(1, 13):
        job_id = await server.submit("track", number, checkDuplicate=False)
        acknowledged.append(job_id)


def _look_at(folder: Path, acknowledged: list[str]) -> None:
    """The database is sound and knows every acknowledged job; every file under its final name decodes whole."""
    connection = apsw.Connection(str(folder / "queue.db"))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    known = {job_id for (job_id,) in connection.execute("SELECT id FROM task")}
    connection.close()
    assert set(acknowledged) <= known
    for path in (folder / "music").rglob("*.flac"):
        if ".tonearm" not in path.parts:
            subprocess.run([find("flac"), "--silent", "--test", str(path)], check=True)
            assert pcm(path)
