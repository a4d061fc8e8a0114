"""What people do to a running download: it stops where it stands, and the disk shows it."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.breakages import Hold
from tests.support.catalog import ScriptedCatalog, silent, slow
from tests.support.counts import count
from tests.support.music import pcm
from tests.support.server import Tonearm, tonearm, until

SOON = 3.0
"""Seconds in which a cancel, pause or delete has taken effect; the promise is 2."""
DELETES = count(40, 200)
"""Deletes of one album before it may arrive."""


async def test_a_cancelled_transfer_closes_its_connection_and_leaves_no_byte(tmp_path: Path, noise: Noise) -> None:
    """Also where the server is silent."""
    async with ScriptedCatalog() as catalog:
        for number, trouble in ((1, slow(20_000)), (2, silent(after=50_000)), (3, silent())):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", trouble, forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            jobs = [await server.submit("track", number) for number in (1, 2, 3)]
            for number in (1, 2, 3):
                await catalog.asked(f"/media/{number}")
            for job in jobs:
                assert (await server.act(job, "cancel"))["message"] == "Cancellation requested"
            for job in jobs:
                assert (await server.wait_for(job, seconds=SOON))["status"] == "cancelled"

            await until("every connection is closed", lambda: catalog.transfers == 0, seconds=SOON)
            assert server.staged() == []
            assert server.files() == []


async def test_a_paused_transfer_keeps_its_bytes_and_goes_on_from_them(tmp_path: Path, noise: Noise) -> None:
    """The connection is closed meanwhile, and only the rest is asked for."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", slow(60_000), forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            job = await server.submit("track", 1)
            await until("bytes are on disk", lambda: _received(server.stage) > 50_000)
            await server.act(job, "pause")
            assert (await server.wait_for(job, "paused", seconds=SOON))["status"] == "paused"
            await until("the connection is closed", lambda: catalog.transfers == 0, seconds=SOON)
            kept = _received(server.stage)
            assert kept > 50_000

            catalog.heal("/media/1")
            await server.act(job, "resume")
            assert (await server.wait_for(job))["status"] == "completed"
            assert catalog.requests[-1].headers["Range"] == f"bytes={kept}-"
            assert server.staged() == []


async def test_a_paused_album_starts_nothing_more_until_it_is_resumed(tmp_path: Path, noise: Noise) -> None:
    """Its running tracks stop; resumed, it completes without being resolved again."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 9):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", slow(60_000), forever=True)
        catalog.add_album(5, list(range(1, 9)))
        async with tonearm(tmp_path, catalog.url) as server:
            job = await server.submit("album", 5)
            await catalog.transferring(4)
            await server.act(job, "pause")
            await catalog.transferring(0)
            assert (await server.job(job))["status"] == "paused"
            for number in range(1, 9):
                catalog.heal(f"/media/{number}")
            await server.act(job, "resume")
            record = await server.wait_for(job)
            assert (record["status"], record["completedTracks"]) == ("completed", 8)
            assert catalog.count("/albums/5") == 1


async def test_a_deleted_job_is_gone_at_once_and_its_bytes_soon_after(tmp_path: Path, noise: Noise) -> None:
    """A running track and a running album; the same album submitted again brings exactly one copy."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 7):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", slow(60_000), forever=True)
        catalog.add_album(5, list(range(1, 6)))
        async with tonearm(tmp_path, catalog.url) as server:
            jobs = [await server.submit("album", 5), await server.submit("track", 6)]
            await catalog.transferring(4)
            for job in jobs:
                assert (await server.call("DELETE", f"/{job}"))[0] == 200
                assert (await server.call("GET", f"/{job}"))[0] == 404
            assert (await server.stats())["queue"]["total"] == 0
            await until("every connection is closed", lambda: catalog.transfers == 0, seconds=SOON)
            await until("every byte is gone", lambda: not server.staged(), seconds=SOON)
            assert server.files() == []

            for number in range(1, 7):
                catalog.heal(f"/media/{number}")
            record = await server.wait_for(await server.submit("album", 5))
            assert record["files"] == [f"Scripted/Scripts/{number:02} Track {number}.flac" for number in range(1, 6)]
            assert server.files() == record["files"]


async def filed(server: Tonearm, job: str) -> int:
    """How many tracks of an album are in the library."""
    return int((await server.job(job))["completedTracks"])


@pytest.mark.timeout(600)
async def test_deleting_and_submitting_in_a_loop_leaves_one_right_copy(tmp_path: Path, noise: Noise) -> None:
    """However the deletes fall, before the first claim or after some tracks were published, which then are reused."""
    names = [f"Scripted/Scripts/{number:02} Track {number}.flac" for number in range(1, 6)]
    moments, ended_early = random.Random(4), list[int]()
    async with ScriptedCatalog() as catalog:
        for number in range(1, 6):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", slow(2_500_000 if number < 5 else 500_000), forever=True)
        catalog.add_album(5, range(1, 6))
        async with tonearm(tmp_path, catalog.url, QUEUE_CRITICAL_SIZE=10_000) as server:
            for number in range(DELETES):
                job = await server.submit("album", 5)
                if not number:  # one of them between two publications, however slow the machine is
                    ended_early.append(await until("a track is filed", partial(filed, server, job)))
                elif moments.random() < 0.5:
                    await asyncio.sleep(moments.uniform(0, 0.5))  # the random moment itself
                    ended_early.append((await server.job(job))["completedTracks"])
                assert (await server.call("DELETE", f"/{job}"))[0] == 200
                assert set(server.files()) <= set(names)
            inodes = {name: (server.library / name).stat().st_ino for name in server.files()}
            record = await server.wait_for(await server.submit("album", 5))

            assert (record["status"], record["outcome"]) == ("completed", "ok")
            assert server.files() == record["files"] == names
            for number, name in enumerate(names, 1):
                assert pcm(server.library / name) == pcm(noise(number))
                assert (server.library / name).stat().st_ino == inodes.get(name, (server.library / name).stat().st_ino)
            await until("every byte is gone", lambda: not server.staged(), seconds=SOON)
            assert any(0 < done < 5 for done in ended_early), "no delete fell between two publications"


async def test_what_a_deleted_job_still_publishes_never_replaces_the_next_ones_file(
    tmp_path: Path, noise: Noise, hold: Hold
) -> None:
    """It had committed before the delete; the same track, submitted again and changed since, comes after it."""
    async with ScriptedCatalog() as catalog:
        for number in (1, 3):
            catalog.add_track(number, body=noise(number).read_bytes())
        async with tonearm(
            tmp_path / "server", catalog.url, breakage=hold.at("publish", "Held"), QUEUE_ON_CONFLICT="replace"
        ) as server:
            first = await server.submit("track", 1, titled="Held")
            await until("the first has committed", lambda: hold.stands("publish", first))
            assert (await server.call("DELETE", f"/{first}"))[0] == 200
            catalog.add_track(1, body=noise(2).read_bytes())
            second = await server.submit("track", 1)
            await until("the second has arrived", lambda: len(server.staged()) == 2 and catalog.transfers == 0)
            other = (await server.wait_for(await server.submit("track", 3)))["files"]
            assert server.files() == other
            hold.let_go()
            record = await server.wait_for(second)

            (path,) = record["files"]
            assert (record["status"], server.files()) == ("completed", [path, *other])
            assert pcm(server.library / path) == pcm(noise(2))
            await until("every byte is gone", lambda: not server.staged(), seconds=SOON)


async def test_the_log_says_cancelled_of_what_is_deleted_while_it_runs(tmp_path: Path, noise: Noise) -> None:
    """By the API that was asked, and by the worker that stopped; for a while the job reads so too."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", slow(60_000), forever=True)
        async with tonearm(tmp_path, catalog.url, QUEUE_DELETE_RETENTION_MS=3_000) as server:
            job = await server.submit("track", 1)
            await catalog.transferring(1)
            assert (await server.call("DELETE", f"/{job}"))[1]["message"] == "Job cancelled"
            record = await server.job(job)
            assert (record["status"], record["history"][-2]["event"]) == ("cancelled", "cancelled")
            assert (await server.stats())["queue"]["total"] == 0
            for method, body in (("DELETE", None), ("PATCH", {"action": "retry"})):
                assert (await server.call(method, f"/{job}", json=body))[0] in (400, 404)
            await until("every byte is gone", lambda: not server.staged(), seconds=SOON)
            await until("the worker says so", lambda: _logged(server, job) == ["Cancelled", "Deleted", "Told to stop"])

            async def gone() -> bool:
                return (await server.call("GET", f"/{job}"))[0] == 404

            await until("it is not found any more", gone)


def _logged(server: Tonearm, job: str) -> list[str]:
    """What the log says of the end of a job."""
    lines = [line for line in server.log.read_text("utf-8").splitlines() if job in line]
    words = ("Cancelled", "Deleted", "Told to stop", "not ours")
    return [word for line in lines for word in words if word in line]


def _received(stage: Path) -> int:
    """Bytes of the parts in the stage."""
    return sum(path.stat().st_size for path in stage.glob("*/*/part"))
