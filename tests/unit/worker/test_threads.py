"""Blocking work on a thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tonearm.stopping import checkpoint
from tonearm.worker.threads import in_thread


async def test_a_cancel_waits_for_the_work_on_the_thread() -> None:
    """Nothing goes on writing behind the back of whoever stopped it."""
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        go_on.wait(10)
        ended.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(began.wait, 10)
    task.cancel()
    asyncio.get_running_loop().call_later(0.02, go_on.set)

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_an_error_of_the_work_is_the_callers() -> None:
    """It arrives as it was raised."""

    def work() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await in_thread(work)


async def test_long_work_ends_at_its_next_checkpoint_after_a_cancel() -> None:
    """What it would have done after that is not done."""
    began, pieces, cancelled = threading.Event(), list[int](), threading.Event()

    def work() -> None:
        for piece in range(3):
            checkpoint()
            pieces.append(piece)
            began.set()
            cancelled.wait(10)

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(began.wait, 10)
    task.cancel()
    asyncio.get_running_loop().call_soon(cancelled.set)

    with pytest.raises(asyncio.CancelledError):
        await task
    assert pieces == [0]


async def test_a_checkpoint_of_wanted_work_does_nothing() -> None:
    """Also after another piece of work was stopped, and outside of any."""
    task = asyncio.create_task(in_thread(checkpoint))
    task.cancel()
    await asyncio.wait([task])

    await in_thread(checkpoint)
    checkpoint()
