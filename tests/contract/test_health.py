"""What health follows from, over each engine: how jobs ended lately, and how long the queue is."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.contract.steps import claim_one, complete, fail, job_in, submit_track
from tests.support.clock import HOUR, MINUTE, FakeClock
from tonearm.model import State
from tonearm.ops import pressure, recent
from tonearm.ops.pressure import Pressure
from tonearm.ops.recent import KEPT_MS, Recent
from tonearm.settings import load
from tonearm.store.base import Store


async def test_the_error_rate_is_that_of_the_last_hour(store: Store, clock: FakeClock) -> None:
    """What failed before it has no part in it any more, nor has what was cancelled; what is new has after a moment."""
    lately = Recent(store, clock)
    assert await lately.error_rate() == 0
    await job_in(store, State.FAILED)
    clock.advance(KEPT_MS)
    assert await lately.error_rate() == 1
    clock.advance(HOUR // 2)
    for state in (State.COMPLETED, State.CANCELLED, State.READY):
        await job_in(store, state)
    assert await lately.error_rate() == 0.5
    clock.advance(HOUR // 2)
    assert await lately.error_rate() == 0
    clock.advance(HOUR // 2)
    assert await lately.error_rate() == 0


async def test_the_error_rate_is_that_of_the_newest_where_there_are_many(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended before those does not count, though it is of the same hour."""
    monkeypatch.setattr(recent, "NEWEST", 4)
    for state in (State.FAILED, State.FAILED, State.COMPLETED, State.COMPLETED, State.FAILED, State.COMPLETED):
        await job_in(store, state)
        clock.advance(MINUTE)
    assert await Recent(store, clock).error_rate() == 0.25


async def test_a_level_is_told_once_and_left_well_below_its_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up, wobbling about a limit, further up, and down again: one line each time that another level is reached."""
    monkeypatch.setattr(pressure, "LOOK_S", 0)
    watched = Pressure(store, load({"QUEUE_WARN_SIZE": "10", "QUEUE_CRITICAL_SIZE": "20"}))

    async def told_on_the_way_to(*sizes: int) -> list[str]:
        with capture_logs() as logged:
            for size in sizes:
                await resize(store, size)
                await watched.look()
        told = [line for line in logged if "unfinished" in line]  # beside what happens to each job
        return [f"{line['log_level']}: {line['event']} ({line['unfinished']})" for line in told]

    assert await told_on_the_way_to(0, 9) == []
    assert await told_on_the_way_to(10, 9, 10, 11, 9) == ["warning: The queue is long (10)"]
    assert await told_on_the_way_to(20, 19, 18, 20) == ["error: The queue is full; nothing more is accepted (20)"]
    assert await told_on_the_way_to(17) == ["warning: The queue is not full any more, and still long (17)"]
    assert await told_on_the_way_to(18, 10, 9) == []
    assert await told_on_the_way_to(8) == ["info: The queue is not long any more (8)"]
    assert await told_on_the_way_to(20, 2) == [
        "error: The queue is full; nothing more is accepted (20)",
        "info: The queue is not long any more (2)",
    ]


async def resize(store: Store, unfinished: int) -> None:
    """Submit or finish until there are so many unfinished jobs."""
    while (now := (await store.counts()).unfinished) != unfinished:
        if now < unfinished:
            await submit_track(store)
        elif now % 2:
            await complete(store, await claim_one(store))
        else:
            await fail(store, await claim_one(store))
