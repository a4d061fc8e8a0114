"""Hosts that rest: who cannot be reached is left alone, and what that costs the jobs that wait."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.faults.worker.watching import holding, waits
from tests.support.catalog import ScriptedCatalog, cut, held
from tests.support.counts import ALL, count
from tests.support.knocks import knocks
from tests.support.server import Json, Tonearm, tonearm, until

DOCUMENTED_MOST = 15
"""Attempts that an unreachable catalog may see within 30 s at the default back-off."""


async def test_a_catalog_that_is_gone_for_a_while_costs_no_job_anything(tmp_path: Path, noise: Noise) -> None:
    """50 jobs wait, at most 15 connections are tried, counted on the line, and all complete when it is back."""
    backoff_ms = count(100, 1_000)
    async with ScriptedCatalog() as catalog:
        content = noise(1).read_bytes()
        for number in range(1, 51):
            catalog.add_track(number, body=content)
        catalog.add_album(5, [49, 50])
        async with tonearm(tmp_path, catalog.url, QUEUE_RETRY_BACKOFF_MS=backoff_ms) as server:
            assert (await server.wait_for(await server.submit("track", 1)))["status"] == "completed"
            await catalog.down()
            with knocks(catalog.port) as knocked:
                jobs = [await server.submit("track", number) for number in range(2, 49)]
                jobs += [await server.submit("album", 5)]
                shown = await until("it rests", lambda: waits(server))
                assert shown["resting"][0]["host"] == catalog.netloc
                shown = await until("the reason is shown", lambda: holding(server))
                assert shown["holding"].startswith(f"The catalog {catalog.netloc} is resting until ")
                assert shown["activeDownloads"] == 0
                await _pass(30 * backoff_ms / 1_000)
                attempts = knocked()
            await catalog.up()
            records = [await server.wait_for(job, seconds=120) for job in jobs]

            assert 5 <= attempts <= DOCUMENTED_MOST
            assert [record["status"] for record in records] == ["completed"] * 48
            assert max(record["retryCount"] for record in records) <= 1
            log = server.log.read_text()
            assert log.count("The host is left alone") == 1
            assert log.count("The host can be reached again") == 1
            assert "resting" not in (await server.stats())["worker"]


async def _pass(seconds: float) -> None:
    """Let the outage take its time: how often the server tries within it is what is measured."""
    await asyncio.sleep(seconds)


async def test_a_catalog_that_is_gone_for_good_fails_what_waits_and_nothing_else(tmp_path: Path, noise: Noise) -> None:
    """All fail with `network` and a clear word; the worker lives, and works again by itself when the catalog does."""
    patience = {} if ALL else {"breakage": "patience:30000"}
    async with ScriptedCatalog() as catalog:
        for number in range(1, 21):
            catalog.add_track(number, body=noise(1).read_bytes())
        catalog.add_album(5, [1, 2])
        await catalog.down()
        async with tonearm(tmp_path, catalog.url, **patience) as server:
            with knocks(catalog.port) as knocked:
                jobs = [await server.submit("track", number) for number in range(1, 21)]
                jobs.append(await server.submit("album", 5))
                records = [await server.wait_for(job, seconds=100) for job in jobs]
                assert knocked() <= 2 * DOCUMENTED_MOST
            assert {(record["status"], record["failureCode"]) for record in records} == {("failed", "network")}
            told = [record["error"] for record in records]
            assert all(text.endswith("Connection refused") for text in told)
            assert sum("and was given up" in text for text in told) >= 15
            assert (await server.stats())["worker"]["running"]

            await catalog.up()

            async def works_again() -> bool:
                record = await server.wait_for(await server.submit("track", 1))
                return bool(record["status"] == "completed")

            await until("it works again", works_again, seconds=30)
            for job in jobs[1:]:
                await server.act(job, "retry")
            for job in jobs[1:]:
                assert (await server.wait_for(job))["status"] == "completed"


async def test_a_media_host_that_rests_does_not_keep_the_others_waiting(tmp_path: Path, noise: Noise) -> None:
    """Its tasks are given back without cost, with the reason in the job; they complete when it is back."""
    async with ScriptedCatalog() as catalog, ScriptedCatalog() as gone, ScriptedCatalog() as other:
        content = noise(1).read_bytes()
        for number in range(1, 21):
            media = gone if number <= 10 else other
            media.add_track(number, body=content)
            catalog.add_track(number, media_url=f"{media.url}/media/{number}")
        await gone.down()
        allow = f"{gone.netloc},{other.netloc}"
        async with tonearm(tmp_path, catalog.url, QUEUE_FETCH_ALLOW=allow, QUEUE_RETRY_BACKOFF_MS=200) as server:
            with knocks(gone.port) as knocked:
                resting = [await server.submit("track", number) for number in range(1, 11)]
                await until("it rests", lambda: waits(server))
                others = [await server.submit("track", number) for number in range(11, 21)]
                for job in others:
                    assert (await server.wait_for(job))["status"] == "completed"
                released = await until("one is turned away", lambda: _turned_away(server, resting))
                assert "holding" not in (await server.stats())["worker"]
                assert released["nextRetryAt"]
                assert released["history"][-1]["message"].startswith(f"{gone.netloc} is ")
                assert knocked() <= DOCUMENTED_MOST
            await gone.up()
            for job in resting:
                record = await server.wait_for(job)
                assert (record["status"], record["retryCount"] <= 1) == ("completed", True)


async def _turned_away(server: Tonearm, jobs: list[str]) -> Json | None:
    for job in jobs:
        record = await server.job(job)
        if record["status"] == "queued" and record["history"][-1]["event"] == "released":
            return record
    return None


async def test_bytes_are_kept_while_the_media_host_rests(tmp_path: Path, noise: Noise) -> None:
    """What had arrived before the host went away is not fetched again."""
    content = noise(1).read_bytes()
    async with ScriptedCatalog() as catalog, ScriptedCatalog() as media:
        for number in range(1, 7):
            media.add_track(number, body=content)
            catalog.add_track(number, media_url=f"{media.url}/media/{number}")
        media.reply("/media/1", cut(after=200_000))
        async with tonearm(tmp_path, catalog.url, QUEUE_FETCH_ALLOW=media.netloc, QUEUE_RETRY_BACKOFF_MS=200) as server:
            first = await server.submit("track", 1)
            await until("its back-off", lambda: _retried(server, first))
            await media.down()
            for number in range(2, 7):
                await server.submit("track", number)
            await until("it rests", lambda: waits(server))
            await until("it is turned away", lambda: _turned_away(server, [first]))
            await media.up()
            assert (await server.wait_for(first))["status"] == "completed"
        again = next(seen for seen in reversed(media.requests) if seen.path == "/media/1")
        assert again.headers["Range"] == "bytes=200000-"


async def _retried(server: Tonearm, job: str) -> bool:
    return bool((await server.job(job))["retryCount"])


async def test_what_waits_for_a_resting_catalog_can_be_cancelled_and_paused(tmp_path: Path, noise: Noise) -> None:
    """At once: nobody holds it."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 9):
            catalog.add_track(number, body=noise(1).read_bytes())
        await catalog.down()
        async with tonearm(tmp_path, catalog.url, QUEUE_RETRY_BACKOFF_MS=1_000) as server:
            jobs = [await server.submit("track", number) for number in range(1, 9)]
            await until("it rests", lambda: waits(server))
            await server.act(jobs[0], "cancel")
            await server.act(jobs[1], "pause")
            assert (await server.job(jobs[0]))["status"] == "cancelled"
            assert (await server.job(jobs[1]))["status"] == "paused"
            await until("its stage is gone", lambda: not any(jobs[0] in name for name in server.staged()))


async def test_one_task_goes_first_when_the_catalog_may_be_back(tmp_path: Path, noise: Noise) -> None:
    """The others wait for what it finds, however long the answer takes."""
    release = asyncio.Event()
    async with ScriptedCatalog() as catalog:
        for number in range(1, 9):
            catalog.add_track(number, body=noise(1).read_bytes())
            catalog.reply(f"/tracks/{number}", held(release))
        await catalog.down()
        async with tonearm(tmp_path, catalog.url, QUEUE_RETRY_BACKOFF_MS=200) as server:
            jobs = [await server.submit("track", number) for number in range(1, 9)]
            await until("it rests", lambda: waits(server))
            await catalog.up()
            await until("one asks", lambda: catalog.requests)
            shown = await until("the reason is shown", lambda: holding(server))
            assert "is being tried again" in shown["holding"]
            assert shown["activeDownloads"] == 1
            assert len(catalog.requests) == 1
            release.set()
            for job in jobs:
                assert (await server.wait_for(job))["status"] == "completed"
