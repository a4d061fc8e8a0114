"""A clock that tests move by hand: wall time, elapsed time and the boot, each by itself.

`advance` is what really passes; `step_wall` is somebody setting the wall clock; `reboot` is the machine going down and
coming up again. Nothing here waits.
"""

from __future__ import annotations

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365 * DAY

START_WALL_MS = 1_763_900_000_000


class FakeClock:
    """A `tonearm.clock.Clock` that stands still until it is moved. All amounts are milliseconds."""

    def __init__(self, wall_ms: int = START_WALL_MS, elapsed_ms: int = 5 * HOUR, boot: str = "boot-1") -> None:
        self._wall = wall_ms
        self._elapsed = elapsed_ms
        self._boot = boot

    def wall_ms(self) -> int:
        return self._wall

    def elapsed_ms(self) -> int:
        return self._elapsed

    def boot_id(self) -> str:
        return self._boot

    def advance(self, ms: int) -> None:
        """Let *ms* of real time pass on both clocks."""
        self._wall += ms
        self._elapsed += ms

    def step_wall(self, ms: int) -> None:
        """Set the wall clock forward or back by *ms*; no time passes."""
        self._wall += ms

    def reboot(self, boot: str, *, away_ms: int = 0) -> None:
        """Start the machine anew: another boot id, elapsed time from nearly nothing, the wall clock *away_ms* later."""
        self._boot = boot
        self._wall += away_ms
        self._elapsed = SECOND
