"""Spending: clients that receive bytes, and how the contract sees that they have received enough."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    LEASE_MS,
    TIMEOUT,
    submit_track,
    track,
)
from tests.support.clock import DAY
from tonearm.errors import QuotaExceeded, RefusalCode
from tonearm.model import (
    Claim,
    ClaimRequest,
    Mark,
    Phase,
    Retry,
    SubmitLimits,
)
from tonearm.store.allowance import BUCKET_MS
from tonearm.store.base import Store

LIMIT = 1_000

LIMITS = SubmitLimits(client_bytes=LIMIT)

QUARTER = BUCKET_MS


def received(size: int, bytes_done: int | None = None) -> Mark:
    """A mark of a transfer that has brought so many bytes over the line."""
    return Mark(Phase.TRANSFER, size if bytes_done is None else bytes_done, 8_000, size)


async def claimed(
    store: Store, worker: str = "w1", *, tracks: int = 9, albums: int = 0, allowed: int = LIMIT, most: int = 0
) -> tuple[Claim, ...]:
    """What a worker gets whose settings allow so much."""
    return (await store.claim(ClaimRequest(worker, tracks, albums, LEASE_MS, most, allowed))).claims


async def spend(store: Store, size: int = LIMIT, client: str = "ann") -> Claim:
    """Let a client receive so many bytes with a new job, which is retried in a year."""
    await submit_track(store, client)
    (one,) = [each for each in await claimed(store, allowed=0) if each.client == client]
    await store.settle(one, Retry(TIMEOUT, 365 * DAY), received(size))
    return one


async def refused(store: Store, client: str = "ann", limits: SubmitLimits = LIMITS) -> QuotaExceeded:
    """How a submission of this client is refused."""
    with pytest.raises(QuotaExceeded) as caught:
        await store.submit(track(client), limits)
    assert caught.value.code is RefusalCode.CLIENT_BYTES_EXCEEDED
    return caught.value


async def is_spent(store: Store, limit: int, client: str = "ann") -> bool:
    """Whether a submission is refused where so much is allowed."""
    try:
        await store.submit(track(client, start_paused=True), SubmitLimits(client_bytes=limit))
    except QuotaExceeded:
        return True
    return False


async def has_received(store: Store, size: int, client: str = "ann") -> bool:
    """Whether exactly so many bytes count for a client."""
    return await is_spent(store, size, client) and not await is_spent(store, size + 1, client)
