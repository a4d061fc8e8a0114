"""A reader of events hangs up and comes back, again and again, while the server is killed and stopped under it.

TONEARM_TEST_SEED=12345 ./dev test tests/api/test_resuming.py -s     as another run was, which printed its seed
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from tests.api.listening import listed, listening
from tests.api.serving import Json, Remote
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.counts import count
from tests.support.music import Music
from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm, until

from tonearm.api.follower import RESUMED

SEED = int(os.environ.get("TONEARM_TEST_SEED", random.SystemRandom().randrange(1_000_000)))
LIVES = count(2, 12)
"""Ends of the server, by turns with `kill -9` and in good order."""
DEEDS = 25
"""What happens to jobs in each life."""
TRACKS, ALBUM = 6, 50
MISSING = 7
"""The number of a track that the catalog does not have."""
RATE = 200_000
"""Bytes per second of a transfer, so that there is one when the server ends."""
Running = tuple[Tonearm, Remote]
ACTIONS = ("cancel", "pause", "resume", "retry", "prioritize")


pytestmark = pytest.mark.timeout(count(120, 600))


@dataclass
class Page:
    """What a page in a browser knows: the jobs, and the last event that it heard of."""

    server: Remote
    dice: random.Random
    jobs: dict[str, Json] = field(default_factory=dict[str, Json])
    last: str | None = None
    counts: Counter[str] = field(default_factory=Counter[str])

    async def read(self) -> None:
        """Listen for some events, hang up, and come back; also when the server went away."""
        while True:
            self.counts["connections"] += 1
            try:
                await self._listen(self.dice.randrange(1, 20))
            except (aiohttp.ClientError, EOFError, TimeoutError):
                self.counts["cuts"] += 1
                await asyncio.sleep(0.02)  # a pause between two looks at a server that is awaited

    async def _listen(self, events: int) -> None:
        async with listening(self.server, self.last) as listener:
            listener.jobs, listener.last = self.jobs, self.last
            for _ in range(events):
                told = await listener.next()
                self.jobs, self.last = listener.jobs, listener.last
                self.counts[told.event] += 1


@asynccontextmanager
async def reading(page: Page) -> AsyncIterator[Page]:
    """The page, which reads until the end of the block."""
    task = asyncio.create_task(page.read())
    try:
        yield page
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture(params=["sqlite", "redis"])
async def running(request: pytest.FixtureRequest, tmp_path: Path, music: Music) -> AsyncIterator[Running]:
    """A server over one of the stores, which downloads what it is told to, slowly."""
    async with AsyncExitStack() as stack:
        catalog = await stack.enter_async_context(ScriptedCatalog())
        for number in range(1, TRACKS + 1):
            catalog.add_track(number, body=music(seconds=1).read_bytes())
            catalog.reply(f"/media/{number}", slow(RATE), forever=True)
        catalog.add_album(ALBUM, [1, 2, MISSING - 1])
        settings: Json = {"REDIS_URL": stack.enter_context(RedisServer()).url} if request.param == "redis" else {}
        server = await stack.enter_async_context(Tonearm(tmp_path, catalog.url, **settings))
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)))
        yield server, Remote(server.url, http)


async def do(server: Remote, dice: random.Random, made: list[str]) -> None:
    """Something that people do: mostly submit, else anything to any job, be it refused or not."""
    job_id = dice.choice([*made, "job-1-a"])
    if dice.random() < 0.5:
        kind, number = dice.choice([("album", ALBUM), *(("track", number) for number in range(1, MISSING + 1))])
        made.append(await server.submit(kind, number, checkDuplicate=False))
    elif dice.random() < 0.2:
        assert (await server.call("DELETE", f"/{job_id}")).status in (200, 404)
    else:
        answer = await server.call("PATCH", f"/{job_id}", json={"action": dice.choice(ACTIONS)})
        assert answer.status in (200, 400)


async def settled(server: Remote) -> bool:
    """Whether nothing happens any more."""
    queue = (await server.call("GET", "/stats")).body["queue"]
    return not queue["queued"] and not queue["processing"]


async def test_who_resumes_through_restarts_ends_with_what_the_list_says(running: Running) -> None:
    """Every field of every job, not told to begin anew but where the server itself lost sight of its queue."""
    sys.stdout.write(f"TONEARM_TEST_SEED={SEED}\n")
    server, remote = running
    dice, made = random.Random(SEED), list[str]()
    async with reading(Page(remote, random.Random(f"{SEED} page"))) as page:
        for life in range(LIVES):
            for _ in range(DEEDS):
                await do(remote, dice, made)
            if life % 2:
                await server.terminate()
                assert await server.ended() == 0
            else:
                await server.kill()
            await server.start()
        await until("nothing happens any more", lambda: settled(remote), seconds=60)
        wanted = await listed(remote)
        await until(f"the page knows it all\n{page.counts}", lambda: page.jobs == wanted)

    await server.terminate()
    await server.ended()
    away = server.log.read_text("utf-8").count("The queue is away")  # a slow machine can make it so
    assert page.counts["resync"] <= away, server.tail(1_000)
    assert page.counts["snapshot"] == 1 + page.counts["resync"], server.tail(1_000)
    assert page.counts["cuts"] >= LIVES
    assert page.counts["connections"] > 2 * LIVES
    assert len(wanted) > LIVES * DEEDS / 5


async def test_who_is_too_late_begins_anew(running: Running) -> None:
    """`resync`, and the picture as it is, when more has happened than is told again, or the server does not know."""
    _, remote = running
    await remote.call("PATCH", "/control", json={"paused": True})
    async with listening(remote) as listener:
        await listener.next()
    jobs = [{"job": {"type": "track", "trackId": number, "quality": "LOW"}} for number in range(1, 101)]
    await remote.call("POST", "/batch", json={"jobs": jobs})
    for turn in range(RESUMED // 100):
        action, status = (("pause", "queued"), ("resume", "paused"))[turn % 2]
        await remote.call("POST", "/actions", json={"action": action, "status": status})

    wanted = await listed(remote)
    for after in (listener.last, "long-ago-1"):
        async with listening(remote, after) as again:
            assert [(await again.next()).event for _ in range(2)] == ["resync", "snapshot"]
            assert again.jobs == wanted
