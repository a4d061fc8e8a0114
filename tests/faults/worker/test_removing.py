"""`DELETE …?files=true` with real workers and real files: what they brought goes, what is anybody else's stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.breakages import Hold
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.server import Json, Tonearm, tonearm, until

from tonearm.api.removing import NAMED

NAME = "Scripted/Scripts/01 Track 1.flac"


def offer(catalog: ScriptedCatalog, noise: Noise, *numbers: int) -> None:
    """Tracks of these numbers, and an album of them."""
    for number in numbers:
        catalog.add_track(number, body=noise(number).read_bytes(), trackNumber=number)
    catalog.add_album(5, list(numbers))


async def remove(server: Tonearm, job_id: str) -> Json:
    status, body = await server.call("DELETE", f"/{job_id}?files=true")
    assert status == 200, body
    return body


def left(server: Tonearm) -> list[str]:
    """Everything in the library but the stage, folders too."""
    return sorted(str(path.relative_to(server.library)) for path in server.library.glob("[!.]*"))


async def test_an_album_goes_as_if_it_had_never_come(tmp_path: Path, noise: Noise) -> None:
    """Music, cover and folders; after a kill the record does not come back, and the same album can be had again."""
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise, 1, 2, 3)
        async with tonearm(tmp_path, catalog.url) as server:
            job_id = await server.submit("album", 5)
            files = (await server.wait_for(job_id))["files"]
            assert len(files) == 3
            body = await remove(server, job_id)
            await server.kill()
            await server.start()

            assert body["removedFiles"][:3] == files
            assert (body["keptCount"], body["missingCount"]) == (0, 0)
            assert (left(server), server.staged()) == ([], [])
            assert (await server.call("GET", f"/{job_id}"))[0] == 404
            assert (await server.wait_for(await server.submit("album", 5)))["files"] == files


@pytest.mark.parametrize("policy", ["keep", "skip"])
async def test_a_file_that_two_jobs_found_stays_until_one_is_left(tmp_path: Path, noise: Noise, policy: str) -> None:
    """The second one named what the first had published; only that one takes it along."""
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise, 1)
        async with tonearm(tmp_path, catalog.url, QUEUE_ON_CONFLICT=policy) as server:
            jobs = []
            for _ in range(3):
                jobs.append(await server.submit("track", 1))
                assert (await server.wait_for(jobs[-1]))["files"] == [NAME]
            first, second, third = jobs

            assert (await remove(server, second))["keptFiles"] == [{"path": NAME, "reason": NAMED}]
            assert (await server.call("DELETE", f"/{third}"))[0] == 200
            assert server.files() == [NAME]
            assert (await remove(server, first))["removedFiles"] == [NAME]
            assert left(server) == []


async def test_a_file_that_lay_there_before_is_not_the_jobs_to_remove(tmp_path: Path, noise: Noise) -> None:
    """With `skip` the job names it all the same."""
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise, 1)
        async with tonearm(tmp_path, catalog.url, QUEUE_ON_CONFLICT="skip") as server:
            (server.library / NAME).parent.mkdir(parents=True)
            (server.library / NAME).write_bytes(b"mine")
            job_id = await server.submit("track", 1)
            assert (await server.wait_for(job_id))["files"] == [NAME]
            body = await remove(server, job_id)

            assert body["keptFiles"] == [{"path": NAME, "reason": "it is not the file that this job published"}]
            assert (server.library / NAME).read_bytes() == b"mine"


async def test_a_track_that_is_being_published_is_awaited_and_goes(tmp_path: Path, noise: Noise, hold: Hold) -> None:
    """It is past its commit point, so no cancel can stop it."""
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise, 1)
        async with tonearm(tmp_path, catalog.url, breakage=hold.at("linking")) as server:
            job_id = await server.submit("track", 1)
            await until("it is about to be linked", lambda: hold.stands("linking", job_id))
            removing = asyncio.create_task(remove(server, job_id))
            await until("it is awaited", lambda: "Waiting until a worker lets go" in server.tail())
            hold.let_go()
            body = await removing

            assert (body["message"], body["removedFiles"]) == ("Job removed", [NAME])
            assert (left(server), server.staged()) == ([], [])


async def test_a_running_album_is_cancelled_and_what_it_had_brought_goes(tmp_path: Path, noise: Noise) -> None:
    """Its other track is in the middle of its transfer, and leaves nothing either."""
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise, 1, 2)
        catalog.reply("/media/2", slow(20_000))
        async with tonearm(tmp_path, catalog.url) as server:
            job_id = await server.submit("album", 5)
            await until("the first track is there", lambda: server.files() == [NAME])
            body = await remove(server, job_id)

            assert (body["message"], body["removedFiles"]) == ("Job cancelled", [NAME])
            await until("nothing is left", lambda: (left(server), server.staged()) == ([], []))
