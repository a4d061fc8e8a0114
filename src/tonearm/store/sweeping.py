"""Sweeping: one bounded step of what waits for time to pass, and what it took from the dead is told, whoever asked.

A worker sweeps all the time, and so does a store that stands in; a pruning and an import sweep to the end. What a step
does, `store.base` says; this logs and counts the tasks whose leases ran out. Their jobs tell for themselves (`story`).
"""

from __future__ import annotations

import structlog

from tonearm import metrics
from tonearm.model import Swept
from tonearm.store.base import Keeping

log = structlog.get_logger("store.sweeping")


async def sweep(store: Keeping) -> Swept:
    """Do one step.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    swept = await store.sweep()
    if swept.recovered or swept.crashed:
        metrics.TASKS_RECOVERED.inc(swept.recovered)
        log.warning("Freed leases that ran out", recovered=swept.recovered, crashed=swept.crashed)
    return swept


async def sweep_all(store: Keeping) -> None:
    """Step until there is nothing more to do at once.

    Raises:
        StoreUnavailable: the store does not answer; what was done stays done.
    """
    while (await sweep(store)).more:
        pass
