"""The janitor: frees what the dead held, and removes stages that belong to no live task."""

from __future__ import annotations

import structlog

from tonearm import metrics
from tonearm.library import Removed, Stage
from tonearm.model import job_of
from tonearm.store.base import PAGE, Reading
from tonearm.store.working import Working
from tonearm.worker.leases import Leases
from tonearm.worker.threads import in_thread

INTERVAL_MS = 600_000
"""Milliseconds between two rounds."""

log = structlog.get_logger("worker.janitor")


async def look_around(store: Reading, stage: Stage) -> None:
    """Let the stage know who is alive by what a queue knows that several machines share."""
    stage.alive = frozenset(worker.id for worker in await store.workers() if worker.alive)


async def recover_dead(store: Working, stage: Stage) -> int:
    """Free the leases of every worker whose stage folder is not locked: its process is dead. Returns how many.

    At a start this includes the earlier incarnation of this very worker, whose lock we now hold.
    """
    freed = 0
    for worker in await in_thread(stage.dead):
        marks = await in_thread(stage.marks, worker)
        charge = stage.same_boot(worker)  # a power cut is no task's fault
        while count := await store.recover(worker, marks, charge=charge):
            freed += count
    if freed:
        metrics.TASKS_RECOVERED.inc(freed)
        log.info("Recovered tasks of a process that died", tasks=freed)
    return freed


async def tidy(store: Working, stage: Stage, leases: Leases) -> Removed:
    """Remove stages of tasks that are final, deleted or unknown, and all but the newest of a live one, and say how much
    that was.

    Tasks that this worker holds are left alone: they may just be taking over the stage of the attempt before.
    """
    try:
        found = await in_thread(stage.found)
        for first in range(0, len(found), PAGE):
            page = found[first : first + PAGE]
            living = await store.living(sorted({task_id for task_id, _ in page}))
            strays = [(task, epoch) for task, epoch in page if living.get(task) != epoch and not leases.holds(task)]
            await in_thread(stage.remove_all, strays)
            for task, epoch in strays:
                log.debug("Removed a stage", job=job_of(task), task=task, epoch=epoch)
    finally:
        removed = await in_thread(stage.removed)
        if removed.entries:
            log.info("Removed stages that belonged to no live task", stages=removed.entries, bytes=removed.size)
    return removed
