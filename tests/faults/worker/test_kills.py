"""`kill -9` at any moment: nothing is lost, nothing is doubled, and a poison file harms nobody but itself."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import aiohttp
import pytest
from tests.faults.worker.conftest import Noise, Offer
from tests.support.catalog import ScriptedCatalog, status
from tests.support.counts import count
from tests.support.music import pcm
from tests.support.server import FINAL, Tonearm, tonearm, until

KILLS = count(4, 20)
RATE = count(60, 20)
"""Thousand bytes a second of each transfer: slow enough that every kill hits one."""
TRACKS = 12


def seen_in_library(server: Tonearm) -> dict[str, int]:
    """The inode of every published file."""
    return {name: (server.library / name).stat().st_ino for name in server.files()}


@pytest.mark.timeout(400)
async def test_an_album_survives_kills_at_random_moments(tmp_path: Path, offer: Offer, noise: Noise) -> None:
    """Each kill hits a running transfer; in the end there are exactly twelve right files, each published once."""
    catalog = offer(f"limit_rate {RATE}k;")
    lines = [
        catalog.track(100 + number, f"Track {number}", {"LOSSLESS": noise(number)}, trackNumber=number)
        for number in range(1, TRACKS + 1)
    ]
    catalog.album(5, "Blue", "Ann", lines)
    moments = random.Random(5)
    published: dict[str, int] = {}
    async with tonearm(tmp_path, catalog.url) as server:
        job_id = await server.submit("album", 5)
        for _ in range(KILLS):
            await until("a transfer runs", lambda: _transferring(server, job_id))
            await asyncio.sleep(moments.uniform(0, 1.5))  # the random moment itself, not a wait for anything
            assert (await server.stats())["worker"]["activeDownloads"] > 0
            await server.kill()
            now = seen_in_library(server)
            assert now.items() >= published.items(), "a published file was replaced"
            published = now
            await server.start()
        record = await server.wait_for(job_id, seconds=180)

        assert (record["status"], record["completedTracks"]) == ("completed", TRACKS)
        assert server.files() == sorted(f"Ann/Blue/{number:02} Track {number}.flac" for number in range(1, TRACKS + 1))
        assert seen_in_library(server).items() >= published.items()
        for number in range(1, TRACKS + 1):
            assert pcm(server.library / f"Ann/Blue/{number:02} Track {number}.flac") == pcm(noise(number))
        assert any("Recovered from crash" in entry.get("message", "") for entry in record["history"])
        assert server.staged() == []


async def _transferring(server: Tonearm, job_id: str) -> bool:
    record = await server.job(job_id)
    assert record["status"] not in FINAL, "the origin is not slow enough for this test"
    return bool((await server.stats())["worker"]["activeDownloads"])


@pytest.mark.timeout(300)
async def test_a_poison_file_ends_crashed_and_its_neighbours_complete(
    tmp_path: Path, offer: Offer, noise: Noise
) -> None:
    """A file that kills its worker at the same step every time is found out; nobody else pays for it."""
    catalog = offer("limit_rate 400k;")
    titles = ["One", "Two", "Poison", "Four", "Five", "Six"]
    lines = [
        catalog.track(100 + number, title, {"LOSSLESS": noise(number)}, trackNumber=number)
        for number, title in enumerate(titles, 1)
    ]
    catalog.album(5, "Blue", "Ann", lines)
    async with tonearm(tmp_path, catalog.url, breakage="verify:kill:Poison") as server:
        album = await server.submit("album", 5)
        single = await server.submit("track", 106, "LOSSLESS", checkDuplicate=False)
        deaths = await _restart_until_final(server, album)
        record = await server.wait_for(album)

        assert deaths >= 3
        assert record["status"] == "completed"
        assert record["outcome"] == "partial"
        assert [(track["trackTitle"], track["code"]) for track in record["failedTracks"]] == [("Poison", "crashed")]
        assert record["completedTracks"] == len(titles) - 1
        assert (await server.wait_for(single))["status"] == "completed"
        assert server.staged() == []


async def _restart_until_final(server: Tonearm, job_id: str) -> int:
    """Start the server again each time it dies, until the job is final; how often it died."""
    for deaths in range(30):
        try:
            await server.wait_for(job_id, seconds=120)
        except aiohttp.ClientError:
            await server.ended()
            await server.start()
        else:
            return deaths
    raise AssertionError("the poison job was never given up")


async def test_a_kill_between_commit_and_publishing_leaves_the_job_in_peoples_hands(
    tmp_path: Path, noise: Noise
) -> None:
    """Nothing was published, so the next attempt takes the commit back, and a cancel cancels again."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path, catalog.url, breakage="publish:kill", QUEUE_RETRY_BACKOFF_MS=60_000) as server:
            job_id = await server.submit("track", 1)
            await server.ended()
            catalog.reply("/tracks/1", status(503), forever=True)
            server.breakage = None
            await server.start()
            await server.wait_for(job_id, "queued")
            await catalog.asked("/tracks/1", times=2)
            await until("it backs off", lambda: _backs_off(server, job_id))

            await server.act(job_id, "cancel")
            assert (await server.job(job_id))["status"] == "cancelled"
            await until("its bytes are gone", lambda: not server.staged(), seconds=5)
            assert server.files() == []


async def _backs_off(server: Tonearm, job_id: str) -> bool:
    return "nextRetryAt" in await server.job(job_id)


async def test_a_kill_between_publishing_and_settling_adopts_the_file(tmp_path: Path, noise: Noise) -> None:
    """The next attempt finds what was published and fetches nothing."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path, catalog.url, breakage="published:kill") as server:
            job_id = await server.submit("track", 1)
            await server.ended()
            (name,) = server.files()
            inode = (server.library / name).stat().st_ino
            server.breakage = None
            await server.start()
            record = await server.wait_for(job_id)

            assert (record["status"], record["files"]) == ("completed", [name])
            assert (server.library / name).stat().st_ino == inode
            assert catalog.count("/media/1") == 1
            assert server.staged() == []
