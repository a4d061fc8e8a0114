"""Arriving, with damage: pages of an album that are lost or broken in Redis cost that album alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.contract.carrying import pages
from tests.contract.steps import claim_all, claim_one, complete, open_album, submit_track, sweep_all
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer, tag

from tonearm.errors import FailureCode
from tonearm.model import State, TakenIn
from tonearm.store.base import PAGE, Store
from tonearm.store.redis import open_redis
from tonearm.store.sqlite import open_sqlite


@pytest.fixture
async def store(redis_server: RedisServer, redis_queue: str) -> AsyncIterator[Store]:
    clock = FakeClock()
    opened = await open_redis(redis_server.url, clock, queue=redis_queue, server_time=clock.wall_ms)
    yield opened
    await opened.close()


@pytest.fixture
async def first() -> AsyncIterator[Store]:
    """Where the jobs come from."""
    opened = await open_sqlite(None, FakeClock())
    yield opened
    await opened.close()


async def arriving(first: Store, store: Store) -> str:
    """A long album that is here, its tracks yet to be entered, and a short job behind it."""
    job_id = await open_album(first, 2 * PAGE + 1)
    for page in await pages(first, job_id):
        await store.take_in(page)
    return job_id


@pytest.mark.parametrize("damage", ["lost", "broken", "empty"])
async def test_an_album_whose_page_cannot_be_read_keeps_the_tracks_before_it(
    first: Store, store: Store, redis_server: RedisServer, redis_queue: str, damage: str
) -> None:
    """It fails as internal, the others go on, and the audit says what was set aside and nothing else."""
    job_id = await arriving(first, store)
    other = await open_album(first, PAGE + 1)
    for page in await pages(first, other):
        await store.take_in(page)
    name = f"{tag(redis_queue)}arrived:1"
    if damage == "lost":
        redis_server.call("HDEL", name, PAGE + 1)
    else:
        redis_server.call("HSET", name, PAGE + 1, "" if damage == "empty" else '17 200 [{"fields": ')

    await sweep_all(store)

    album = await store.job(job_id)
    assert (album.state, album.failure_code) == (State.FAILED, FailureCode.INTERNAL)
    assert album.track_count == PAGE
    assert {one.job_id for one in await claim_all(store)} == {other}
    (sentence,) = await store.audit()
    assert job_id in sentence


async def test_a_track_that_cannot_be_read_is_dumped_without_what_is_broken(
    store: Store, redis_server: RedisServer, redis_queue: str
) -> None:
    """One bad record keeps nobody from moving a whole queue."""
    job_id = await submit_track(store)
    await complete(store, await claim_one(store))
    redis_server.call("HSET", f"{tag(redis_queue)}text:1", "files", "[")

    dump = await store.dump(job_id)

    assert (dump.task.state, dump.task.files) == (State.COMPLETED, ())
    (sentence,) = await store.audit()
    assert job_id in sentence


async def test_an_album_that_is_taken_out_takes_its_pages_along(
    first: Store, store: Store, redis_server: RedisServer, redis_queue: str
) -> None:
    """It counts as deleted, and others go on being taken in."""
    job_id = await arriving(first, store)
    (page,) = await pages(first, await submit_track(first))
    assert redis_server.call("HDEL", f"{tag(redis_queue)}task:1", "client") == 1

    await sweep_all(store)

    assert redis_server.call("KEYS", f"{tag(redis_queue)}arriv*") == []
    assert await store.take_in((await pages(first, job_id))[0]) is TakenIn.DELETED
    assert await store.take_in(page) is TakenIn.TAKEN
