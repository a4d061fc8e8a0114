"""Clocks: the two times a program can read, behind one small door so that tests can move them.

Wall time is what people call the time; it can be set, forward or back. Elapsed time only counts, through
sleep too, and starts anew at each boot. Durations (leases, back-off, windows) are always elapsed time.
How a store makes its own steady time from the two stands in `tonearm.store.base`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol


def iso(wall_ms: int) -> str:
    """Wall milliseconds as date and time of UTC, `2026-01-02T03:04:05.678Z`."""
    return datetime.fromtimestamp(wall_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock(Protocol):
    """What the rest of the program may ask of time."""

    def wall_ms(self) -> int:
        """Milliseconds since the epoch, by the machine's wall clock. May jump either way."""
        ...

    def elapsed_ms(self) -> int:
        """Milliseconds since some moment of this boot, counted through sleep. Never runs back."""
        ...

    def boot_id(self) -> str:
        """A text that is the same for all processes of one boot and another after the next."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def elapsed_ms(self) -> int:
        return time.clock_gettime_ns(_ELAPSED) // 1_000_000

    def boot_id(self) -> str:
        return _read_boot_id()


# Linux counts sleep only in CLOCK_BOOTTIME; macOS already counts it in CLOCK_MONOTONIC.
_ELAPSED: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def _read_boot_id() -> str:
    if sys.platform == "darwin":
        answer = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=True
        )
        return answer.stdout.strip()
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
