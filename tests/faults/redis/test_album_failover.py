"""Fail-overs while an album is downloaded: another master comes, without the newest writes, and the album completes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.faults.redis.running import Album, running_album
from tests.faults.worker.conftest import Noise
from tests.support.counts import count
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import RedisSentinel
from tests.support.redis_server import RedisServer, await_state, tag
from tests.support.server import until

TRACKS = count(6, 160)
FAIL_OVERS = count(1, 4)
QUEUE = "tonearm"
SETTINGS = {"QUEUE_LEASE_MS": 5_000, "QUEUE_MAX_CONCURRENT": 2}
"""A task whose settling was lost waits for the end of its lease."""


def keep_from(replica: RedisServer, master: RedisServer) -> None:
    """Let the replica hear nothing of its master from now on, while both go on."""
    master.call("ACL", "SETUSER", "default", "-psync", "-sync")
    master.call("CLIENT", "KILL", "TYPE", "replica")
    await_state("the replica is cut off", lambda: replica.figures("replication")["master_link_status"] == "down")


def come_back(old: RedisServer, master: RedisServer) -> None:
    """Start it again, until it follows the one that took its place, or, on a busy machine, that one follows it."""
    old.start()
    pair = (old, master)
    await_state(
        "one follows the other",
        lambda: any(server.figures("replication").get("master_link_status") == "up" for server in pair),
    )


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
    master = await asyncio.to_thread(next_master, other_than=old)
    await asyncio.to_thread(come_back, old, master)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("start", [RedisSentinel, RedisCluster], ids=["sentinel", "cluster"])
async def test_an_album_completes_though_its_master_dies_with_the_newest_writes(
    tmp_path: Path, noise: Noise, start: Callable[[], RedisSentinel | RedisCluster]
) -> None:
    """Tracks had arrived of which the new master knows nothing: they are done again, and are there once."""
    with start() as nodes:
        async with running_album(tmp_path, noise, nodes.url, TRACKS, workers=1, **SETTINGS) as downloading:
            for number in range(FAIL_OVERS):
                await fail_over(downloading, nodes, 1 + number * TRACKS // FAIL_OVERS)
            await downloading.completed(noise)
            assert len(downloading.site.files()) == TRACKS
