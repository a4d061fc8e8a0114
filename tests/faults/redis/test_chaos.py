"""Chaos: several workers, a server and a reader share a queue in Redis, while everything that can go wrong goes wrong.

Workers are killed and frozen, Redis is killed, connections are cut, all at random and at the same time; meanwhile five
clients submit tracks. When it is over, everything that was acknowledged has come to its end, once.

    ./dev test tests/faults/redis/test_chaos.py -s           16 seconds; two minutes with --all
    TONEARM_TEST_CHAOS_S=3600 ./dev test …                   an hour
    TONEARM_TEST_SEED=12345 ./dev test …                     as another run was, which printed its seed
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import aiohttp
import pytest
from tests.support.catalog import ScriptedCatalog, cut, slow, status
from tests.support.chaos import Chaos, told
from tests.support.counts import count
from tests.support.music import Music, flac_frames
from tests.support.reader import Reader, following
from tests.support.redis_server import RedisServer, by_kind
from tests.support.server import API, Tonearm, until
from tests.support.sharing import Site
from tests.support.wire import Wire

from tonearm.clock import SystemClock
from tonearm.errors import FailureCode
from tonearm.model import JobRecord, State
from tonearm.store.base import STALLS_TO_CRASH, STALLS_TO_SUSPECT
from tonearm.store.redis import RedisStore, open_redis

SEED = int(os.environ.get("TONEARM_TEST_SEED", random.SystemRandom().randrange(1_000_000)))
SECONDS = float(os.environ.get("TONEARM_TEST_CHAOS_S", count(16, 120)))
"""How long chaos reigns."""
JOBS = round(2.5 * SECONDS)
HEALING_S = 120.0
"""How long everything may take to come to its end afterwards, which on a busy machine is not soon."""
WORKERS, CLIENTS, SOUNDS = 3, 5, 8
LEASE_MS = 3_000
SLOTS, RATE = 2, 60_000
"""Transfers of a worker, and bytes per second of each: there is nearly always one to be hit."""
SETTINGS = {
    "QUEUE_LEASE_MS": LEASE_MS,
    "QUEUE_MAX_CONCURRENT": SLOTS,
    "QUEUE_RETRY_BACKOFF_MS": 100,
    "QUEUE_MAX_SIZE": JOBS,
    "QUEUE_CRITICAL_SIZE": JOBS,
}


ENDED = {
    *("meta", "counters", "events", "wakes", "worker", "beats", "reports"),
    *("jobs", "ids", "task", "text", "history", "finished", "filed"),
    *("lane", "idle", "received", "receivers"),
    *("taken", "taken_at"),
}
"""Kinds of keys that a queue has whose jobs have all ended: itself and its workers, the records, the turns of clients
and what they received, and what was handed over to it."""


class Fate(Enum):
    """What the catalog has for a track, and so how its job has to end."""

    WHOLE = "whole"
    BUSY = "busy"
    """The catalog answers at its third request only."""
    CUT = "cut"
    """The first transfer is cut."""
    MISSING = "missing"
    DAMAGED = "damaged"

    @property
    def failure(self) -> FailureCode | None:
        """What it fails with; None: it arrives."""
        return {Fate.MISSING: FailureCode.NOT_FOUND, Fate.DAMAGED: FailureCode.INTEGRITY}.get(self)


FATES = [*[Fate.WHOLE] * 7, Fate.BUSY, Fate.CUT, Fate.WHOLE, *[Fate.WHOLE] * 8, Fate.MISSING, Fate.DAMAGED]


@dataclass(frozen=True)
class Offer:
    """One track of the catalog."""

    number: int
    fate: Fate
    sound: Path

    @property
    def file(self) -> str:
        """Where it belongs in the library."""
        return f"Scripted/Scripts/Take {self.number:04}.flac"

    def into(self, catalog: ScriptedCatalog) -> None:
        """Let the catalog have it."""
        if self.fate is Fate.MISSING:
            return
        body = self.sound.read_bytes()
        if self.fate is Fate.DAMAGED:
            middle = len(body) // 2
            body = body[:middle] + bytes(byte ^ 0xFF for byte in body[middle : middle + 64]) + body[middle + 64 :]
        catalog.add_track(self.number, body=body, title=f"Take {self.number:04}")
        media = f"/media/{self.number}"
        if self.fate is Fate.BUSY:
            catalog.reply(f"/tracks/{self.number}", status(503), status(503))
        if self.fate is Fate.CUT:
            catalog.reply(media, cut(after=len(body) // 3))
        catalog.reply(media, slow(RATE), forever=True)


@dataclass
class Stage:
    """All who take part; the processes and the reader speak to Redis by wire, the store of the test itself does not."""

    site: Site
    server: Tonearm
    workers: list[Tonearm]
    wires: dict[str, Wire]
    store: RedisStore
    reader: Reader

    def haunted_by(self, chaos: Chaos, redis: RedisServer) -> None:
        """Name the victims."""
        for worker in self.workers:
            chaos.haunt_worker(worker)
        for name, wire in self.wires.items():
            chaos.haunt_wire(name, wire)
        chaos.haunt_redis(redis)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis that keeps what it said."""
    with RedisServer(aof="always") as server:
        yield server


@asynccontextmanager
async def setting(folder: Path, catalog: ScriptedCatalog, redis: RedisServer) -> AsyncIterator[Stage]:
    """Start everybody."""
    site = Site(folder, catalog.url, redis.url, **SETTINGS)
    async with AsyncExitStack() as stack:
        names = [*(f"worker {number}" for number in range(1, WORKERS + 1)), "server", "reader"]
        wires = {name: await stack.enter_async_context(Wire(redis.port)) for name in names}
        urls = {name: redis.url_of(None, None, port=wire.port) for name, wire in wires.items()}
        store = await stack.enter_async_context(site.store())
        read = await open_redis(urls["reader"], SystemClock())
        stack.push_async_callback(read.close)
        reader = await stack.enter_async_context(following(read))
        server = site.server("server", REDIS_URL=urls["server"], arguments=("--no-worker",))
        workers = [site.worker(name, REDIS_URL=urls[name]) for name in names[:WORKERS]]
        async with asyncio.TaskGroup() as starting:
            for process in (server, *workers):
                starting.create_task(stack.enter_async_context(process))
        yield Stage(site, server, workers, wires, store, reader)


async def submit(server: Tonearm, client: int, offers: list[Offer], where: Counter[str]) -> dict[str, Offer]:
    """Submit tracks as one client, at moments of its own all the time; each is accepted, whatever just happens.

    The server says *where* it put each of them: into the queue, or into a place of its own while that was away.
    """
    dice = random.Random(f"{SEED} client {client}")
    moments = sorted(dice.uniform(0, 0.9 * SECONDS) for _ in offers)
    loop = asyncio.get_running_loop()
    began, accepted = loop.time(), dict[str, Offer]()
    connector = aiohttp.TCPConnector(local_addr=(f"127.0.0.{client + 2}", 0))
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as http:
        for moment, offer in zip(moments, offers, strict=True):
            await asyncio.sleep(began + moment - loop.time())  # a moment of chaos, which is no state of anything
            job = {"type": "track", "trackId": offer.number, "quality": "LOSSLESS"}
            async with http.post(f"{server.url}{API}/", json={"job": job}) as answer:
                body = await answer.json()
                assert answer.status == 201, body
                accepted[body["jobId"]] = offer
                where[body["queueSource"]] += 1
    return accepted


def say(text: str) -> None:
    """Say what has to be known to repeat a run; it stands beside the failure, or is shown by `-s`."""
    print(text)  # noqa: T201 - it is for people


@pytest.mark.timeout(SECONDS + 2 * HEALING_S)
async def test_what_was_accepted_comes_to_its_end_once_whatever_happens_meanwhile(
    tmp_path: Path, music: Music, redis: RedisServer
) -> None:
    """Not a job is lost, not a file is there twice or wrong, nothing is left over, and readers were told the truth."""
    say(f"TONEARM_TEST_SEED={SEED}, {SECONDS:g} s, {JOBS} jobs")
    chaos = Chaos(SEED, lease_ms=LEASE_MS)
    sounds = [music("flac", seconds=1.2, channels=1, seed=number) for number in range(SOUNDS)]
    dice, where = random.Random(SEED), Counter[str]()
    offers = [Offer(1 + n, FATES[n % len(FATES)], sounds[n % SOUNDS]) for n in range(JOBS)]
    dice.shuffle(offers)
    async with ScriptedCatalog() as catalog:
        for offer in offers:
            offer.into(catalog)
        async with setting(tmp_path, catalog, redis) as stage:
            stage.haunted_by(chaos, redis)
            async with asyncio.TaskGroup() as all_at_once:
                all_at_once.create_task(chaos.rage(SECONDS))
                clients = [
                    all_at_once.create_task(submit(stage.server, client, offers[client::CLIENTS], where))
                    for client in range(CLIENTS)
                ]
            accepted = {job: offer for client in clients for job, offer in client.result().items()}
            assert len(accepted) == JOBS
            unfinished = await _unfinished(stage.store, accepted)
            say(told(chaos.counts))
            say(f"accepted: {told(where)}; {unfinished} of {JOBS} jobs unfinished when it was over")
            await until_all_ended(stage, accepted)
            records = {job: await stage.store.job(job) for job in accepted}
            judge_records(records, accepted)
            judge_library(stage.site, records, accepted)
            await judge_rest(stage, redis, records)


async def _unfinished(store: RedisStore, accepted: dict[str, Offer]) -> int:
    counts = await store.counts()
    return len(accepted) - counts.completed - counts.failed


async def until_all_ended(stage: Stage, accepted: dict[str, Offer]) -> None:
    """Wait until each job has come to its end, in the queue itself."""

    async def all_ended() -> bool:
        return await _unfinished(stage.store, accepted) == 0

    try:
        await until("all jobs have ended", all_ended, seconds=HEALING_S)
    except AssertionError as error:
        tails = "\n".join(f"{process.folder.name}:\n{process.tail()}" for process in (stage.server, *stage.workers))
        raise AssertionError(f"{error}: {await stage.store.counts()}\n{tails}") from None


def judge_records(records: dict[str, JobRecord], accepted: dict[str, Offer]) -> None:
    """Each job ended as its fate has it, once; one that ended as a crash did crash as often as that takes."""
    crashed = 0
    for job, record in records.items():
        told_of = Counter(entry.event for entry in record.history)
        fate = accepted[job].fate
        if record.failure_code is FailureCode.CRASHED:
            assert told_of["recovered"] >= STALLS_TO_SUSPECT + STALLS_TO_CRASH - 1, record
            crashed += 1
        elif fate.failure is not None:
            assert (record.state, record.failure_code) == (State.FAILED, fate.failure), record
        else:
            assert (record.state, record.error) == (State.COMPLETED, None), record
            assert record.files == (accepted[job].file,), record
        assert told_of["completed"] + told_of["failed"] == 1, record
        assert not [entry for entry in record.history if entry.message and "cancel" in entry.message], record
    recovered = sum(entry.event == "recovered" for record in records.values() for entry in record.history)
    ends = Counter(f"{record.state} ({record.failure_code or 'ok'})" for record in records.values())
    say(f"{recovered} times recovered, {crashed} given up as crashed; {told(ends)}")


def judge_library(site: Site, records: dict[str, JobRecord], accepted: dict[str, Offer]) -> None:
    """The library holds each track that arrived once, and its sound is the catalog's to the byte."""
    arrived = [accepted[job] for job, record in records.items() if record.state is State.COMPLETED]
    assert site.files() == sorted(offer.file for offer in arrived)
    sounds = {sound: flac_frames(sound) for sound in {offer.sound for offer in arrived}}
    for offer in arrived:
        assert flac_frames(site.library / offer.file) == sounds[offer.sound], offer


async def judge_rest(stage: Stage, redis: RedisServer, records: dict[str, JobRecord]) -> None:
    """Nothing is left over, the indexes are those of the records, and who followed the feed knows it all."""
    reader, store = stage.reader, stage.store
    await reader.knows({job: record.state for job, record in records.items()})
    say(f"the reader: {told(reader.counts)}")
    await until("no stage is left", lambda: not stage.site.staged())
    assert await store.audit() == ()

    async def surplus() -> set[str]:
        return by_kind(await asyncio.to_thread(redis.all_keys), "tonearm").keys() - ENDED

    async def nothing_left() -> bool:
        return not await surplus()

    try:
        await until("there is no lease, name or place in a queue any more", nothing_left)
    except AssertionError as error:
        raise AssertionError(f"{error}: {await surplus()}") from None

    async def handed_over() -> bool:
        return "warning" not in await stage.server.stats()

    await until("the server has nothing of its own any more", handed_over)
    stats = await stage.server.stats()
    assert (stats["queueSource"], stats["queue"]["total"]) == ("redis", JOBS), stats
    for process in (stage.server, *stage.workers):
        assert "Traceback" not in process.log.read_text("utf-8", "replace"), process.log
