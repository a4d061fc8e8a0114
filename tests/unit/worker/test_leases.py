"""Leases: which renewals were late."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.contract import steps
from tests.support.clock import FakeClock
from tests.support.exposition import Rise
from tests.support.server import until

from tonearm.store.sqlite import open_sqlite
from tonearm.worker.leases import Leases
from tonearm.worker.slots import Slots

LEASE_MS = 60_000
TOTAL = ("tonearm_lease_renewals_total",)


async def test_a_renewal_after_half_of_the_lease_is_late() -> None:
    """One after a quarter is not; both are counted."""
    clock = FakeClock()
    store = await open_sqlite(None, clock)
    stage: Any = SimpleNamespace(worker="w1", path=Path())
    leases = Leases(store, stage, Slots(4), clock, LEASE_MS, steering=SimpleNamespace())  # type: ignore[arg-type]  # never asked
    await steps.submit_track(store)
    leases.hold(await steps.claim_one(store), clock.elapsed_ms())
    rise = Rise("tonearm_lease_renewals")
    counts: list[tuple[float, float]] = []
    for passed in (LEASE_MS // 4, LEASE_MS // 2 + 1):
        clock.advance(passed)
        round_ = asyncio.create_task(leases.renew())
        await until("it was renewed", lambda: rise.so_far().get(TOTAL, 0) > len(counts))
        round_.cancel()
        found = rise.so_far()
        counts.append((found[TOTAL], found.get(("tonearm_lease_renewals_late_total",), 0)))
    await store.close()

    assert counts == [(1, 0), (2, 1)]
