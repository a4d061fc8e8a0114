"""The whole server on a disk of 20 MB, which others fill and empty: clear errors, nothing torn, and work goes on."""

from __future__ import annotations

import asyncio
import resource
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.inside import submit, working
from tests.support.mounts import leave_free, small_disk
from tests.support.music import Music
from tests.support.programs import find
from tests.support.server import Tonearm, tonearm, until

from tonearm.errors import DiskFull
from tonearm.model import State

MB = 1_000_000
SLOW = 250_000
"""Bytes per second of a transfer in whose middle something happens."""

Song = Callable[[int], bytes]


@pytest.fixture
def song(music: Music) -> Song:
    """FLAC files of about 1 MB, every number another one."""
    return lambda number: music("flac", seconds=12.0, seed=number).read_bytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MB where the library of `serving` lies."""
    (tmp_path / "tonearm").mkdir()
    with small_disk(tmp_path / "tonearm" / "music", 20) as folder:
        yield folder


@asynccontextmanager
async def serving(disk: Path, catalog: ScriptedCatalog, **settings: object) -> AsyncIterator[Tonearm]:
    """A server whose library and stage lie on *disk*, of which 1 MB is to stay free."""
    async with tonearm(disk.parent, catalog.url, **{"QUEUE_DISK_SPACE_MIN_MB": 1, **settings}) as server:
        yield server


def received(server: Tonearm) -> int:
    """Bytes of all parts."""
    return sum(path.stat().st_size for path in server.stage.rglob("part"))


def decodes(server: Tonearm) -> list[str]:
    """The files of the library, each of which decodes whole; what others put there is left out."""
    files = [name for name in server.files() if name != "filler"]
    for name in files:
        subprocess.run([find("flac"), "--silent", "--test", str(server.library / name)], check=True)
    return files


async def holding(server: Tonearm) -> str | None:
    """Why nothing is claimed, as people are told."""
    reason: str | None = (await server.stats())["worker"].get("holding")
    return reason


async def waits_for_room(server: Tonearm, jobs: list[str]) -> bool:
    """Whether one of the jobs was put back for want of space; where the bytes of waiting ones made room for the
    minimum, the queue itself is not held.
    """
    histories = [(await server.job(job))["history"] for job in jobs]
    return any("isk space" in entry.get("message", "") for history in histories for entry in history)


def told(record: dict[str, Any]) -> tuple[str, str | None]:
    return record["status"], record.get("failureCode")


async def test_a_full_disk_fails_a_job_before_anything_is_asked(disk: Path, song: Song) -> None:
    """The text says what was free and what was needed; with room again, the next job works."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=song(1))
        filler = leave_free(disk, 900_000)
        async with serving(disk, catalog) as server:
            record = await server.wait_for(await server.submit("track", 1))
            assert told(record) == ("failed", "disk_full")
            assert record["error"].startswith("Not enough disk space: 0.9 MB free, 1.0 MB needed")
            assert (record["retryCount"], catalog.requests) == (0, [])
            assert server.staged() == []

            filler.unlink()
            assert told(await server.wait_for(await server.submit("track", 1))) == ("completed", None)
            assert decodes(server) == ["Scripted/Scripts/Track 1.flac"]


async def test_a_file_too_large_for_the_disk_fails_before_its_first_byte(disk: Path, song: Song) -> None:
    """By the size that the catalog says, or else the media server; it counts twice."""
    async with ScriptedCatalog() as catalog:
        body = song(1)
        catalog.add_track(1, body=body, media={"sizeBytes": 11 * MB})
        catalog.add_track(2, body=body)
        async with serving(disk, catalog) as server:
            record = await server.wait_for(await server.submit("track", 1))
            assert told(record) == ("failed", "disk_full")
            assert "23 MB needed (22 MB for this file, 1.0 MB always kept free)" in record["error"]
            assert catalog.count("/media/1") == 0
            assert told(await server.wait_for(await server.submit("track", 2))) == ("completed", None)


async def test_a_disk_that_others_fill_ends_a_transfer_while_it_runs(disk: Path, song: Song) -> None:
    """The part is gone and the bytes that must stay free are; the next job works when there is room."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=song(1))
        catalog.reply("/media/1", slow(SLOW))
        async with serving(disk, catalog) as server:
            job = await server.submit("track", 1)
            await until("bytes are on disk", lambda: received(server) > 50_000)
            filler = leave_free(disk, 900_000)
            record = await server.wait_for(job)
            assert told(record) == ("failed", "disk_full")
            assert record["error"].startswith("Not enough disk space: 0.")
            assert record["bytesDownloaded"] < 500_000
            assert server.staged() == []
            await until("the connection is closed", lambda: catalog.transfers == 0)

            filler.unlink()
            assert told(await server.wait_for(await server.submit("track", 1))) == ("completed", None)
            assert decodes(server) == ["Scripted/Scripts/Track 1.flac"]


@pytest.mark.parametrize("policy", ["fail", "hold"])
async def test_a_disk_that_is_full_to_the_last_byte_tears_nothing(disk: Path, song: Song, policy: str) -> None:
    """Without a minimum the system itself refuses (ENOSPC): what is filed is whole, and the work goes on with room."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 7):
            catalog.add_track(number, body=song(number))
            catalog.reply(f"/media/{number}", slow(SLOW))
        settings = {"QUEUE_DISK_SPACE_MIN_MB": 0.1 if policy == "hold" else 0, "QUEUE_DISK_FULL": policy}
        async with serving(disk, catalog, **settings) as server:
            jobs = [await server.submit("track", number) for number in range(1, 7)]
            await until("bytes are on disk", lambda: received(server) > 50_000)
            filler = leave_free(disk, 0)
            if policy == "hold":
                await until("a job met it", lambda: waits_for_room(server, jobs))
                filler.unlink()
            records = [await server.wait_for(job, seconds=90) for job in jobs]
            if policy == "fail":
                assert {told(record) for record in records} == {("failed", "disk_full")}
                assert server.staged() == []
                filler.unlink()
                jobs = [await server.submit("track", number) for number in range(1, 7)]
                records = [await server.wait_for(job) for job in jobs]
            assert {told(record) for record in records} == {("completed", None)}
            assert {record["retryCount"] for record in records} == {0}
            assert len(decodes(server)) == 6
            assert server.staged() == []


async def test_a_held_queue_says_why_and_resumes_by_itself(disk: Path, song: Song) -> None:
    """What ran keeps its bytes and waits without cost, what was queued is not begun, the catalog is left alone."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 7):
            catalog.add_track(number, body=song(number))
            catalog.reply(f"/media/{number}", slow(SLOW))
        async with serving(disk, catalog, QUEUE_DISK_FULL="hold", QUEUE_MAX_CONCURRENT=2) as server:
            jobs = [await server.submit("track", number) for number in range(1, 7)]
            await until("both have bytes on disk", lambda: received(server) > 100_000)
            filler = leave_free(disk, 200_000)
            reason = await until("it is held", lambda: holding(server))
            assert reason.startswith("Waiting for disk space: 0.")
            assert reason.endswith(" MB free, 1.2 MB needed")
            for job in jobs[:2]:
                await server.wait_for(job, "queued")
                assert await waits_for_room(server, [job])
            asked, kept = len(catalog.requests), received(server)
            assert kept > 0
            assert {(await server.job(job))["status"] for job in jobs} == {"queued"}

            filler.unlink()
            records = [await server.wait_for(job) for job in jobs]
            assert {told(record) for record in records} == {("completed", None)}
            assert {record["retryCount"] for record in records} == {0}
            assert [seen for seen in catalog.requests[asked:] if "Range" in seen.headers]
            assert len(decodes(server)) == 6
            assert await holding(server) is None
            assert server.staged() == []


async def test_a_queue_that_is_held_at_its_start_begins_when_there_is_room(disk: Path, song: Song) -> None:
    """Not a request before, and it lives meanwhile: it is no dead worker."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=song(1))
        filler = leave_free(disk, 500_000)
        async with serving(disk, catalog, QUEUE_DISK_FULL="hold", QUEUE_WORKER_DEAD_MS=1_500) as server:
            job = await server.submit("track", 1)
            assert await until("it is held", lambda: holding(server))
            for _ in range(20):
                assert (await server.stats())["worker"]["running"] is True
                await asyncio.sleep(0.1)  # spread over more than the time after which a silent one is dead
            assert (await server.job(job))["status"] == "queued"
            assert catalog.requests == []
            filler.unlink()
            assert told(await server.wait_for(job)) == ("completed", None)


async def test_what_can_never_fit_fails_although_the_queue_would_hold(disk: Path, song: Song) -> None:
    """And keeps nobody else from being downloaded."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=song(1), media={"sizeBytes": 11 * MB})
        catalog.add_track(2, body=song(2))
        async with serving(disk, catalog, QUEUE_DISK_FULL="hold") as server:
            jobs = [await server.submit("track", number) for number in (1, 2)]
            assert told(await server.wait_for(jobs[0])) == ("failed", "disk_full")
            assert told(await server.wait_for(jobs[1])) == ("completed", None)


async def test_half_finished_parts_that_fill_the_disk_do_not_block_it(disk: Path, song: Song, noise: Noise) -> None:
    """Paused jobs keep so many bytes that no other could run: some are given up, and all arrive in the end."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 5):
            catalog.add_track(number, body=song(number))
            catalog.reply(f"/media/{number}", slow(SLOW))
        catalog.add_track(9, body=noise(9).read_bytes())
        async with serving(disk, catalog, QUEUE_DISK_FULL="hold") as server:
            jobs = [await server.submit("track", number) for number in range(1, 5)]
            await until("all have bytes on disk", lambda: received(server) > 1_200_000)
            for job in jobs:
                await server.act(job, "pause")
            for job in jobs:
                await server.wait_for(job, "paused")
            parts = received(server)
            filler = leave_free(disk, 700_000)

            assert told(await server.wait_for(await server.submit("track", 9))) == ("completed", None)
            assert 0 < received(server) < parts

            filler.unlink()
            for job in jobs:
                await server.act(job, "resume")
            for job in jobs:
                assert told(await server.wait_for(job)) == ("completed", None)
            assert len(decodes(server)) == 5


async def test_without_descriptors_jobs_end_clearly_and_later_ones_work(disk: Path, song: Song) -> None:
    """EMFILE everywhere at once: files, connections, names. The worker lives, and nothing of it stays behind."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 5):
            catalog.add_track(number, body=song(number))
            catalog.reply(f"/media/{number}", slow(SLOW))
        async with serving(disk, catalog) as server:
            jobs = [await server.submit("track", number) for number in (1, 2)]
            await until("bytes are on disk", lambda: received(server) > 50_000)
            usual = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, usual[1]))
            await until("it was met", lambda: "Too many open files" in server.log.read_text("utf-8"))
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, usual)

            for record in [await server.wait_for(job) for job in jobs]:
                assert told(record) in (("completed", None), ("failed", "disk_error"), ("failed", "network"))
            again = [await server.submit("track", number) for number in range(1, 5)]
            for job in again:
                assert told(await server.wait_for(job)) == ("completed", None)
            decodes(server)
            await until("nothing is staged", lambda: server.staged() == [])
            assert "fell over" not in server.log.read_text("utf-8")


async def test_a_job_that_found_the_disk_full_at_the_last_step_can_be_cancelled_while_it_waits(
    tmp_path: Path, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had passed its commit point, but nobody is publishing it any more."""

    def full(*_: object, **__: object) -> None:
        raise DiskFull("No room for a name", free=0, needed=None)

    monkeypatch.setattr("tonearm.worker.journey.publish", full)
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with working(tmp_path, catalog, QUEUE_DISK_FULL="hold", QUEUE_DISK_SPACE_MIN_MB="1") as (store, _):
            await submit(store, 1)

            async def waits() -> bool:
                job = await store.job("job-1-1")
                return job.state is State.DELAYED and "No room for a name" in (job.last_error or "")

            await until("it waits for room", waits)
            await store.cancel("job-1-1")
            assert (await store.job("job-1-1")).state is State.CANCELLED
