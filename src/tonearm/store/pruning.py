"""Pruning to the end: everything that is old goes, step by step, and the disk gets the room back.

Each step is one bounded call of the store, so what else is said to it comes in between. How old is too old, the
settings say; when, the worker's loop does, or a person with `tonearm prune`.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from tonearm import metrics
from tonearm.model import FINISHED, Pruned, Retention
from tonearm.store.base import Keeping
from tonearm.store.sweeping import sweep_all

log = structlog.get_logger("store.pruning")


async def prune_all(store: Keeping, retention: Retention) -> Pruned:
    """Remove every finished job that is older than its *retention*, with all that belongs to it, and say how many.

    Said again, after it was cut off, it goes on.

    Raises:
        StoreUnavailable: the store does not answer; what was removed stays removed.
    """
    removed = Pruned(more=True)
    try:
        while removed.more:
            step = await store.prune(retention)
            for status in FINISHED:
                metrics.RECORDS_PRUNED[status].inc(getattr(step, status))
            removed = replace(removed, more=False) + step
    finally:
        if removed.completed or removed.failed or removed.cancelled:
            log.info(
                "Removed old records", completed=removed.completed, failed=removed.failed, cancelled=removed.cancelled
            )
    await sweep_all(store)  # the tracks of the albums among them
    while await store.give_back():
        pass
    return removed
