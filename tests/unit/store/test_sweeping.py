"""Sweeping: what a step took from the dead is one line in the log, and counted."""

from __future__ import annotations

from structlog.testing import capture_logs
from tests.contract.steps import LEASE_MS, claim_one, submit_track
from tests.support.clock import FakeClock
from tests.support.exposition import Rise

from tonearm.store.base import STALLS_TO_CRASH, STALLS_TO_SUSPECT
from tonearm.store.sqlite import SqliteStore
from tonearm.store.sweeping import sweep


async def test_what_is_freed_is_told_and_what_is_given_up_is_no_recovery(store: SqliteStore, clock: FakeClock) -> None:
    """A task whose workers fall silent again and again ends as `crashed`, which counts as a failed job."""
    await submit_track(store)
    times = STALLS_TO_SUSPECT + STALLS_TO_CRASH
    rise = Rise("tonearm_")
    with capture_logs() as logs:
        for _ in range(times):
            await claim_one(store)
            clock.advance(LEASE_MS)
            await sweep(store)
            assert not (await sweep(store)).recovered  # and a step that frees nothing says nothing

    lines = [line for line in logs if line["event"] == "Freed leases that ran out"]
    assert [(line["recovered"], line["crashed"]) for line in lines] == [(1, 0)] * (times - 1) + [(0, 1)]
    assert rise.so_far()["tonearm_tasks_recovered_total",] == times - 1
    assert rise.so_far()["tonearm_jobs_failed_total", "crashed"] == 1
