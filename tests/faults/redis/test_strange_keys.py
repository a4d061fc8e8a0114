"""What somebody else wrote into the keys of a queue, or took out of them: it is set aside, and the queue goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from tests.contract.steps import (
    LEASE_MS,
    TIMEOUT,
    claim,
    claim_one,
    complete,
    open_album,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import DAY
from tests.support.redis_server import RedisServer, tag
from tests.support.server import until

from tonearm.clock import SystemClock
from tonearm.errors import QuotaExceeded
from tonearm.model import (
    ClaimRequest,
    ControlChange,
    JobOrder,
    JobQuery,
    Mark,
    Phase,
    Released,
    Retry,
    State,
    SubmitLimits,
    TaskKind,
)
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


def no_number_of_bytes(redis: RedisServer, name: str) -> None:
    """Bytes that are none, in every bucket."""
    for bucket in redis.call("HKEYS", name):
        redis.call("HSET", name, bucket, "many")


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


def record_of(redis: RedisServer, queue: str, job_id: str) -> str:
    """The key of a job's record."""
    return f"{tag(queue)}task:{redis.call('HGET', f'{tag(queue)}ids', job_id)}"


@damaged
async def test_what_comes_before_a_broken_record_is_handed_out_whole(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, damage: Damage
) -> None:
    """The claim that finds the broken one loses nothing of the sound one: it can be renewed, settled, and recovered."""
    sound, broken, third = [await submit_track(store) for _ in range(3)]
    damage(redis_server, record_of(redis_server, redis_queue, broken))

    handed = [*await claim(store, tracks=3), *await claim(store, tracks=3)]
    assert [one.job_id for one in handed] == [sound, third]
    assert await store.renew("w1", {one.token: Mark(Phase.TRANSFER, 1) for one in handed}, 60_000) == frozenset()
    await complete(store, handed[0])
    assert await store.recover("w1", {}, charge=False) == 1
    assert (await claim_one(store)).job_id == third


@damaged
async def test_a_sweep_that_finds_a_broken_record_frees_the_others(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, damage: Damage
) -> None:
    """Of three leases that ran out; whoever claims next gets the two that are sound."""
    sound, broken, third = [await submit_track(store) for _ in range(3)]
    await store.claim(ClaimRequest("w1", 3, 0, 1))
    damage(redis_server, record_of(redis_server, redis_queue, broken))
    handed: list[str] = []

    async def both_free() -> bool:
        await store.sweep()
        handed.extend([one.job_id for one in await claim(store, "w2", tracks=3)])
        return len(handed) == 2

    await until("every lease ran out", both_free)
    assert handed == [sound, third]
    assert await claim(store, "w1", tracks=3) == ()


@pytest.mark.parametrize("action", ["delete", "cancel"])
async def test_an_album_goes_though_a_track_of_it_has_no_record_any_more(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, action: str
) -> None:
    """And sweeps go on for everybody else."""
    album = await open_album(store, 3)
    await complete(store, await claim_one(store))
    seq = redis_server.call("HGET", f"{tag(redis_queue)}ids", album)
    for number in redis_server.call("ZRANGE", f"{tag(redis_queue)}album:{seq}:tracks", 0, 1):
        nothing(redis_server, f"{tag(redis_queue)}task:{number}")

    await (store.delete(album) if action == "delete" else store.cancel(album))
    await sweep_all(store)
    await store.files(album) if action == "cancel" else None
    job_id = await submit_track(store)
    assert (await claim_one(store)).job_id == job_id


@pytest.mark.parametrize(
    ("field", "value"),
    [("quality", "golden"), ("priority", "7"), ("type", "opera"), ("came_from", "afar"), ("epoch", "1.5")],
)
async def test_a_word_that_means_nothing_is_set_aside_for_good(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, field: str, value: str
) -> None:
    """Whether a script notices it or only whoever reads: lists and the one behind it are there."""
    broken, sound = await submit_track(store), await submit_track(store)
    redis_server.call("HSET", record_of(redis_server, redis_queue, broken), field, value)

    assert sound in [job.id for job in (await store.jobs(JobQuery())).jobs]
    assert [one.job_id for one in await claim(store, tracks=2)] == [sound]
    assert [job.id for job in (await store.jobs(JobQuery(order=JobOrder.CREATED))).jobs][-1] == sound


async def test_a_line_of_a_history_that_is_none_stops_no_settling(
    store: RedisStore, redis_server: RedisServer, redis_queue: str
) -> None:
    """Nor that of others which are settled at the same moment."""
    jobs = [await submit_track(store) for _ in range(2)]
    held = await claim(store, tracks=2)
    for job_id in jobs:
        name = record_of(redis_server, redis_queue, job_id).replace("task:", "history:")
        redis_server.call("RPUSH", name, "nonsense", "7")

    await asyncio.gather(*(store.settle(one, Released("Wait", 1)) for one in held))
    assert {(await store.job(job_id)).state for job_id in jobs} == {State.DELAYED}


@pytest.mark.parametrize("index", ["due", "leases", "chores", "held:w1", "unfinished", "endings"])
async def test_a_member_of_an_index_that_is_no_number_stops_nothing(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, index: str
) -> None:
    """Claims and sweeps pass over it."""
    redis_server.call("ZADD", f"{tag(redis_queue)}{index}", 0, "somebody")

    job_id = await submit_track(store)
    held = await claim_one(store)
    await store.sweep()
    await store.recover("w1", {}, charge=False)
    await store.oldest()

    assert held.job_id == job_id
    await complete(store, await claim_one(store))
    assert (await store.job(job_id)).state is State.COMPLETED


@pytest.mark.parametrize("damage", [another_type, no_number_of_bytes], ids=lambda damage: damage.__name__)
async def test_bytes_that_are_garbage_count_for_nothing_and_stop_nothing(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, damage: Damage
) -> None:
    """What is received from then on counts again."""
    await submit_track(store)
    held = await claim_one(store)
    await store.renew("w1", {held.token: Mark(Phase.TRANSFER, received=100)}, LEASE_MS)
    damage(redis_server, f"{tag(redis_queue)}received:ann")

    await store.renew("w1", {held.token: Mark(Phase.TRANSFER, received=150)}, LEASE_MS)

    await store.submit(track(), SubmitLimits(client_bytes=51))
    with pytest.raises(QuotaExceeded):
        await store.submit(track(), SubmitLimits(client_bytes=50))
    await store.settle(held, Released("stop"))


@pytest.mark.parametrize("allowed", [50, 500])
async def test_a_closed_lane_that_an_older_program_opened_is_judged_anew(
    store: RedisStore, redis_server: RedisServer, redis_queue: str, allowed: int
) -> None:
    """It knows nothing of closed lanes; who may not go on is closed again, and who may takes turns as all do."""
    await submit_track(store)
    held = await claim_one(store)
    await store.renew("w1", {held.token: Mark(Phase.TRANSFER, received=100)}, LEASE_MS)
    waiting = await submit_track(store)
    assert (await store.claim(ClaimRequest("w2", 1, 0, LEASE_MS, 0, 50))).claims == ()
    redis_server.call("ZREM", f"{tag(redis_queue)}spent_allowed", "ann")  # so that more being allowed opens nothing
    redis_server.call("ZADD", f"{tag(redis_queue)}open:track:1", 0, "ann")
    bobs = await submit_track(store, "bob")

    handed = (await store.claim(ClaimRequest("w2", 2, 0, LEASE_MS, 0, allowed))).claims

    assert {one.job_id for one in handed} == ({bobs} if allowed == 50 else {bobs, waiting})
    assert await store.audit() == ()


async def test_a_lane_without_its_record_is_closed_as_well(
    store: RedisStore, redis_server: RedisServer, redis_queue: str
) -> None:
    """The claim does not meet it for ever."""
    await submit_track(store)
    held = await claim_one(store)
    await store.renew("w1", {held.token: Mark(Phase.TRANSFER, received=100)}, LEASE_MS)
    await submit_track(store)
    redis_server.call("DEL", f"{tag(redis_queue)}lane:track:ann")
    bobs = await submit_track(store, "bob")

    handed = (await store.claim(ClaimRequest("w2", 2, 0, LEASE_MS, 0, 50))).claims

    assert [one.job_id for one in handed] == [bobs]


async def test_what_a_client_receives_holds_over_all_processes(
    store: RedisStore, redis_server: RedisServer, redis_queue: str
) -> None:
    """Two programs, each with half of it, and neither goes on."""
    other = await open_redis(redis_server.url, SystemClock(), queue=redis_queue)
    limits = SubmitLimits(client_bytes=200)
    for program, worker in ((store, "w1"), (other, "w2")):
        await program.submit(track(), limits)
        held = await claim_one(program, worker)
        await program.settle(held, Retry(TIMEOUT, 365 * DAY), Mark(Phase.TRANSFER, received=100))
    waiting = await submit_track(store)

    for program in (store, other):
        with pytest.raises(QuotaExceeded):
            await program.submit(track(), limits)
        assert (await program.claim(ClaimRequest("w3", 1, 0, LEASE_MS, 0, 200))).claims == ()
    assert [one.job_id for one in (await other.claim(ClaimRequest("w3", 1, 0, LEASE_MS, 0, 201))).claims] == [waiting]
    await other.close()
