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
