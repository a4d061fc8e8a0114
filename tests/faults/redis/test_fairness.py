"""Fair share with real transfers: a newcomer's track starts with the next slot that comes free."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, held
from tests.support.counts import count
from tests.support.redis_server import RedisServer
from tests.support.server import API, Tonearm, tonearm, until

TRACKS = 500
NEWCOMERS = count(3, 20)
SLOTS = 2
BEHIND = 1_000
"""The newcomers' tracks are numbered from here on."""


async def submit_from(address: str, server: Tonearm, number: int) -> None:
    """Queue a track as a client of another address."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    job = {"type": "track", "trackId": number, "quality": "LOSSLESS"}
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(f"{server.url}{API}/", json={"job": job}) as answer,
    ):
        assert answer.status == 201, await answer.text()


class Origin:
    """The media of a catalog: each transfer stands until it is let go."""

    def __init__(self, catalog: ScriptedCatalog) -> None:
        self._catalog = catalog
        self._may_end: dict[int, asyncio.Event] = {}

    def add(self, number: int, body: bytes) -> None:
        """Add a track."""
        self._may_end[number] = asyncio.Event()
        self._catalog.add_track(number, body=body)
        self._catalog.reply(f"/media/{number}", held(self._may_end[number]), forever=True)

    def asked(self) -> list[int]:
        """The tracks whose transfer began, in that order."""
        paths = [seen.path for seen in self._catalog.requests if seen.path.startswith("/media/")]
        return [int(path.rpartition("/")[2]) for path in paths]

    def let_go(self, number: int) -> None:
        """Let this transfer come to its end."""
        self._may_end[number].set()


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
async def test_a_long_album_holds_nobody_up_for_more_than_one_slot(
    tmp_path: Path, noise: Noise, request: pytest.FixtureRequest, engine: str
) -> None:
    """Ann's album has all slots and hundreds of tracks more; whoever comes gets the very next slot, each time."""
    queue: dict[str, object] = {}
    if engine == "redis":
        redis = request.getfixturevalue("redis")
        assert isinstance(redis, RedisServer)
        queue["REDIS_URL"] = redis.url
    async with ScriptedCatalog() as catalog:
        origin, body = Origin(catalog), noise(1).read_bytes()
        for number in (*range(1, TRACKS + 1), *range(BEHIND, BEHIND + NEWCOMERS)):
            origin.add(number, body)
        catalog.add_album(5, range(1, TRACKS + 1))
        async with tonearm(tmp_path / "server", catalog.url, QUEUE_MAX_CONCURRENT=SLOTS, **queue) as server:
            album = await server.submit("album", 5)
            await until("the album has all slots", lambda: len(origin.asked()) == SLOTS)
            for round_ in range(NEWCOMERS):
                await submit_from(f"127.0.0.{10 + round_}", server, BEHIND + round_)
                running = origin.asked()
                origin.let_go(next(number for number in running[-SLOTS:] if number < BEHIND))
                await until("the next slot is taken", lambda: len(origin.asked()) > len(running))  # noqa: B023 - awaited here
                assert origin.asked()[len(running) :] == [BEHIND + round_]

                origin.let_go(BEHIND + round_)
                await until("and the one after it", lambda: len(origin.asked()) > len(running) + 1)  # noqa: B023 - as above
                assert origin.asked()[-1] < BEHIND
            assert (await server.job(album))["trackCount"] == TRACKS
