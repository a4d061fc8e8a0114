"""Progress: how far a transfer is and how fast it goes, told often enough for people and seldom enough for the loop."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_S = 3.0
"""Seconds over which the speed is averaged."""


@dataclass(frozen=True, slots=True)
class Progress:
    """*bytes_done* of this file are on disk, of *bytes_total* (None: unknown), at *speed* bytes per second just now.

    *received*: bytes of the body that this answer has brought, those that were not kept included.
    """

    bytes_done: int
    bytes_total: int | None
    speed: float
    received: int = 0


class Speedometer:
    """The speed of late. It is told the position now and then; times are seconds of any steady clock."""

    def __init__(self, now: float, position: int) -> None:
        self._seen = deque([(now, position)])

    def at(self, now: float, position: int) -> float:
        """Note that *position* is reached *now*; answer with bytes per second over the window, 0.0 at the start."""
        self._seen.append((now, position))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_S:
            self._seen.popleft()
        since, start = self._seen[0]
        return (position - start) / (now - since) if now > since else 0.0
