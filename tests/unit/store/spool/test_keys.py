"""Idempotency keys over a spool: what was answered while the main store was away is known when it is back."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.steps import NO_LIMITS, track
from tests.support.switched import Line
from tests.unit.store.spool.conftest import Stores

from tonearm.model import Idempotency, Submission, Submitted


def keyed() -> Submission:
    """The same request as ever, with an id of its own."""
    return replace(track(catalog_id=5, check_duplicate=False), idempotency=Idempotency("k", "a" * 64))


async def test_a_key_that_was_answered_here_is_known_when_the_queue_is_back(stores: Stores) -> None:
    """The job has been handed over, and saying it again adds no second one."""
    await stores.go_away()
    first = await stores.spool.submit(keyed(), NO_LIMITS)
    await stores.settle_down()

    again = await stores.spool.submit(keyed(), NO_LIMITS)

    assert again.job_id == first.job_id
    assert (await stores.main.counts()).total == 1
    assert (await stores.spool.counts()).total == 1


async def test_a_batch_that_was_accepted_here_is_handed_over(stores: Stores) -> None:
    """Its answers say where it lies, its key is known when the queue is back, and each job is there once."""
    said, key = [track(), track()], Idempotency("k", "a" * 64)
    await stores.go_away()
    first = await stores.spool.submit_many(said, NO_LIMITS, key)
    assert [answer.source for answer in first if isinstance(answer, Submitted)] == ["local", "local"]
    await stores.settle_down()

    again = await stores.spool.submit_many([track(), track()], NO_LIMITS, key)

    assert again == tuple(Submitted(each.id) for each in said)
    assert (await stores.main.counts()).total == (await stores.spool.counts()).total == 2


async def test_a_batch_that_was_not_answered_is_there_once(stores: Stores) -> None:
    """It is accepted here under its ids, marked, until the main store says what it has."""
    said = [track(), track()]
    stores.switch.set(Line.DEAF)
    await stores.spool.submit_many(said, NO_LIMITS)
    assert await stores.local.moving() == tuple(sorted(each.id for each in said))
    await stores.settle_down()

    assert (await stores.main.counts()).total == (await stores.spool.counts()).total == 2
