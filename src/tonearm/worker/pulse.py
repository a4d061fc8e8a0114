"""Pulse: how a worker is at this moment, for the probes and metrics of its own process.

What other processes know of it is what it tells the store (`WorkerReport`).
"""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.metrics import Ending
from tonearm.model import Cancelled, Completed, Failed, Outcome, Paused, Released


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
    """A claim that the store answered: when, in elapsed and wall milliseconds."""

    elapsed_ms: int
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """A worker at one moment. *trouble*: why it takes on nothing, a sentence for people; None: it would."""

    worker: str
    active_downloads: int
    max_concurrent: int
    speed: float
    """Bytes per second of all running transfers together."""
    disk_free: int | None
    """Bytes free on the volume of stage and library at the last look; None: it did not answer, or nobody looked."""
    disk_min: int | None
    store_reachable: bool
    claimed: RoundTrip | None
    """The newest claim that the store answered, with or without tasks; None: none yet."""
    trouble: str | None
