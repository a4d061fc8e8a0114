"""Loop lag: how late the event loop wakes, measured by asking it to wake in a second, again and again."""

from __future__ import annotations

import asyncio
import time

from tonearm import metrics

EVERY_S = 1.0
"""Seconds between two looks."""


async def watch() -> None:
    """Measure until cancelled."""
    while True:
        due = time.perf_counter() + EVERY_S
        await asyncio.sleep(EVERY_S)
        metrics.LOOP_LAG_SECONDS.observe(max(0.0, time.perf_counter() - due))
