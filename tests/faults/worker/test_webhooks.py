"""Webhooks of a real server to a real receiver: whatever fails in between, each arrives, and no download waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, status
from tests.support.receiver import SECRET, Mood, Receiver
from tests.support.server import Tonearm, tonearm, until

SETTINGS: dict[str, Any] = {
    "QUEUE_WEBHOOK_SECRET": SECRET,
    "QUEUE_WEBHOOK_TIMEOUT_MS": 2_000,
    "QUEUE_FETCH_ALLOW": "127.0.0.1",
    "QUEUE_MAX_RETRIES": 0,
}


async def waiting(server: Tonearm) -> int:
    """How many deliveries are not over."""
    code, body = await server.call("GET", "/webhooks")
    assert code == 200, body
    return int(body["waiting"])


@pytest.mark.timeout(400)
async def test_each_end_is_told_through_failures_and_kills(tmp_path: Path, noise: Noise) -> None:
    """At least once each, verifiable, and in the end nothing waits."""
    body = noise(1).read_bytes()
    async with ScriptedCatalog() as catalog, Receiver() as receiver:
        for number in (1, 2, 3, 4):
            catalog.add_track(number, body=body)
        catalog.add_album(9, [3, 4])
        catalog.reply("/tracks/4", status(404), forever=True)
        receiver.moods.extend((Mood.FAILS, Mood.REDIRECTS, Mood.HANGS, Mood.FORGETS, Mood.TALKS))
        async with tonearm(tmp_path, catalog.url, QUEUE_WEBHOOK_URLS=receiver.url, **SETTINGS) as server:
            completed = await server.submit("track", 1)
            failed = await server.submit("track", 77)
            await until("all that can go wrong has", lambda: not receiver.moods)
            receiver.mood = Mood.HANGS
            partial = await server.submit("album", 9)
            record = await server.wait_for(partial)
            assert (record["status"], record["outcome"]) == ("completed", "partial")
            tries = len(receiver.tries)
            await until("a try hangs", lambda: len(receiver.tries) > tries)
            await server.kill()
            await receiver.down()
            await server.start()
            removed = await server.submit("track", 2)
            await server.wait_for(removed)
            assert await waiting(server)
            await server.kill()
            await receiver.up()
            receiver.mood = Mood.RECEIVES
            await server.start()

            wanted = {
                ("job.completed", completed),
                ("job.failed", failed),
                ("job.partial", partial),
                ("job.completed", removed),
                ("queue.drained", ""),
            }
            await until("all is told", lambda: receiver.told() >= wanted, seconds=150)
            await until("nothing waits", lambda: _nothing_waits(server), seconds=150)
        assert receiver.told() == wanted
        (told,) = {str(each["data"]["job"]) for each in receiver.received if each["type"] == "job.partial"}
        assert "'failedCount': 1" in told
        assert "secret" not in server.log.read_text().lower().replace("queue_webhook_secret", "")
        assert "by=tonearm" not in server.log.read_text()


async def _nothing_waits(server: Tonearm) -> bool:
    return await waiting(server) == 0


async def test_downloads_go_on_while_a_receiver_hangs(tmp_path: Path, noise: Noise) -> None:
    """All of them, and what they were told of is on its way meanwhile; another address hears of it at once."""
    body = noise(1).read_bytes()
    async with ScriptedCatalog() as catalog, Receiver() as stuck, Receiver() as well:
        stuck.mood = Mood.HANGS
        urls = f"{stuck.url},{well.url}"
        many = SETTINGS | {"QUEUE_WEBHOOK_TIMEOUT_MS": 60_000}
        async with tonearm(tmp_path, catalog.url, QUEUE_WEBHOOK_URLS=urls, **many) as server:
            for number in range(1, 9):
                catalog.add_track(number, body=body)
            ids = [await server.submit("track", number) for number in range(1, 9)]
            for job_id in ids:
                assert (await server.wait_for(job_id))["status"] == "completed"
            await until("the other one has heard", lambda: {about for _, about in well.told()} >= set(ids))

            assert stuck.tries
            assert stuck.received == []
            assert await waiting(server) >= len(ids)


async def test_what_wants_a_person_is_told(tmp_path: Path) -> None:
    """A disk without room, and a catalog that cannot be reached, each with a sentence."""
    async with ScriptedCatalog() as catalog, Receiver() as receiver:
        told_by = SETTINGS | {"QUEUE_WEBHOOK_URLS": receiver.url}
        full = tonearm(tmp_path / "full", catalog.url, QUEUE_DISK_SPACE_MIN_MB=1_000_000_000, **told_by)
        patient = told_by | {"QUEUE_MAX_RETRIES": 3, "QUEUE_RETRY_BACKOFF_MS": 3_000}
        async with full, tonearm(tmp_path / "cut off", "http://127.0.0.1:9", **patient) as server:
            for number in range(1, 7):  # that many find out together that nobody is there
                await server.submit("track", number)
            wanted = {("attention.needed", "disk"), ("attention.needed", "catalog")}
            await until("both are told", lambda: receiver.told() >= wanted, seconds=60)

        said = {body["data"]["trouble"]: body["data"]["message"] for body in receiver.received}
        assert "1000000000000000 have to stay so" in said["disk"]
        assert said["catalog"] == "The catalog 127.0.0.1:9 cannot be reached."
