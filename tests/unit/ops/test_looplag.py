"""Loop lag: how late the event loop wakes."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.exposition import Rise
from tests.support.server import until

from tonearm.ops import looplag


async def test_every_wake_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again, and none is early."""
    monkeypatch.setattr(looplag, "EVERY_S", 0.001)
    rise = Rise("tonearm_loop_lag_seconds")
    watching = asyncio.create_task(looplag.watch())
    await until("it woke twice", lambda: rise.so_far().get(("tonearm_loop_lag_seconds_count",), 0) >= 2)
    watching.cancel()

    assert rise.so_far()["tonearm_loop_lag_seconds_sum",] > 0
