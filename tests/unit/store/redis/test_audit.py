"""The audit of a queue in Redis: whatever is lost beside the records is noticed, and named."""

from __future__ import annotations

from tests.contract.steps import claim_all, claim_one, complete, delay, fail, open_album, submit_album, submit_track
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer

from tonearm.store.redis import RedisStore, open_redis

NOT_DERIVED = {
    "arrived",
    "arriving",
    "beats",
    "gone",
    "rates",
    "receivers",
    "set_aside",
    "taken_at",
    "discards",
    "tombstones_until",
}
"""Ordered sets that hold what is in no record: nobody can derive them again."""


async def busy(store: RedisStore) -> None:
    """A queue with something in every state."""
    await open_album(store, 3)
    for client in ("ann", "bob", "eve"):
        await submit_track(store, client)
        await submit_album(store, client)
    done, failed, delayed, *_ = await claim_all(store)
    await complete(store, done)
    await fail(store, failed)
    await delay(store, delayed)
    await store.cancel(await submit_track(store))
    await store.pause(await submit_track(store))
    finished = await submit_track(store, "zoe")
    claim = await claim_one(store)
    assert claim.task_id == finished
    await complete(store, claim)
    await submit_track(store, "kim")


async def test_every_index_that_is_lost_is_named(redis_server: RedisServer, redis_queue: str) -> None:
    """One after the other is taken away and put back; a lane that stands in no order would never be served."""
    store = await open_redis(redis_server.url, FakeClock(), queue=redis_queue)
    await busy(store)
    assert await store.audit() == ()

    derived = [key for key in sorted(redis_server.all_keys()) if redis_server.call("TYPE", key) == "zset"]
    seen, away = set[str](), f"{{{redis_queue}}}:gone"  # a kind that the audit passes over
    for key in derived:
        kind = key.split(":")[1]
        if kind in NOT_DERIVED:
            continue
        seen.add(kind)
        count = redis_server.call("ZCARD", key)
        redis_server.call("RENAME", key, away)
        found = await store.audit()
        assert len([text for text in found if key.removeprefix(f"{{{redis_queue}}}:") in text]) == count, (key, found)
        redis_server.call("RENAME", away, key)

    assert seen >= {"jobs", "unfinished", "processing", "queued", "paused", "finished", "entries", "due", "leases"}
    assert seen >= {"held", "album", "open", "idle"}
    assert await store.audit() == ()
    await store.close()
