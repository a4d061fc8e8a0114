"""Idempotency keys over a spool: what was answered while the main store was away is known when it is back."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.steps import NO_LIMITS, track
from tests.unit.store.spool.conftest import Stores

from tonearm.model import Idempotency, Submission


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
