"""The system refuses, or kills, exactly at one call of a running server: nothing torn has a name, and work goes on."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog
from tests.support.injected import injected
from tests.support.music import pcm
from tests.support.programs import find
from tests.support.server import Tonearm, tonearm

NAME = "Scripted/Scripts/Track {}.flac"

# What a call is made with: a path in the task's own stage, or in the library.
REFUSALS = [
    ("mkdir", "EROFS", "{stage}", "disk_error"),
    ("mkdir", "ENOSPC", "{stage}", "disk_full"),
    ("openat", "EMFILE", "{stage}/part", "disk_error"),
    ("writev", "ENOSPC", "{stage}/part", "disk_full"),
    ("writev", "EDQUOT", "{stage}/part", "disk_full"),
    ("writev", "EIO", "{stage}/part", "disk_error"),
    ("rename", "EIO", "{stage}/part.json.new", "disk_error"),
    ("rename", "EROFS", "{stage}/part", "disk_error"),
    ("fsync", "EIO", "{stage}/tagged.flac", "disk_error"),
    ("mkdirat", "EDQUOT", "{library}", "disk_full"),
    ("fsync", "EIO", "{library}", "disk_error"),
    ("linkat", "EIO", "{stage}/tagged.flac", "disk_error"),
    ("linkat", "ENOSPC", "{stage}/tagged.flac", "disk_full"),
    ("fsync", "EIO", "{library}/Scripted/Scripts", "disk_error"),
    ("unlink", "EIO", "{stage}/tagged.flac", "disk_error"),
]

KILLS = [
    ("writev", "{stage}/part"),
    ("rename", "{stage}/part.json.new"),
    ("rename", "{stage}/part"),
    ("fsync", "{stage}/tagged.flac"),
    ("mkdirat", "{library}"),
    ("fsync", "{library}"),
    ("linkat", "{stage}/tagged.flac"),
    ("fsync", "{library}/Scripted/Scripts"),
    ("unlink", "{stage}/tagged.flac"),
    ("rename", "{stage}"),
]


@pytest.fixture
async def catalog(noise: Noise) -> AsyncIterator[ScriptedCatalog]:
    """A catalog with a track of its own for each of the calls, all with the same sound."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, max(len(REFUSALS), len(KILLS)) + 1):
            catalog.add_track(number, body=noise(1).read_bytes())
        yield catalog


async def waiting(server: Tonearm, number: int, place: str) -> tuple[str, Path]:
    """A job that has not begun, and the path that *place* will be for it."""
    job = await server.submit("track", number, startPaused=True)
    (worker,) = server.stage.iterdir()
    return job, Path(place.format(stage=worker / f"{job}.1", library=server.library))


def whole(server: Tonearm, number: int) -> list[str]:
    """The file of a track, if it has a name; it decodes to what was offered."""
    names = [name for name in server.files() if name == NAME.format(number)]
    for name in names:
        subprocess.run([find("flac"), "--silent", "--test", str(server.library / name)], check=True)
    return names


@pytest.mark.timeout(400)
async def test_a_call_that_is_refused_fails_the_job_and_nothing_else(
    tmp_path: Path, catalog: ScriptedCatalog, noise: Noise
) -> None:
    """With the right code and the system's own reason; nothing is left behind, and the next job works."""
    async with tonearm(tmp_path, catalog.url) as server:
        for number, (call, error, place, code) in enumerate(REFUSALS, 1):
            case = f"{call} of {place}: {error}"
            shutil.rmtree(server.library / "Scripted", ignore_errors=True)
            job, path = await waiting(server, number, place)
            async with injected(server.pid, call, f"error={error}", path):
                await server.act(job, "resume")
                record = await server.wait_for(job)
            assert (record["status"], record.get("failureCode"), record["retryCount"]) == ("failed", code, 0), case
            reason = "The disk is full" if code == "disk_full" else os.strerror(getattr(errno, error))
            assert record["error"].startswith(reason), case
            assert server.staged() == [], case
            assert whole(server, number) in ([], [NAME.format(number)]), case

            again = await server.wait_for(await server.submit("track", number))
            assert (again["status"], again["files"]) == ("completed", [NAME.format(number)]), case
            assert server.files() == whole(server, number), case
            assert pcm(server.library / NAME.format(number)) == pcm(noise(1)), case


@pytest.mark.timeout(400)
async def test_a_kill_at_any_call_leaves_the_whole_file_or_none(
    tmp_path: Path, catalog: ScriptedCatalog, noise: Noise
) -> None:
    """And the next start brings it home, once."""
    async with tonearm(tmp_path, catalog.url) as server:
        for number, (call, place) in enumerate(KILLS, 1):
            case = f"{call} of {place}"
            shutil.rmtree(server.library / "Scripted", ignore_errors=True)
            job, path = await waiting(server, number, place)
            async with injected(server.pid, call, "signal=KILL", path):
                await server.act(job, "resume")
                await server.ended()
            assert whole(server, number) in ([], [NAME.format(number)]), case

            await server.start()
            record = await server.wait_for(job)
            assert (record["status"], record["files"]) == ("completed", [NAME.format(number)]), case
            assert server.files() == whole(server, number), case
            assert pcm(server.library / NAME.format(number)) == pcm(noise(1)), case
            assert (server.library / NAME.format(number)).stat().st_nlink == 1, case
            assert server.staged() == [], case
