"""Replies that are cut off in the middle: what was asked has been done, and who asked has to ask again."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from tests.contract.steps import (
    DONE,
    LEASE_MS,
    NO_LIMITS,
    PUBLICATION,
    claim,
    claim_one,
    complete,
    submit,
    submit_track,
    track,
)
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.counts import count
from tests.support.redis_server import RedisServer, tag
from tests.support.server import until
from tests.support.sharing import Site
from tests.support.wire import Wire

from tonearm.clock import SystemClock
from tonearm.errors import StoreUnavailable
from tonearm.model import ClaimRequest, JobSpec, JobType, Mark, Phase, Quality, State, Submission
from tonearm.store.redis import RedisStore, open_redis

T = TypeVar("T")
SIZES = (0, 1, 17, 40)
"""Bytes of the reply that still arrive; none of the replies is so short."""
TRACKS = count(8, 60)
MOST_BYTES = 4_000
"""Between two cuts: several times the longest reply, so that each comes through sooner or later."""


@asynccontextmanager
async def behind(wire: Wire, redis: RedisServer, queue: str) -> AsyncIterator[RedisStore]:
    """A queue at the other end of the wire, with scripts that Redis knows already."""
    store = await open_redis(redis.url_of(None, None, port=wire.port), SystemClock(), queue=queue)
    try:
        await submit_track(store, "before")
        await complete(store, await claim_one(store))
        yield store
    finally:
        await store.close()


async def lose(wire: Wire, size: int, call: Callable[[], Awaitable[T]]) -> T:
    """Say it, lose its reply, and say it again until there is one."""
    wire.cut_after(size)
    with pytest.raises(StoreUnavailable):
        await call()
    answers: list[T] = []

    async def answered() -> bool:
        try:
            answers.append(await call())
        except StoreUnavailable:
            return False
        return True

    await until("it is answered", answered)
    return answers[0]


@pytest.mark.parametrize("size", SIZES)
async def test_a_submission_whose_reply_was_lost_is_one_job(
    redis_server: RedisServer, redis_queue: str, size: int
) -> None:
    """Also where duplicates are looked for: the second time it is no duplicate of itself."""
    async with Wire(redis_server.port) as wire, behind(wire, redis_server, redis_queue) as store:
        job = track("ann")
        submitted = await lose(wire, size, lambda: store.submit(job, NO_LIMITS))
        assert (submitted.job_id, submitted.duplicate) == (job.id, False)
        assert [one.job_id for one in await claim(store, tracks=5)] == [job.id]
        assert await store.audit() == ()


@pytest.mark.parametrize("size", SIZES)
async def test_a_claim_whose_reply_was_lost_is_handed_out_again_to_the_same_worker(
    redis_server: RedisServer, redis_queue: str, size: int
) -> None:
    """The same tasks, none of them a second time, and to nobody else."""
    async with Wire(redis_server.port) as wire, behind(wire, redis_server, redis_queue) as store:
        jobs = await submit(store, *[track("ann") for _ in range(3)])
        handed = await lose(wire, size, lambda: store.claim(ClaimRequest("w1", 2, 0, LEASE_MS)))
        assert [one.job_id for one in handed.claims] == jobs[:2]
        assert {one.epoch for one in handed.claims} == {1}
        assert [one.job_id for one in await claim(store, "w2", tracks=5)] == jobs[2:]
        assert await claim(store, "w1", tracks=5) == ()
        assert (
            await store.renew("w1", {one.token: Mark(Phase.CLAIMED) for one in handed.claims}, LEASE_MS) == frozenset()
        )
        assert await store.audit() == ()


@pytest.mark.parametrize("size", SIZES)
async def test_a_settling_whose_reply_was_lost_is_one(redis_server: RedisServer, redis_queue: str, size: int) -> None:
    """Said again it is answered like the first one, and counts once."""
    async with Wire(redis_server.port) as wire, behind(wire, redis_server, redis_queue) as store:
        job = await submit_track(store)
        handed = await claim_one(store)
        await store.commit(handed, PUBLICATION)
        await lose(wire, size, lambda: store.settle(handed, DONE))
        assert (await store.job(job)).state is State.COMPLETED
        assert (await store.counts()).completed == 2
        assert await store.audit() == ()


@pytest.mark.timeout(300)
async def test_a_worker_whose_line_breaks_again_and_again_does_everything_once(
    tmp_path: Path, noise: Noise, redis: RedisServer
) -> None:
    """Whatever reply a cut hits: each track is claimed once, fetched once and there once."""
    moments = random.Random(TRACKS)
    async with ScriptedCatalog() as catalog, Wire(redis.port) as wire:
        for number in range(1, TRACKS + 1):
            catalog.add_track(number, body=noise(number % 3).read_bytes())
            catalog.reply(f"/media/{number}", slow(600_000), forever=True)
        catalog.add_album(5, range(1, TRACKS + 1))
        site = Site(tmp_path, catalog.url, redis.url, QUEUE_MAX_CONCURRENT=1)
        async with site.store() as store:
            spec = JobSpec(JobType.ALBUM, 5, Quality.LOSSLESS)
            await store.submit(Submission("job-1-5", "somebody", spec), NO_LIMITS)

            async def done() -> bool:
                return (await store.job("job-1-5")).state in (State.COMPLETED, State.FAILED)

            async with site.worker("worker", REDIS_URL=redis.url_of(None, None, port=wire.port)):
                await catalog.asked("/albums/5")  # what a start asks for is longer than what is let pass below
                while not await done():
                    cuts = wire.cuts
                    wire.cut_after(moments.randrange(MOST_BYTES))
                    await until("a reply is cut", lambda: wire.cuts > cuts or done())  # noqa: B023 - awaited here
            assert wire.cuts >= 3
            record = await store.job("job-1-5")
            assert (record.state, record.completed_tracks) == (State.COMPLETED, TRACKS)
            assert await store.audit() == ()
        assert [catalog.count(f"/media/{number}") for number in range(1, TRACKS + 1)] == [1] * TRACKS
        tasks = [name for name in redis.all_keys() if name.startswith(f"{tag('tonearm')}task:")]
        assert {redis.call("HGET", name, "epoch") for name in tasks} == {"1"}
        assert len(site.files()) == TRACKS
        assert site.staged() == []
