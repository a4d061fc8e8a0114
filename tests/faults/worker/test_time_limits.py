"""Servers that fall silent or trickle: every job has an end, and the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import Reply, ScriptedCatalog, silent, slow
from tests.support.server import tonearm

LIMIT_MS = 700


@pytest.mark.parametrize(
    ("path", "trouble"),
    [
        ("/tracks/1", silent()),
        ("/media/1", silent()),
        ("/media/1", silent(after=0)),
        ("/media/1", silent(after=100_000)),
    ],
    ids=["catalog", "before the headers", "after the headers", "in the middle"],
)
async def test_a_silent_server_fails_the_job_and_no_other(
    tmp_path: Path, noise: Noise, path: str, trouble: Reply
) -> None:
    """The job fails with `timeout` after the limit; jobs beside it complete meanwhile."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 6):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.reply(path, trouble, forever=True)
        async with tonearm(tmp_path, catalog.url, QUEUE_JOB_TIMEOUT_MS=LIMIT_MS) as server:
            silent = await server.submit("track", 1, maxRetries=1)
            others = [await server.submit("track", number) for number in range(2, 6)]
            for other in others:
                assert (await server.wait_for(other))["status"] == "completed"
            record = await server.wait_for(silent)

            assert (record["status"], record["failureCode"]) == ("failed", "timeout")
            assert record["error"] == "Download timeout (0.7s)"
            assert record["retryCount"] == 1
            assert server.staged() == []
            assert len(server.files()) == 4


async def test_a_trickling_server_ends_at_the_hard_limit(tmp_path: Path, noise: Noise) -> None:
    """A transfer that moves is not cut by the silence limit, but by the processing limit, for good."""
    async with ScriptedCatalog() as catalog:
        for number in (1, 2):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.reply("/media/1", slow(40_000), forever=True)
        async with tonearm(
            tmp_path, catalog.url, QUEUE_JOB_TIMEOUT_MS=LIMIT_MS, QUEUE_PROCESSING_TIMEOUT_MS=2_500
        ) as server:
            trickling = await server.submit("track", 1)
            assert (await server.wait_for(await server.submit("track", 2)))["status"] == "completed"
            record = await server.wait_for(trickling)

            assert (record["status"], record["failureCode"]) == ("failed", "timeout")
            assert record["error"].startswith("Processing timeout (2.5s exceeded)")
            assert "kB/s" in record["error"]
            assert record["retryCount"] == 0
            assert server.staged() == []


async def test_a_long_album_is_no_timeout(tmp_path: Path, noise: Noise) -> None:
    """Each track of an album has a limit of its own."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 7):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", slow(300_000), forever=True)
        catalog.add_album(5, list(range(1, 7)))
        async with tonearm(tmp_path, catalog.url, QUEUE_PROCESSING_TIMEOUT_MS=3_000, QUEUE_MAX_CONCURRENT=1) as server:
            record = await server.wait_for(await server.submit("album", 5))

            assert (record["status"], record["completedTracks"]) == ("completed", 6)
            assert record["completedAt"] - record["startedAt"] > 3_000


async def test_an_album_that_never_ends_is_given_up(tmp_path: Path, noise: Noise) -> None:
    """A catalog that pages for ever has the processing limit too; the place is free for the next album."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.add_album(6, [1])
        endless = [{"id": number, "title": "More"} for number in range(1, 100_000)]
        for number in (4, 5):
            catalog.add_album(number, endless, page_size=1)
        async with tonearm(tmp_path, catalog.url, QUEUE_PROCESSING_TIMEOUT_MS=1_500) as server:
            albums = [await server.submit("album", number) for number in (4, 5)]
            other = await server.submit("album", 6)
            for album in albums:
                record = await server.wait_for(album)
                assert (record["status"], record["failureCode"]) == ("failed", "timeout")
                assert record["error"].startswith("Processing timeout (1.5s exceeded)")
            assert (await server.wait_for(other))["status"] == "completed"


async def test_a_cover_that_trickles_costs_the_cover_and_not_the_track(tmp_path: Path, noise: Noise) -> None:
    """The file arrives, with a word about what is missing."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(9, body=noise(9).read_bytes())
        catalog.reply("/media/9", slow(5_000), forever=True)
        for number in (1, 2):
            catalog.add_track(number, body=noise(number).read_bytes(), coverUrl="media/9")
        async with tonearm(tmp_path, catalog.url, QUEUE_JOB_TIMEOUT_MS=LIMIT_MS) as server:
            jobs = [await server.submit("track", number) for number in (1, 2)]
            for job in jobs:
                record = await server.wait_for(job)
                assert record["status"] == "completed"
                assert record["warnings"] == ["The cover could not be had: No whole picture within 0.7s"]
