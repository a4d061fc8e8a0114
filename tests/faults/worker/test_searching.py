"""Searches beside downloads: whatever becomes of a search, the jobs go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, answer, silent, status
from tests.support.server import tonearm


async def test_searches_without_an_answer_hold_up_no_download(tmp_path: Path, noise: Noise) -> None:
    """More of them than may run at a time; a job that comes then is finished while all of them wait."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/search", silent(), forever=True)
        async with tonearm(tmp_path, catalog.url, breakage="searching:600") as server:
            searches = [asyncio.create_task(server.call("GET", "/search?q=x")) for _ in range(8)]
            await catalog.asked("/search", 4)

            record = await server.wait_for(await server.submit("track", 1))

            assert record["status"] == "completed"
            assert catalog.count("/search") == 4
            assert not any(search.done() for search in searches)
            for search in searches:
                search.cancel()
            await asyncio.gather(*searches, return_exceptions=True)


async def test_a_search_that_is_told_to_wait_makes_no_job_wait(tmp_path: Path, noise: Noise) -> None:
    """`Retry-After` of an hour for searches; the worker shares their client, and downloads at once."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/search", status(503, retry_after=3_600), answer({"results": []}))
        async with tonearm(tmp_path, catalog.url) as server:
            refused, body = await server.call("GET", "/search?q=x")
            assert (refused, body["code"], body["failureCode"]) == (503, "CATALOG_UNAVAILABLE", "server_error")

            record = await server.wait_for(await server.submit("track", 1))

            assert record["status"] == "completed"
            assert "released" not in [entry["event"] for entry in record["history"]]
            assert "resting" not in (await server.stats())["worker"]
            assert (await server.call("GET", "/search?q=x"))[1]["failureCode"] == "rate_limit"
            assert catalog.count("/search") == 1
