"""What somebody else wrote into the keys of a queue, or took out of them: it is set aside, and the queue goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from tests.contract.steps import claim, claim_one, complete, open_album, submit_track
from tests.support.redis_server import RedisServer, tag

from tonearm.clock import SystemClock
from tonearm.model import ControlChange, JobQuery, State, TaskKind
from tonearm.store.redis import RedisStore, open_redis

Damage = Callable[[RedisServer, str], object]


@pytest.fixture
async def store(redis_server: RedisServer, redis_queue: str) -> AsyncIterator[RedisStore]:
    """A queue of this test alone."""
    opened = await open_redis(redis_server.url, SystemClock(), queue=redis_queue)
    yield opened
    await opened.close()


def another_type(redis: RedisServer, name: str) -> None:
    """A text where a record was."""
    redis.call("DEL", name)
    redis.call("SET", name, "garbage")


def no_number(redis: RedisServer, name: str) -> None:
    """A figure that is none."""
    redis.call("HSET", name, "epoch", "many")


def no_state(redis: RedisServer, name: str) -> None:
    """A state that nobody knows."""
    redis.call("HSET", name, "state", "asleep")


def nothing(redis: RedisServer, name: str) -> None:
    """No record at all."""
    redis.call("DEL", name)


DAMAGES: list[Damage] = [another_type, no_number, no_state, nothing]
damaged = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)


@damaged
async def test_a_job_whose_record_is_garbage_holds_nobody_up(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, damage: Damage
) -> None:
    """It is in no list and in no line any more; the one behind it is handed out and done, and new ones are taken."""
    broken, sound = await submit_track(store), await submit_track(store)
    damage(redis_server, f"{tag(redis_queue)}task:{redis_server.call('HGET', f'{tag(redis_queue)}ids', broken)}")

    (handed,) = await claim(store, tracks=2)
    assert handed.job_id == sound
    await complete(store, handed)
    assert sound in [job.id for job in (await store.jobs(JobQuery())).jobs]
    await submit_track(store)
    assert len(await claim(store, tracks=2)) == 1
    assert await claim(store, tracks=2) == ()


@damaged
async def test_an_album_with_a_track_whose_record_is_garbage_ends(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, damage: Damage
) -> None:
    """It is partial, and a retry brings the missing track."""
    album = await open_album(store, 3)
    seq = redis_server.call("HGET", f"{tag(redis_queue)}ids", album)
    first = redis_server.call("ZRANGE", f"{tag(redis_queue)}album:{seq}:tracks", 0, 0)[0]
    damage(redis_server, f"{tag(redis_queue)}task:{first}")

    handed = await claim(store, tracks=3)
    assert [one.position for one in handed] == [2, 3]
    for one in handed:
        await complete(store, one)
    record = await store.job(album)
    assert (record.state, record.completed_tracks) == (State.COMPLETED, 2)
    assert record.error is not None

    await store.retry(album)
    again = await claim(store, tracks=1, albums=1)
    assert [one.kind for one in again] in ([TaskKind.TRACK], [TaskKind.RESOLVE])


async def test_a_key_that_is_not_ours_is_named_by_the_audit(
    store: RedisStore, redis_server: RedisServer, redis_queue: str
) -> None:
    """And left alone."""
    redis_server.call("SET", f"{tag(redis_queue)}foreign", "not ours")
    await submit_track(store)
    await complete(store, await claim_one(store))

    assert await store.audit() == ("The key foreign (string) is none of ours",)
    assert redis_server.call("GET", f"{tag(redis_queue)}foreign") == "not ours"


@pytest.mark.parametrize("index", ["events", "wakes", "due", "leases", "tokens", "unfinished", "counters", "names"])
async def test_an_index_of_another_type_is_put_aside_and_stops_nothing(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, index: str
) -> None:
    """New jobs are taken, handed out and done, and who waits for changes hears of them; the audit names the key."""
    seen = await store.changed(0, 0)
    another_type(redis_server, f"{tag(redis_queue)}{index}")

    job_id = await submit_track(store)
    held = await claim_one(store)
    await store.reserve(held, "Name", "name")
    await complete(store, held)
    await store.steer(ControlChange(bandwidth_limit=1_000))
    await store.sweep()

    assert (await store.job(job_id)).state is State.COMPLETED
    assert await store.changed(seen, 10_000) != seen
    assert f"The key strange:{index} (string) is none of ours" in await store.audit()
    seen = await store.changed(seen, 0)
    other = await submit_track(store)
    assert await store.changed(seen, 10_000) != seen
    await complete(store, await claim_one(store))
    assert (await store.job(other)).state is State.COMPLETED
