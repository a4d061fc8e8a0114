"""Retrying, with the real server and real origins: what is tried again, when, and how often."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.faults.worker.watching import spread, story
from tests.support.catalog import Reply, ScriptedCatalog, cut, silent, status
from tests.support.server import tonearm

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
