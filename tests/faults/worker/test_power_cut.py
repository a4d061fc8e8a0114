"""A power cut at any moment: what was acknowledged is there, and no file in the library is torn."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest
from tests.faults.worker.conftest import Noise, Offer
from tests.support.breakages import Hold
from tests.support.catalog import ScriptedCatalog
from tests.support.counts import count
from tests.support.music import Music
from tests.support.power import disk
from tests.support.programs import find
from tests.support.server import Tonearm, tonearm, until

CUTS = count(4, 20)
TINY = 40
"""Tracks of an album of tiny tracks."""


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
                with _frozen(server), power.after_power_cut(tmp_path / f"cut-{cut}") as root:
                    _look_at(root / "tonearm", known)
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


@pytest.mark.timeout(600)
async def test_a_power_cut_in_the_middle_of_publishing_leaves_whole_files(
    tmp_path: Path, offer: Offer, music: Music
) -> None:
    """Albums of tiny tracks, whose publishing is most of the work, cut when a random number of them is there."""
    catalog, tiny = offer(), music("flac", seconds=0.2)
    for cut in range(CUTS):
        lines = [
            catalog.track(number, f"Track {number}", {"LOSSLESS": tiny}, trackNumber=number - 100 * cut)
            for number in range(100 * cut + 1, 100 * cut + TINY + 1)
        ]
        catalog.album(cut + 1, f"Album {cut}", "Ann", lines)
    moments = random.Random(8)
    with disk(tmp_path / "disk") as power:
        async with tonearm(power.root / "tonearm", catalog.url, QUEUE_DISK_SPACE_MIN_MB=1) as server:
            for cut in range(CUTS):
                job_id = await server.submit("album", cut + 1)
                there = cut * TINY + moments.randrange(1, TINY // 2)
                await until("some of it is published", lambda: len(server.files()) >= there)  # noqa: B023 - awaited here
                with _frozen(server), power.after_power_cut(tmp_path / f"cut-{cut}") as root:
                    assert len(server.files()) < (cut + 1) * TINY, "the moment missed the publishing"
                    _look_at(root / "tonearm", [job_id])
                assert (await server.wait_for(job_id))["outcome"] == "ok"


@pytest.mark.parametrize("phase", ["publish", "linked", "published"])
async def test_a_power_cut_at_each_step_of_publishing_is_healed(
    tmp_path: Path, noise: Noise, hold: Hold, phase: str
) -> None:
    """After the commit, with a name in an unsynced folder, and with both: the file is whole or absent, and arrives."""
    body = noise(1).read_bytes()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=body)
        settings = {"QUEUE_DISK_SPACE_MIN_MB": 1, "breakage": hold.at(phase)}
        with disk(tmp_path / "disk") as power:
            async with tonearm(power.root / "tonearm", catalog.url, **settings) as server:
                job_id = await server.submit("track", 1)
                await until("it stands", lambda: hold.stands(phase, job_id))
                with power.after_power_cut(tmp_path / "cut") as root:
                    _look_at(root / "tonearm", [job_id])
                    hold.let_go()
                    async with tonearm(root / "tonearm", catalog.url, **settings) as again:
                        if phase == "published":
                            assert len(again.files()) == 1
                        record = await again.wait_for(job_id)
                        assert record["status"] == "completed"
                        assert again.files() == record["files"] == ["Scripted/Scripts/Track 1.flac"]
                        assert again.staged() == []
                        assert catalog.count("/media/1") == (1 if phase == "published" else 2)
                        _look_at(root / "tonearm", [job_id])


async def _submit_all(server: Tonearm, acknowledged: list[str]) -> None:
    """Twelve jobs, each noted only after its answer."""
    for number in range(1, 13):
        job_id = await server.submit("track", number, checkDuplicate=False)
        acknowledged.append(job_id)


@contextmanager
def _frozen(server: Tonearm) -> Iterator[None]:
    """The server stands still, so that a copy of its disk shows one moment."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def _look_at(folder: Path, acknowledged: list[str]) -> None:
    """The database is sound and knows every acknowledged job; what it calls completed is there; all files decode."""
    connection = apsw.Connection(str(folder / "queue.db"))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    known = {job_id for (job_id,) in connection.execute("SELECT id FROM task")}
    completed = connection.execute("SELECT files FROM task WHERE state = 'completed' AND files IS NOT NULL").fetchall()
    connection.close()
    for (files,) in completed:
        assert all((folder / "music" / name).is_file() for name in json.loads(str(files)))
    assert set(acknowledged) <= known
    sound = [path for path in (folder / "music").rglob("*.flac") if ".tonearm" not in path.parts]
    if sound:
        subprocess.run([find("flac"), "--silent", "--test", *map(str, sound)], check=True)
