"""The hard limit: it ends what takes too long, and its clock can stand still."""

from __future__ import annotations

import asyncio

import pytest

from tonearm.errors import Timeout
from tonearm.worker.timelimit import time_limit


async def test_what_takes_too_long_ends_and_says_how_far_it_came() -> None:
    """For good: the same would take as long again."""
    with pytest.raises(Timeout, match=r"^Processing timeout \(0\.01s exceeded\): halfway$") as ended:
        async with time_limit(10, lambda: "halfway"):
            await asyncio.Event().wait()
    assert not ended.value.retryable


async def test_the_clock_stands_still_inside_and_goes_on_where_it_was() -> None:
    """No end is set meanwhile; what is left of the time is left afterwards too, and no more."""
    loop = asyncio.get_running_loop()
    async with time_limit(60_000, lambda: "") as limit:
        before = limit._timeout.when()
        assert before is not None
        left = before - loop.time()
        with limit.standing():
            with limit.standing():
                assert limit._timeout.when() is None
            assert limit._timeout.when() is None
        after = limit._timeout.when()
        assert after is not None
        assert left - 1 < after - loop.time() <= left


async def stand_too_late() -> None:
    """Begin to stand still when the time is over already."""
    async with time_limit(100, lambda: "") as limit:
        limit._timeout._on_timeout()  # type: ignore[attr-defined]  # asyncio's own
        with limit.standing():
            await asyncio.Event().wait()


async def test_a_limit_that_ran_out_is_not_given_back() -> None:
    """Whoever begins to stand still too late has run out of time all the same."""
    with pytest.raises(Timeout):
        await stand_too_late()


async def test_a_stop_from_outside_goes_through() -> None:
    """A cancel inside is a cancel, with its clock in order."""

    async def stand() -> None:
        async with time_limit(60_000, lambda: "") as limit:
            with limit.standing():
                await asyncio.Event().wait()

    task = asyncio.create_task(stand())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
