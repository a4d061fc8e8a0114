"""Albums that do not arrive whole: they name what is missing, and a retry fetches that and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, cut, status
from tests.support.music import Music, pcm
from tests.support.server import tonearm

TITLES = ["Red", "Green", "Blue", "White", "Black"]
NAMES = [f"Scripted/Scripts/{number:02} {title}.flac" for number, title in enumerate(TITLES, 1)]
LONG = 600
"""Tracks of a long album."""


def offer(catalog: ScriptedCatalog, noise: Noise) -> None:
    """Album 5 with its five tracks."""
    for number, title in enumerate(TITLES, 1):
        catalog.add_track(number, body=noise(number).read_bytes(), title=title)
    catalog.add_album(5, range(1, 6))


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
async def test_one_of_five_is_named_and_fetched_by_a_retry(tmp_path: Path, noise: Noise, *, restart: bool) -> None:
    """The record says which, why and after how many attempts; the other four are asked for once in all."""
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise)
        catalog.reply("/media/3", status(503), forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            job = await server.submit("album", 5, maxRetries=2)
            record = await server.wait_for(job)

            assert (record["status"], record["outcome"]) == ("completed", "partial")
            assert record["error"] == "1 of 5 tracks failed: 03 Blue"
            assert (record["completedTracks"], record["failedCount"], record["fileCount"]) == (4, 1, 4)
            (missing,) = record["failedTracks"]
            assert (missing["trackId"], missing["trackTitle"], missing["attempts"]) == (3, "Blue", 3)
            assert missing["code"] == "server_error"
            assert "503" in missing["error"]
            assert record["retryCount"] == 2
            assert [(track["trackTitle"], track["status"], track["progress"]) for track in record["trackProgress"]] == [
                (title, "failed" if title == "Blue" else "completed", 0 if title == "Blue" else 1) for title in TITLES
            ]
            assert record["trackProgress"][2]["error"] == missing["error"]
            assert server.files() == record["files"] == [name for name in NAMES if "Blue" not in name]

            if restart:
                await server.kill()
                await server.start()
            catalog.heal("/media/3")
            asked = len(catalog.requests)
            await server.act(job, "retry")
            record = await server.wait_for(job)

            assert (record["status"], record["outcome"], record["failedTracks"]) == ("completed", "ok", [])
            assert "error" not in record
            assert server.files() == sorted(record["files"]) == NAMES
            assert [seen.path for seen in catalog.requests[asked:]] == ["/tracks/3", "/media/3"]
            assert pcm(server.library / NAMES[2]) == pcm(noise(3))
            assert server.staged() == []


async def test_five_of_five_is_a_failure_that_names_them_all(tmp_path: Path, noise: Noise) -> None:
    """And a retry of it brings what can be had meanwhile."""
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise)
        for number, trouble in enumerate((status(404), status(403), status(409), status(500), cut()), 1):
            catalog.reply(f"/tracks/{number}", trouble, forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            job = await server.submit("album", 5, maxRetries=1)
            record = await server.wait_for(job)

            assert (record["status"], record["error"], record["failureCode"]) == (
                "failed",
                "All tracks failed",
                "not_found",
            )
            assert "outcome" not in record
            codes = ["not_found", "auth", "quality_unavailable", "server_error", "network"]
            assert [track["code"] for track in record["failedTracks"]] == codes
            assert [track["trackTitle"] for track in record["failedTracks"]] == TITLES
            assert [track["attempts"] for track in record["failedTracks"]] == [1, 1, 1, 2, 2]
            assert {track["status"] for track in record["trackProgress"]} == {"failed"}
            assert server.files() == server.staged() == []

            catalog.heal("/tracks/4")
            await server.act(job, "retry")
            record = await server.wait_for(job)
            assert (record["status"], record["outcome"], record["files"]) == ("completed", "partial", NAMES[3:4])
            assert record["error"] == "4 of 5 tracks failed: 01 Red, 02 Green, 03 Blue, 05 Black"


@pytest.mark.timeout(300)
async def test_a_long_album_arrives_and_its_lists_stay_short(tmp_path: Path, music: Music) -> None:
    """Every tenth track is missing; the record of one id is whole, and what lists carry does not grow."""
    body = music("flac", seconds=0.2).read_bytes()
    missing = [number for number in range(1, LONG + 1) if number % 10 == 0]
    async with ScriptedCatalog() as catalog:
        for number in range(1, LONG + 1):
            catalog.add_track(number, body=body, title=f"A title that takes some room {number}")
        catalog.add_album(5, range(1, LONG + 1))
        for number in missing:
            catalog.reply(f"/tracks/{number}", status(404))
        async with tonearm(tmp_path, catalog.url) as server:
            job = await server.submit("album", 5)
            record = await server.wait_for(job, seconds=200)

            assert (record["status"], record["outcome"], record["trackCount"]) == ("completed", "partial", LONG)
            assert [track["trackId"] for track in record["failedTracks"]] == missing
            assert sorted(record["files"]) == server.files()
            assert len(record["files"]) == LONG - len(missing)
            assert len(record["trackProgress"]) == LONG
            assert record["error"].startswith("60 of 600 tracks failed: 10 A title that takes some room 10, 20 A ")
            assert record["error"].endswith(" more")
            assert len(record["error"]) <= 500

            (listed,) = (await server.call("GET", "/"))[1]["jobs"]
            assert (len(listed["files"]), len(listed["failedTracks"])) == (20, 20)
            assert (listed["fileCount"], listed["failedCount"]) == (LONG - len(missing), len(missing))
            assert not {"trackProgress", "history"} & set(listed)
            assert listed["error"] == record["error"]

            await server.act(job, "retry")
            record = await server.wait_for(job, seconds=100)
            assert (record["outcome"], len(server.files()), server.staged()) == ("ok", LONG, [])
            assert catalog.count("/albums/5") == 2  # its two pages
            assert all(catalog.count(f"/media/{number}") == 1 for number in range(1, LONG + 1))


async def test_an_album_that_announces_more_than_it_lists_is_partial_until_the_list_is_whole(
    tmp_path: Path, noise: Noise
) -> None:
    """Retried, the catalog is asked for the list again, and only for the track that was not in it."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 4):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.add_album(5, [1, 2], trackCount=3)
        async with tonearm(tmp_path, catalog.url) as server:
            job = await server.submit("album", 5)
            record = await server.wait_for(job)
            assert (record["status"], record["outcome"], record["failedCount"]) == ("completed", "partial", 0)
            assert record["error"] == "1 of 3 tracks was announced but not listed by the catalog"

            catalog.add_album(5, [1, 2, 3])
            asked = len(catalog.requests)
            await server.act(job, "retry")
            record = await server.wait_for(job)
            assert (record["status"], record["outcome"], record["completedTracks"]) == ("completed", "ok", 3)
            paths = [request.path for request in catalog.requests[asked:]]
            assert paths == ["/albums/5", "/tracks/3", "/media/3"]
            assert server.files() == record["files"]
