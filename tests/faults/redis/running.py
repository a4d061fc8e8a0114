"""An album that is downloaded slowly by a server on a shared queue, while something happens to that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.music import pcm
from tests.support.server import FINAL, Json, Tonearm, until
from tests.support.sharing import Site

RATE = 150_000
"""Bytes a second of each transfer; a track takes about two."""
SOUNDS = 3
ALBUM = 5


class Album:
    """An album that is being downloaded, seen through the server."""

    def __init__(self, site: Site, catalog: ScriptedCatalog, server: Tonearm, job_id: str, tracks: int) -> None:
        self.site = site
        self.catalog = catalog
        self.server = server
        self.job_id = job_id
        self.names = [f"Scripted/Scripts/{number:02} Track {number}.flac" for number in range(1, tracks + 1)]

    async def record(self) -> Json | None:
        """The record of the album; None while the queue is away."""
        status, body = await self.server.call("GET", f"/{self.job_id}")
        assert status in (200, 503), body
        return dict(body["job"]) if status == 200 else None

    async def arrived(self, tracks: int) -> None:
        """Wait until so many tracks are in the library."""
        await until(f"{tracks} tracks are there", lambda: len(self.site.files()) >= tracks)

    async def completed(self, noise: Noise) -> None:
        """Wait for the end, and see that it is a good one: each file is there and right, and nothing else is left."""

        async def final() -> Json | None:
            record = await self.record()
            return record if record is not None and record["status"] in FINAL else None

        record = await until("the album is over", final, seconds=120)
        assert (record["status"], record["completedTracks"]) == ("completed", len(self.names)), record
        async with self.site.store() as store:
            assert await store.audit() == ()
        assert self.site.staged() == []
        assert self.site.files() == sorted(self.names)
        sounds = [pcm(noise(number)) for number in range(SOUNDS)]
        for number, name in enumerate(self.names, 1):
            assert pcm(self.site.library / name) == sounds[number % SOUNDS], name

    def fetched(self) -> list[int]:
        """How often the media of each track were asked for."""
        return [self.catalog.count(f"/media/{number}") for number, _ in enumerate(self.names, 1)]


@asynccontextmanager
async def running_album(
    folder: Path, noise: Noise, url: str, tracks: int, *, workers: int = 0, **settings: object
) -> AsyncIterator[Album]:
    """Begin to download it, with a server and so many workers beside it."""
    async with ScriptedCatalog() as catalog, AsyncExitStack() as processes:
        for number in range(1, tracks + 1):
            catalog.add_track(number, body=noise(number % SOUNDS).read_bytes())
            catalog.reply(f"/media/{number}", slow(RATE), forever=True)
        catalog.add_album(ALBUM, range(1, tracks + 1))
        site = Site(folder, catalog.url, url, **settings)
        server = await processes.enter_async_context(site.server("server"))
        for number in range(1, workers + 1):
            await processes.enter_async_context(site.worker(f"worker-{number}"))
        yield Album(site, catalog, server, await server.submit("album", ALBUM), tracks)
