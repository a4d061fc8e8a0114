"""Idempotency keys: a submission that is said again under its key is answered as before, and adds nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contract.conftest import Reopened
from tests.contract.steps import NO_LIMITS, listed, look, track
from tests.support.clock import SECOND, FakeClock
from tonearm.errors import QuotaExceeded, RateLimited, RefusalCode, Refused
from tonearm.model import Idempotency, Submission, SubmitLimits, Submitted
from tonearm.store.base import KEY_MS, Store

DIGEST, OTHER = "a" * 64, "b" * 64


def keyed(client: str = "ann", key: str = "k 1", digest: str = DIGEST, *, catalog_id: int = 5) -> Submission:
    """A submission under a key; each has an id of its own, as every request gives it."""
    said = track(client, catalog_id=catalog_id, check_duplicate=False)
    return replace(said, idempotency=Idempotency(key, digest))


async def test_the_same_key_and_digest_are_answered_with_the_first_job(store: Store) -> None:
    """Another id, the same answer, and nothing changes."""
    first = keyed()
    assert await store.submit(first, NO_LIMITS) == Submitted(first.id)
    before = await look(store)

    assert await store.submit(keyed(), NO_LIMITS) == Submitted(first.id)
    assert await look(store) == before


async def test_another_digest_under_a_key_is_refused(store: Store) -> None:
    """IDEMPOTENCY_MISMATCH, and the first answer stays."""
    first = keyed()
    await store.submit(first, NO_LIMITS)

    with pytest.raises(Refused) as refused:
        await store.submit(keyed(digest=OTHER, catalog_id=6), NO_LIMITS)

    assert refused.value.code is RefusalCode.IDEMPOTENCY_MISMATCH
    assert [job.id for job in await listed(store)] == [first.id]
    assert await store.submit(keyed(), NO_LIMITS) == Submitted(first.id)


async def test_that_it_was_a_duplicate_is_remembered(store: Store) -> None:
    """Also when the job that it repeated has gone since."""
    there = track(catalog_id=5)
    await store.submit(there, NO_LIMITS)
    said = replace(keyed(), check_duplicate=True)
    assert await store.submit(said, NO_LIMITS) == Submitted(there.id, duplicate=True)
    await store.delete(there.id)

    assert await store.submit(replace(keyed(), check_duplicate=True), NO_LIMITS) == Submitted(there.id, duplicate=True)
    assert await listed(store) == []


async def test_a_key_is_known_for_a_day_of_store_time(store: Store, clock: FakeClock) -> None:
    """A millisecond before its end it answers, then it is free for another request."""
    first = keyed()
    await store.submit(first, NO_LIMITS)
    clock.advance(KEY_MS - 1)
    assert await store.submit(keyed(), NO_LIMITS) == Submitted(first.id)
    clock.advance(1)

    second = keyed(digest=OTHER)
    assert await store.submit(second, NO_LIMITS) == Submitted(second.id)


async def test_a_sweep_forgets_only_keys_that_are_over(store: Store, clock: FakeClock) -> None:
    """What is younger than a day still answers."""
    await store.submit(keyed(key="old"), NO_LIMITS)
    clock.advance(KEY_MS - SECOND)
    young = keyed(key="young")
    await store.submit(young, NO_LIMITS)
    clock.advance(SECOND)
    await store.sweep()

    assert await store.submit(keyed(key="young"), NO_LIMITS) == Submitted(young.id)
    again = keyed(key="old")
    assert await store.submit(again, NO_LIMITS) == Submitted(again.id)


async def test_one_clients_key_is_not_anothers(store: Store) -> None:
    """Two clients can draw the same key, and no pair of names and keys is taken for another."""
    for client, key in (("ann", "b k"), ("ann b", "k"), ('ann","b', "k"), ("ann", 'b","k')):
        said = keyed(client, key)
        assert await store.submit(said, NO_LIMITS) == Submitted(said.id)


async def test_a_replay_costs_no_rate_and_passes_a_used_up_one(store: Store) -> None:
    """The key is looked at before every limit."""
    limits = SubmitLimits(rate_per_minute=2, client_unfinished=2)
    first = keyed()
    await store.submit(first, limits)
    for _ in range(5):
        assert await store.submit(keyed(), limits) == Submitted(first.id)
    await store.submit(keyed(key="k 2"), limits)

    with pytest.raises(RateLimited):
        await store.submit(keyed(key="k 3"), limits)
    assert await store.submit(keyed(), limits) == Submitted(first.id)


async def test_what_was_refused_is_not_remembered(store: Store) -> None:
    """The key can be used again as soon as there is room, with whatever body."""
    full = SubmitLimits(queue_unfinished=1)
    there = track()
    await store.submit(there, full)
    with pytest.raises(QuotaExceeded):
        await store.submit(keyed(), full)
    await store.delete(there.id)

    said = keyed(digest=OTHER)
    assert await store.submit(said, full) == Submitted(said.id)


async def test_of_many_at_once_under_one_key_one_job_comes(store: Store) -> None:
    """All are answered with it."""
    answers = await asyncio.gather(*(store.submit(keyed(), NO_LIMITS) for _ in range(20)))

    assert len(set(answers)) == 1
    assert len(await listed(store)) == 1


async def test_a_key_is_known_after_a_restart(durable: Reopened) -> None:
    """The answer is on the disk with the job."""
    store = await durable.open()
    first = keyed()
    await store.submit(first, NO_LIMITS)
    await store.close()

    store = await durable.open()
    assert await store.submit(keyed(), NO_LIMITS) == Submitted(first.id)
    await store.close()
