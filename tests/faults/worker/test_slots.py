"""Slots: the origin never sees more transfers than allowed, and the figure never says more."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.server import Tonearm, tonearm

SLOTS = 4


async def test_ten_jobs_at_once_make_four_transfers(tmp_path: Path, noise: Noise) -> None:
    """Counted at the origin, and read from `activeDownloads` as often as it answers."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 11):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", slow(600_000), forever=True)
        async with tonearm(tmp_path, catalog.url, QUEUE_MAX_CONCURRENT=SLOTS) as server:
            jobs = await asyncio.gather(*(server.submit("track", number) for number in range(1, 11)))
            done = asyncio.Event()
            sampling = asyncio.create_task(_sample(server, done))
            records = [await server.wait_for(job) for job in jobs]
            done.set()
            samples = await sampling

        assert {record["status"] for record in records} == {"completed"}
        assert catalog.most_transfers == SLOTS
        assert max(samples) == SLOTS


async def _sample(server: Tonearm, done: asyncio.Event) -> list[int]:
    samples = list[int]()
    while not done.is_set():
        samples.append((await server.stats())["worker"]["activeDownloads"])
    return samples


async def test_one_persons_album_does_not_keep_another_waiting(tmp_path: Path, noise: Noise) -> None:
    """A track of a second client-like job goes before the remaining tracks of the album that came first."""
    async with ScriptedCatalog() as catalog:
        body = noise(1).read_bytes()
        for number in range(1, 21):
            catalog.add_track(number, body=body)
            catalog.reply(f"/media/{number}", slow(1_000_000), forever=True)
        catalog.add_album(5, list(range(1, 20)))
        async with tonearm(tmp_path, catalog.url, QUEUE_MAX_CONCURRENT=2) as server:
            album = await server.submit("album", 5)
            await catalog.transferring(2)
            track = await server.wait_for(await server.submit("track", 20))
            assert track["status"] == "completed"
            assert (await server.job(album))["completedTracks"] <= 6
