"""`kill -9` at any moment: nothing is lost, nothing is doubled, and a poison file harms nobody but itself."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from tests.faults.worker.conftest import Noise, Offer
from tests.support.breakages import PHASES
from tests.support.catalog import ScriptedCatalog, silent, status, usual
from tests.support.counts import count
from tests.support.music import pcm
from tests.support.server import FINAL, Tonearm, tonearm, until

KILLS = count(4, 20)
RATE = count(60, 20)
"""Thousand bytes a second of each transfer: slow enough that every kill hits one."""
TRACKS = 12
PUBLISHED = ("linked", "published", "beside")
"""Phases in which the file has its name."""
KILLS_EACH = count(1, 2)
"""Kills in one phase, one after another."""
LISTED = 520
"""Tracks of an album that enters the store in two pages."""


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


@pytest.mark.parametrize("phase", ["resolve", *PHASES, *PUBLISHED])
async def test_a_kill_in_any_phase_costs_nobody_anything(tmp_path: Path, noise: Noise, phase: str) -> None:
    """The next start completes the track, once, without a failed attempt and without a byte fetched twice."""
    body = noise(1).read_bytes()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=body)
        catalog.add_album(1, [1])
        async with tonearm(tmp_path, catalog.url, breakage=f"{phase}:kill") as server:
            job_id = await server.submit("album" if phase == "resolve" else "track", 1, startPaused=True)
            with suppress(aiohttp.ClientError):  # it may die before it has answered
                await server.act(job_id, "resume")
            await server.ended()
            for _ in range(0 if phase in PUBLISHED else KILLS_EACH - 1):
                with suppress(AssertionError, aiohttp.ClientError):
                    await server.start()
                await server.ended()
            names = server.files()
            server.breakage = None
            await server.start()
            record = await server.wait_for(job_id)

            assert (record["status"], record["retryCount"]) == ("completed", 0)
            assert record["files"] == server.files() == ["Scripted/Scripts/01 Track 1.flac"]
            assert names == (server.files() if phase in PUBLISHED else [])
            assert "Recovered from crash" in [entry.get("message") for entry in record["history"]]
            arrived = server.library / record["files"][0]
            assert arrived.stat().st_nlink == 1
            assert pcm(arrived) == pcm(noise(1))
            assert server.staged() == []
            whole, *later = [seen.headers.get("Range") for seen in catalog.requests if seen.path == "/media/1"]
            assert whole is None
            assert set(later) <= {f"bytes={len(body) - 1}-"}, "the last byte alone proves that the rest is still right"


async def test_a_kill_while_an_album_is_resolved_gives_the_whole_list_once(tmp_path: Path) -> None:
    """A first page of its tracks is in the store, the catalog has not given the second."""
    async with ScriptedCatalog() as catalog:
        catalog.add_album(
            5, [{"id": number, "title": f"Track {number}"} for number in range(1, LISTED + 1)], page_size=510
        )
        catalog.reply("/albums/5", usual(), silent())
        async with tonearm(tmp_path, catalog.url) as server:
            job_id = await server.submit("album", 5)
            await catalog.asked("/albums/5", times=2)
            await server.kill()
            await server.start()
            await until("the list is known", lambda: _listed(server, job_id))
            tracks = (await server.call("GET", f"/{job_id}/tracks?limit=1000"))[1]["tracks"]
            assert [track["trackId"] for track in tracks] == list(range(1, LISTED + 1))


async def _listed(server: Tonearm, job_id: str) -> bool:
    return bool((await server.job(job_id))["trackCount"] == LISTED)


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
