"""Breakages: faults put into the real server's own process, by name.

`TONEARM_BREAKAGE` is `<phase>:<what>[:<word>]`: in that phase of a task whose title contains the word, `kill` ends the
process with SIGKILL and `raise` throws an error that nobody expects; `resolve:raise` does so while an album is
resolved, and `published:kill` ends the process right after a file got its name. With `cover:refuse` the disk takes no
cover beside the music, and with `wall:<file>` the wall clock runs ahead by the milliseconds that the file holds.
`patience:<ms>` is no fault but a shorter life: hosts are given up after so much rest, in milliseconds at a back-off of
1000.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tonearm import policy
from tonearm.clock import SystemClock
from tonearm.errors import DiskError
from tonearm.worker import attempt, journey

PHASES = ("begin", "transfer", "verify", "tag", "reserve", "commit", "publish")


class InjectedError(Exception):
    """Nobody expects this."""


def install() -> None:
    """Put the breakage of the environment into this process, if there is one."""
    match os.environ.get("TONEARM_BREAKAGE", "").split(":"):
        case ["wall", path]:
            _shift_wall_clock(Path(path))
        case ["patience", ms]:
            vars(policy)["GIVE_UP_MS"] = int(ms)
        case ["published", "kill"]:
            _kill_after_publishing()
        case ["cover", "refuse"]:
            _refuse_covers()
        case ["resolve", "raise"]:
            _break_resolving()
        case [phase, what, *word] if phase in PHASES:
            _break_phase(phase, what, word[0] if word else "")


def _shift_wall_clock(path: Path) -> None:
    real = SystemClock.wall_ms

    def wall_ms(self: SystemClock) -> int:
        return real(self) + int(path.read_text() or "0")

    SystemClock.wall_ms = wall_ms  # type: ignore[method-assign]


def _kill_after_publishing() -> None:
    real = vars(journey)["publish"]

    def broken(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    vars(journey)["publish"] = broken


def _refuse_covers() -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise DiskError("Input/output error while publishing")

    vars(journey)["add_cover"] = broken


def _break_resolving() -> None:
    async def broken(*_: Any) -> None:
        raise InjectedError("injected into resolve")

    vars(attempt)["resolve"] = broken


def _break_phase(phase: str, what: str, word: str) -> None:
    name = f"_{phase}"
    real: Callable[..., Any] = getattr(journey.Journey, name)

    async def broken(self: Any, *args: Any, **kwargs: Any) -> Any:
        title = self._claim.spec.track_title or ""
        if word in title:
            if what == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise InjectedError(f"injected into {phase}")
        return await real(self, *args, **kwargs)

    setattr(journey.Journey, name, broken)
