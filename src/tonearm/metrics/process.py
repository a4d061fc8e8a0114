"""Metrics of any process: its store, its event loop, its own loops."""

from __future__ import annotations

from enum import StrEnum

from tonearm.metrics.registry import counter, histogram, histograms

QUICK_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Bounds for what should take no time at all."""


class Access(StrEnum):
    """What a call of the store does."""

    READ = "read"
    WRITE = "write"


STORE_SECONDS = histograms(
    "tonearm_store_duration_seconds", "Calls of the queue's store, until it answered.", "access", Access, QUICK_S
)
LOOP_LAG_SECONDS = histogram("tonearm_loop_lag_seconds", "How much later than asked for the event loop woke.", QUICK_S)
LOOP_RESTARTS = counter("tonearm_loop_restarts", "How often a loop fell over and began anew.")
