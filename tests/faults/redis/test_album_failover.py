"""Fail-overs while an album is downloaded: another master comes, without the newest writes, and the album completes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.counts import count
from tests.support.music import pcm
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import RedisSentinel
from tests.support.redis_server import RedisServer, await_state, tag
from tests.support.server import FINAL, Json, Tonearm, until
from tests.support.sharing import Site

TRACKS = count(8, 40)
FAIL_OVERS = count(1, 4)
QUEUE = "tonearm"
SETTINGS = {"QUEUE_LEASE_MS": 5_000, "QUEUE_MAX_CONCURRENT": 2}
"""A task whose settling was lost waits for the end of its lease."""


class Album:
    """An album that two processes download slowly, seen through one of them."""

    def __init__(self, site: Site, server: Tonearm, job_id: str) -> None:
        self.site = site
        self._server = server
        self._job_id = job_id

    async def record(self) -> Json | None:
        """The record of the album; None while the queue is away."""
        status, body = await self._server.call("GET", f"/{self._job_id}")
        assert status in (200, 503), body
        return dict(body["job"]) if status == 200 else None

    async def arrived(self, tracks: int) -> None:
        """Wait until so many tracks are in the library."""
        await until(f"{tracks} tracks are there", lambda: len(self.site.files()) >= tracks)

    async def completed(self) -> None:
        """Wait for the end, and see that it is a good one."""

        async def final() -> Json | None:
            record = await self.record()
            return record if record is not None and record["status"] in FINAL else None

        record = await until("the album is over", final, seconds=120)
        assert (record["status"], record["completedTracks"]) == ("completed", TRACKS), record
        async with self.site.store() as store:
            assert await store.audit() == ()
        assert self.site.staged() == []


@asynccontextmanager
async def album(folder: Path, noise: Noise, url: str) -> AsyncIterator[Album]:
    """Begin with it; in the end its files are looked at."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, TRACKS + 1):
            catalog.add_track(number, body=noise(number % 3).read_bytes())
            catalog.reply(f"/media/{number}", slow(150_000), forever=True)
        catalog.add_album(5, range(1, TRACKS + 1))
        site = Site(folder, catalog.url, url, **SETTINGS)
        async with site.server("server") as server, site.worker("worker"):
            yield Album(site, server, await server.submit("album", 5))

    names = [f"Scripted/Scripts/{number:02} Track {number}.flac" for number in range(1, TRACKS + 1)]
    assert site.files() == names
    sounds = [pcm(noise(number)) for number in range(3)]
    assert [pcm(site.library / name) for name in names] == [sounds[number % 3] for number in range(1, TRACKS + 1)]


def keep_from(replica: RedisServer, master: RedisServer) -> None:
    """Let the replica hear nothing of its master from now on, while both go on."""
    master.call("ACL", "SETUSER", "default", "-psync", "-sync")
    master.call("CLIENT", "KILL", "TYPE", "replica")
    await_state("the replica is cut off", lambda: replica.figures("replication")["master_link_status"] == "down")


def completed_by(server: RedisServer) -> int:
    """How many tracks of the one album have arrived, as this server has it."""
    (album,) = server.call("ZRANGE", f"{tag(QUEUE)}jobs", 0, -1)
    return int(server.call("ZCARD", f"{tag(QUEUE)}album:{album}:completed"))


async def fail_over(downloading: Album, nodes: RedisSentinel | RedisCluster, done: int) -> None:
    """Kill the master when tracks have arrived of which its replica knows nothing."""
    await downloading.arrived(done)
    if isinstance(nodes, RedisSentinel):
        old, replica, next_master = nodes.master(), nodes.replica(), nodes.await_master
    else:
        old, replica = nodes.master_of(QUEUE), nodes.replica_of(QUEUE)
        next_master = partial(nodes.await_master_of, QUEUE)
    await asyncio.to_thread(keep_from, replica, old)
    known = completed_by(old)
    await until("a track is completed, unheard", lambda: completed_by(old) > known)
    old.kill()
    await asyncio.to_thread(next_master, other_than=old)
    await asyncio.to_thread(old.start)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("start", [RedisSentinel, RedisCluster], ids=["sentinel", "cluster"])
async def test_an_album_completes_though_its_master_dies_with_the_newest_writes(
    tmp_path: Path, noise: Noise, start: Callable[[], RedisSentinel | RedisCluster]
) -> None:
    """Tracks had arrived of which the new master knows nothing: they are done again, and are there once."""
    with start() as nodes:
        async with album(tmp_path, noise, nodes.url) as downloading:
            for number in range(FAIL_OVERS):
                await fail_over(downloading, nodes, 1 + number * TRACKS // FAIL_OVERS)
            await downloading.completed()
