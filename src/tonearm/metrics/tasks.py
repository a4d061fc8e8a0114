"""Metrics of a worker: how its claims end, how long each step of a track takes, what comes over the line."""

from __future__ import annotations

from enum import StrEnum

from tonearm.errors import FailureCode
from tonearm.metrics.registry import counter, counters, histogram, histograms
from tonearm.model import TaskKind
from tonearm.traces import JOURNEY

SHORT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds for one answer of a host."""

STEP_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Bounds for the work on one track."""


class Ending(StrEnum):
    """How a claim ended in this process; a closed list."""

    COMPLETED = "completed"
    RESOLVED = "resolved"
    """An album's tracks are known."""
    RETRIED = "retried"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    RELEASED = "released"
    """Given back without cost."""
    LOST = "lost"
    """The claim was not this worker's any more."""


TASKS = counters("tonearm_tasks", "Claims that ended, by how.", "outcome", Ending)
TASK_SECONDS = histograms(
    "tonearm_task_duration_seconds", "From a claim to its end, however it ended.", "kind", TaskKind, STEP_S
)
RETRIES = counters("tonearm_retries", "Attempts that failed and will be repeated, by why.", "code", FailureCode)
TASKS_RECOVERED = counter("tonearm_tasks_recovered", "Tasks freed from workers that died or were silent.")
STEP_SECONDS = histograms("tonearm_step_duration_seconds", "The steps of a track's journey.", "step", JOURNEY, STEP_S)
FIRST_BYTE_SECONDS = histogram(
    "tonearm_first_byte_seconds", "From asking for a file to the head of its answer.", SHORT_S
)
RECEIVED_BYTES = counter("tonearm_received_bytes", "Bytes of music that arrived, also those that were not kept.")
LEASE_RENEWALS = counter("tonearm_lease_renewals", "Leases that were prolonged.")
LEASE_RENEWALS_LATE = counter(
    "tonearm_lease_renewals_late", "Leases that were prolonged when more than half of their time was over."
)
