"""Retry and courtesy, with the real server and real origins: what is tried again, when, and whom nobody troubles."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise, product
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import Fixed, Reply, ScriptedCatalog, body, cut, held, silent, slow, status
from tests.support.counts import ALL, count
from tests.support.knocks import knocks
from tests.support.server import Json, Tonearm, tonearm, until

DOCUMENTED_MOST = 15
"""Attempts that an unreachable catalog may see within 30 s at the default back-off."""


def story(record: Json) -> list[tuple[str, str | None]]:
    """Event and code of each line of a job's history."""
    return [(line["event"], line.get("code")) for line in record["history"]]


def spread(catalog: ScriptedCatalog, path: str) -> list[float]:
    """Seconds between the requests for a path."""
    at = [seen.at for seen in catalog.requests if seen.path == path]
    return [later - earlier for earlier, later in pairwise(at)]


async def waits(server: Tonearm) -> Json | None:
    """What /stats says of hosts that are left alone, once it says something."""
    worker: Json = (await server.stats())["worker"]
    return worker if "resting" in worker else None


# --- the ladder -------------------------------------------------------------------------------------------------------

HICCUPS: list[tuple[str, Reply, str]] = [
    ("tracks", status(500), "server_error"),
    ("tracks", status(503), "server_error"),
    ("tracks", status(429), "rate_limit"),
    ("tracks", silent(), "timeout"),
    ("media", status(502), "server_error"),
    ("media", status(429), "rate_limit"),
    ("media", cut(after=0), "network"),
    ("media", cut(after=100_000), "network"),
    ("media", silent(after=100_000), "timeout"),
    ("albums", status(503), "server_error"),
    ("albums", silent(), "timeout"),
]


async def test_what_fails_once_and_then_works_is_completed(tmp_path: Path, noise: Noise) -> None:
    """With one retry counted, and its reason in the history; the catalog's answers and media alike."""
    async with ScriptedCatalog() as catalog:
        content = noise(1).read_bytes()
        for number, (noun, trouble, _) in enumerate(HICCUPS, 1):
            catalog.add_track(number, body=content)
            catalog.add_album(number, [number])
            catalog.reply(f"/{noun}/{number}", trouble)
        async with tonearm(tmp_path, catalog.url, QUEUE_JOB_TIMEOUT_MS=500) as server:
            kinds = ["album" if noun == "albums" else "track" for noun, _, _ in HICCUPS]
            jobs = [await server.submit(kind, number) for number, kind in enumerate(kinds, 1)]
            records = [await server.wait_for(job) for job in jobs]

        assert {record["status"] for record in records} == {"completed"}
        assert [catalog.count(f"/{noun}/{number}") for number, (noun, _, _) in enumerate(HICCUPS, 1)] == [2] * len(jobs)
        delays = [[line for line in story(record) if line[0] == "delayed"] for record in records]
        assert delays == [[("delayed", code)] for _, _, code in HICCUPS]
        # An album's own count is the sum of its tracks'.
        assert [record["retryCount"] for record in records] == [int(kind == "track") for kind in kinds]


async def test_three_errors_and_a_success_are_a_success_and_four_are_not(tmp_path: Path, noise: Noise) -> None:
    """The waits between are the ladder's, never shorter; the history has each attempt with its time and code."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 5):
            catalog.add_track(number, body=noise(number).read_bytes())
        paths = ["/tracks/1", "/media/2", "/tracks/3", "/media/4"]
        for path in paths:
            catalog.reply(path, *[status(500)] * (4 if path in paths[2:] else 3))
        async with tonearm(tmp_path, catalog.url, QUEUE_RETRY_BACKOFF_MS=100) as server:
            jobs = [await server.submit("track", number) for number in range(1, 5)]
            *arrived, third, fourth = [await server.wait_for(job) for job in jobs]

        repeated = [("started", None), ("delayed", "server_error")] * 3 + [("started", None)]
        for record in arrived:
            assert (record["status"], record["retryCount"]) == ("completed", 3)
            assert story(record)[1:-1] == repeated
        for record in (third, fourth):
            assert (record["status"], record["failureCode"], record["retryCount"]) == ("failed", "server_error", 3)
            assert story(record)[1:] == [*repeated, ("failed", "server_error")]
            assert [line["attempt"] for line in record["history"] if line["event"] == "started"] == [1, 2, 3, 4]
            assert all(line["at"] and line["message"] for line in record["history"] if "code" in line)
            assert record["error"] == record["lastError"]
        for path in paths:
            assert catalog.count(path) == 4
            assert all(wait >= step for wait, step in zip(spread(catalog, path), (0.1, 0.2, 0.5), strict=True))


async def test_a_job_may_have_a_number_of_retries_of_its_own(tmp_path: Path, noise: Noise) -> None:
    """More or fewer than `QUEUE_MAX_RETRIES`."""
    async with ScriptedCatalog() as catalog:
        for number in (1, 2):
            catalog.add_track(number, body=noise(1).read_bytes())
            catalog.reply(f"/tracks/{number}", *[status(500)] * 4)
        async with tonearm(tmp_path, catalog.url, QUEUE_MAX_RETRIES=1) as server:
            patient = await server.submit("track", 1, maxRetries=4)
            hasty = await server.submit("track", 2, maxRetries=0)

            assert (await server.wait_for(patient))["status"] == "completed"
            assert (await server.wait_for(hasty))["status"] == "failed"
            assert (catalog.count("/tracks/1"), catalog.count("/tracks/2")) == (5, 1)


async def test_any_other_4xx_fails_at_once(tmp_path: Path, noise: Noise) -> None:
    """Asked once, from the catalog and from the media host, whatever time it names."""
    async with ScriptedCatalog() as catalog:
        refused = dict[int, str]()
        for track, (noun, code) in enumerate(product(("tracks", "media"), (400, 401, 403, 404, 410, 418)), 1):
            refused[track] = f"/{noun}/{track}"
            catalog.add_track(track, body=noise(1).read_bytes())
            catalog.reply(refused[track], status(code, retry_after=1), forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            jobs = [await server.submit("track", track) for track in refused]
            records = [await server.wait_for(job) for job in jobs]
            assert "resting" not in (await server.stats())["worker"]

        assert {(record["status"], record["retryCount"]) for record in records} == {("failed", 0)}
        assert [catalog.count(path) for path in refused.values()] == [1] * len(refused)


async def test_a_task_in_back_off_holds_no_slot(tmp_path: Path, noise: Noise) -> None:
    """With one slot, the next job goes through while the first waits for its second attempt."""
    async with ScriptedCatalog() as catalog:
        for number in (1, 2):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.reply("/media/1", status(500))
        async with tonearm(tmp_path, catalog.url, QUEUE_MAX_CONCURRENT=1, QUEUE_RETRY_BACKOFF_MS=60_000) as server:
            first = await server.submit("track", 1)
            second = await server.wait_for(await server.submit("track", 2))

            assert second["status"] == "completed"
            waiting = await server.job(first)
            assert (waiting["status"], waiting["retryCount"]) == ("queued", 1)
            assert waiting["lastError"].endswith("answered 500 Internal Server Error")
            assert waiting["nextRetryAt"] > waiting["history"][-1]["at"] + 59_000


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
            shown = await until("the reason is shown", lambda: _holding(server))
            assert shown["holding"].startswith(f"The catalog {catalog.netloc} asked for no request until ")

            records = [await server.wait_for(job) for job in (first, *others)]
            assert [record["status"] for record in records] == ["completed"] * 9
            assert [record["retryCount"] for record in records] == [1] + [0] * 8
            assert all(line[0] != "released" for record in records for line in story(record))
            worker = (await server.stats())["worker"]
            assert not {"resting", "holding"} & worker.keys()
        assert catalog.requests[1].at - catalog.requests[0].at >= 3.0


async def _holding(server: Tonearm) -> Json | None:
    worker: Json = (await server.stats())["worker"]
    return worker if "holding" in worker else None


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

# --- rest -------------------------------------------------------------------------------------------------------------


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
                shown = await until("the reason is shown", lambda: _holding(server))
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
            shown = await until("the reason is shown", lambda: _holding(server))
            assert "is being tried again" in shown["holding"]
            assert shown["activeDownloads"] == 1
            assert len(catalog.requests) == 1
            release.set()
            for job in jobs:
                assert (await server.wait_for(job))["status"] == "completed"
