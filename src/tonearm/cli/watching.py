"""Watching: the loops of a process beside its worker's, and the line about it that a service manager shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tonearm.ops.pressure import Pressure
from tonearm.worker import Worker
from tonearm.worker.supervisor import Step, Supervisor


@asynccontextmanager
async def looping(name: str, loop: Step, supervisor: Supervisor) -> AsyncIterator[Callable[[], int]]:
    """A supervised loop as long as the block takes; its end may come in the middle of a round. Gives their count."""
    task = asyncio.create_task(supervisor.watch(name, loop), name=name)
    try:
        yield lambda: supervisor.turns[name]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def status_of(worker: Worker | None, pressure: Pressure | None = None) -> str:
    """What the process does at this moment, in a few words."""
    parts: list[str] = []
    if pressure is not None and pressure.unfinished is not None:
        parts.append(f"{pressure.unfinished:,} unfinished in the queue")
    if worker is not None:
        pulse = worker.pulse()
        parts.append(pulse.trouble or f"{pulse.active_downloads} of {pulse.max_concurrent} downloads run")
    return ", ".join(parts) or "Ready"
