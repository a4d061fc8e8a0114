"""Courtesy, with the real server and real origins: whom nobody troubles, for how long, and what waits meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.faults.worker.watching import holding, spread, story, waits
from tests.support.catalog import Fixed, ScriptedCatalog, body, slow, status
from tests.support.server import tonearm, until

# --- Retry-After ------------------------------------------------------------------------------------------------------


def _in_three_seconds() -> Fixed:
    """A 429 whose date is three seconds and a bit ahead: dates have whole seconds."""
    now = datetime.now(UTC)
    due = format_datetime(now + timedelta(seconds=4), usegmt=True)
    return Fixed(429, b"{}", headers={"Retry-After": due, "Date": format_datetime(now, usegmt=True)})


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_host_that_asks_for_three_seconds_gets_them_from_everybody(
    tmp_path: Path, noise: Noise, form: str
) -> None:
    """Measured at the media server: no request for 3 s, from no task; another media host goes on meanwhile."""
    async with ScriptedCatalog() as catalog, ScriptedCatalog() as busy, ScriptedCatalog() as other:
        content = noise(1).read_bytes()
        for number in range(1, 13):
            media = busy if number <= 6 else other
            media.add_track(number, body=content)
            catalog.add_track(number, media_url=f"{media.url}/media/{number}")
        busy.reply("/media/1", status(429, retry_after=3) if form == "seconds" else _in_three_seconds())
        allow = f"{busy.netloc},{other.netloc}"
        async with tonearm(tmp_path, catalog.url, QUEUE_FETCH_ALLOW=allow) as server:
            first = await server.submit("track", 1)
            await busy.asked("/media/1")
            shown = await until("it is shown", lambda: waits(server))
            assert [host["host"] for host in shown["resting"]] == [busy.netloc]
            assert "holding" not in shown
            others = [await server.submit("track", number) for number in range(2, 13)]
            for job in others[5:]:
                assert (await server.wait_for(job))["status"] == "completed"
            assert len(busy.requests) == 1
            held_back = await server.job(others[0])
            assert held_back["status"] == "queued"
            assert held_back["history"][-1]["message"].startswith(f"{busy.netloc} asked for no request until ")
            assert held_back["nextRetryAt"]

            assert (await server.wait_for(first))["retryCount"] == 1
            for job in others:
                record = await server.wait_for(job)
                assert (record["status"], record["retryCount"]) == ("completed", 0)
        at = [seen.at for seen in busy.requests]
        assert len(at) == 7
        assert at[1] - at[0] >= 3.0


async def test_a_catalog_that_asks_for_three_seconds_gets_them(tmp_path: Path, noise: Noise) -> None:
    """Nothing is claimed meanwhile, tracks or albums, and /stats says why; only who was told pays an attempt."""
    async with ScriptedCatalog() as catalog:
        content = noise(1).read_bytes()
        for number in range(1, 11):
            catalog.add_track(number, body=content)
        catalog.add_album(5, [9, 10])
        catalog.reply("/tracks/1", status(503, retry_after=3))
        async with tonearm(tmp_path, catalog.url) as server:
            first = await server.submit("track", 1)
            await catalog.asked("/tracks/1")
            shown = await until("it is shown", lambda: waits(server))
            assert shown["resting"][0]["host"] == catalog.netloc
            others = [await server.submit("track", number) for number in range(2, 9)]
            others.append(await server.submit("album", 5))
            shown = await until("the reason is shown", lambda: holding(server))
            assert shown["holding"].startswith(f"The catalog {catalog.netloc} asked for no request until ")

            records = [await server.wait_for(job) for job in (first, *others)]
            assert [record["status"] for record in records] == ["completed"] * 9
            assert [record["retryCount"] for record in records] == [1] + [0] * 8
            assert all(line[0] != "released" for record in records for line in story(record))
            worker = (await server.stats())["worker"]
            assert not {"resting", "holding"} & worker.keys()
        assert catalog.requests[1].at - catalog.requests[0].at >= 3.0


async def test_the_wish_of_a_server_has_a_cap(tmp_path: Path, noise: Noise) -> None:
    """An hour is not waited for, where `QUEUE_RETRY_AFTER_MAX_MS` says less."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/tracks/1", status(429, retry_after=3_600))
        async with tonearm(tmp_path, catalog.url, QUEUE_RETRY_AFTER_MAX_MS=700) as server:
            record = await server.wait_for(await server.submit("track", 1))

            assert (record["status"], record["retryCount"]) == ("completed", 1)
            assert spread(catalog, "/tracks/1")[0] >= 0.7


async def test_transfers_that_run_go_on_while_their_host_is_held_back(tmp_path: Path, noise: Noise) -> None:
    """It asked for no further requests, not for an end."""
    async with ScriptedCatalog() as catalog, ScriptedCatalog() as media:
        for number in (1, 2):
            media.add_track(number, body=noise(number).read_bytes())
            catalog.add_track(number, media_url=f"{media.url}/media/{number}")
        media.reply("/media/1", slow(200_000))
        media.reply("/media/2", status(429, retry_after=60))
        async with tonearm(tmp_path, catalog.url, QUEUE_FETCH_ALLOW=media.netloc) as server:
            running = await server.submit("track", 1)
            await media.transferring(1)
            told = await server.submit("track", 2)

            assert (await server.wait_for(running))["status"] == "completed"
            assert (await server.job(told))["status"] == "queued"


# --- covers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "warnings"), [(1, None), (60, ["The cover could not be had: {} answered 429 Too Many Requests"])]
)
async def test_a_cover_waits_a_little_and_never_costs_an_attempt(
    tmp_path: Path, noise: Noise, wish: int, warnings: list[str] | None
) -> None:
    """What its host asks for is waited for where that fits into QUEUE_JOB_TIMEOUT_MS; else the track goes without."""
    async with ScriptedCatalog() as catalog, ScriptedCatalog() as pictures:
        catalog.add_track(1, body=noise(1).read_bytes(), coverUrl=f"{pictures.url}/cover.png")
        pictures.reply("/cover.png", status(429, retry_after=wish), body(PNG, "image/png"))
        async with tonearm(
            tmp_path, catalog.url, QUEUE_FETCH_ALLOW=pictures.netloc, QUEUE_JOB_TIMEOUT_MS=5_000
        ) as server:
            record = await server.wait_for(await server.submit("track", 1))

            assert (record["status"], record["retryCount"]) == ("completed", 0)
            assert record.get("warnings") == (warnings and [text.format(pictures.netloc) for text in warnings])


async def test_a_cover_behind_a_host_that_is_left_alone_is_left_out(tmp_path: Path, noise: Noise) -> None:
    """With a word in the job, and without a further request."""
    async with ScriptedCatalog() as catalog, ScriptedCatalog() as pictures:
        for number in (1, 2):
            catalog.add_track(number, body=noise(number).read_bytes(), coverUrl=f"{pictures.url}/{number}.png")
        pictures.reply("/1.png", status(429, retry_after=60), forever=True)
        async with tonearm(tmp_path, catalog.url, QUEUE_FETCH_ALLOW=pictures.netloc) as server:
            await server.wait_for(await server.submit("track", 1))
            record = await server.wait_for(await server.submit("track", 2))

            assert (record["status"], record["retryCount"]) == ("completed", 0)
            assert record["warnings"][0].startswith(
                f"The cover could not be had: {pictures.netloc} asked for no request until "
            )
            assert len(pictures.requests) == 1


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)
