"""Covers on their way: in every file and once beside the music, and never a reason for anything to fail."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import mutagen.flac
import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import Reply, ScriptedCatalog, body, held, status
from tests.support.music import jpeg, png
from tests.support.server import tonearm, until

FOLDER = "Scripted/Scripts"
COVER = jpeg(64, 48)


def offered(catalog: ScriptedCatalog, noise: Noise, tracks: int, cover: Reply, **of_tracks: Any) -> None:
    """Album 5 with a cover, tracks 1 and up."""
    for number in range(1, tracks + 1):
        catalog.add_track(number, body=noise(number).read_bytes(), **of_tracks)
    catalog.add_album(5, range(1, tracks + 1), coverUrl="covers/5")
    catalog.reply("/covers/5", cover, forever=True)


def music(tracks: int) -> list[str]:
    return [f"{FOLDER}/{number:02} Track {number}.flac" for number in range(1, tracks + 1)]


def embedded(path: Path) -> list[bytes]:
    return [picture.data for picture in mutagen.flac.FLAC(path).pictures]  # type: ignore[no-untyped-call]  # mutagen


async def test_an_album_has_its_cover_in_every_file_and_once_beside_them(tmp_path: Path, noise: Noise) -> None:
    """It is asked for once, and is none of the job's files."""
    async with ScriptedCatalog() as catalog:
        offered(catalog, noise, 6, body(COVER, "image/png"))
        async with tonearm(tmp_path, catalog.url) as server:
            record = await server.wait_for(await server.submit("album", 5))

            assert (record["status"], record["outcome"]) == ("completed", "ok")
            assert "warnings" not in record
            assert record["files"] == music(6)
            assert server.files() == [*music(6), f"{FOLDER}/cover.jpg"]
            assert (server.library / FOLDER / "cover.jpg").read_bytes() == COVER
            assert [embedded(server.library / name) for name in music(6)] == [[COVER]] * 6
            assert server.staged() == []
            assert catalog.count("/covers/5") == 1


async def test_the_folder_has_the_albums_cover_and_a_file_its_own(tmp_path: Path, noise: Noise) -> None:
    """Where a track has another one than its album."""
    own = png(9, 9)
    async with ScriptedCatalog() as catalog:
        offered(catalog, noise, 1, body(COVER), coverUrl="covers/1")
        catalog.reply("/covers/1", body(own), forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            await server.wait_for(await server.submit("album", 5))

            assert embedded(server.library / music(1)[0]) == [own]
            assert (server.library / FOLDER / "cover.jpg").read_bytes() == COVER


async def test_a_single_track_brings_the_cover_too(tmp_path: Path, noise: Noise) -> None:
    """It lies in the same folder as its album would, under the name that its content has."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes(), trackNumber=1, coverUrl="covers/1")
        catalog.reply("/covers/1", body(png(7, 7), "image/jpeg"), forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            record = await server.wait_for(await server.submit("track", 1))

            assert record["files"] == music(1)
            assert server.files() == [*music(1), f"{FOLDER}/cover.png"]


@pytest.mark.parametrize("template", ["{title}.{ext}", "{artist}/{title}.{ext}"])
async def test_where_albums_have_no_folder_there_is_no_cover_beside_the_music(
    tmp_path: Path, noise: Noise, template: str
) -> None:
    """It would belong to all of them."""
    async with ScriptedCatalog() as catalog:
        offered(catalog, noise, 2, body(COVER))
        async with tonearm(tmp_path, catalog.url, QUEUE_NAME_TEMPLATE=template) as server:
            record = await server.wait_for(await server.submit("album", 5))

            assert sorted(record["files"]) == server.files()
            assert [embedded(server.library / name) for name in server.files()] == [[COVER]] * 2


@pytest.mark.parametrize(
    ("cover", "words"),
    [
        (body(b"<html>Not here</html>", "image/jpeg"), "The picture is neither JPEG nor PNG"),
        (body(COVER[:-200], "image/jpeg"), "The picture is a JPEG that is cut off or damaged"),
        (body(b"", "image/jpeg"), "The picture is empty"),
        (body(png(size=9_000_000)), "The picture is larger than 8.4 MB"),
        (status(404), "answered 404"),
        (status(500), "answered 500"),
    ],
)
async def test_a_bad_cover_costs_the_cover_alone(tmp_path: Path, noise: Noise, cover: Reply, words: str) -> None:
    """The tracks arrive, each with a warning that says why."""
    async with ScriptedCatalog() as catalog:
        offered(catalog, noise, 2, cover)
        async with tonearm(tmp_path, catalog.url) as server:
            record = await server.wait_for(await server.submit("album", 5))

            assert (record["status"], record["outcome"]) == ("completed", "ok")
            assert server.files() == music(2)
            assert len(record["warnings"]) == 2
            for warning in record["warnings"]:
                assert "The cover could not be had: " in warning
                assert words in warning


async def test_a_disk_that_takes_no_cover_costs_the_cover_alone(tmp_path: Path, noise: Noise) -> None:
    """The track is published before, and stays."""
    async with ScriptedCatalog() as catalog:
        offered(catalog, noise, 1, body(COVER))
        async with tonearm(tmp_path, catalog.url, breakage="cover:refuse") as server:
            record = await server.wait_for(await server.submit("album", 5))

            assert record["warnings"] == [
                "01 Track 1: The cover could not be put beside the music: Input/output error while publishing"
            ]
            assert server.files() == record["files"] == music(1)


async def test_a_cancelled_job_leaves_no_cover(tmp_path: Path, noise: Noise) -> None:
    """Everything but the cover had arrived; what comes after the cancel is not published, and no folder is made."""
    late = asyncio.Event()
    async with ScriptedCatalog() as catalog:
        offered(catalog, noise, 3, held(late))
        async with tonearm(tmp_path, catalog.url) as server:
            job = await server.submit("album", 5)
            await catalog.asked("/covers/5")
            await server.act(job, "cancel")
            assert (await server.wait_for(job))["status"] == "cancelled"
            late.set()
            await server.wait_for(await server.submit("track", 1))

            await until("the stage is empty", lambda: not server.staged())
            assert server.files() == ["Scripted/Scripts/01 Track 1.flac"]


@pytest.mark.parametrize("phase", ["tag", "commit", "publish"])
async def test_a_kill_on_the_way_leaves_no_cover_without_its_music(tmp_path: Path, noise: Noise, phase: str) -> None:
    """After the restart both are there, once."""
    async with ScriptedCatalog() as catalog:
        offered(catalog, noise, 1, body(COVER))
        async with tonearm(tmp_path, catalog.url, breakage=f"{phase}:kill") as server:
            job = await server.submit("album", 5)
            await server.ended()
            assert server.files() == []

            server.breakage = None
            await server.start()
            await server.wait_for(job)
            assert server.files() == [*music(1), f"{FOLDER}/cover.jpg"]
