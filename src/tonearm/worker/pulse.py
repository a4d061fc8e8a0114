"""Pulse: how a worker is at this moment, for the probes and metrics of its own process.

What other processes know of it is what it tells the store (`WorkerReport`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tonearm.model import Cancelled, Completed, Failed, Outcome, Paused, Released


class Ending(StrEnum):
    """How a claim ended in this process; a closed list, which the metrics name."""

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


def ending_of(outcome: Outcome) -> Ending:
    """The word for an outcome that was settled."""
    match outcome:
        case Completed():
            return Ending.COMPLETED
        case Failed():
            return Ending.FAILED
        case Cancelled():
            return Ending.CANCELLED
        case Paused():
            return Ending.PAUSED
        case Released():
            return Ending.RELEASED
        case _:
            return Ending.RETRIED


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A claim that the store answered: when, in elapsed and wall milliseconds, and how long it took, in seconds."""

    elapsed_ms: int
    wall_ms: int
    took_s: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """A worker at one moment. *trouble*: why it takes on nothing, a sentence for people; None: it would."""

    worker: str
    active_downloads: int
    max_concurrent: int
    ended: Mapping[Ending, int]
    restarts: int
    store_reachable: bool
    claimed: RoundTrip | None
    """The newest claim that the store answered, with or without tasks; None: none yet."""
    trouble: str | None
