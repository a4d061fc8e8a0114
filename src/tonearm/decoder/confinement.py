"""What is taken from a child before it sees a byte of a file: time, memory, files, sockets, and priority.

The means are those of POSIX, which a user without rights has on Linux and macOS alike. A child may not open anything
any more, be it a file, a pipe or a socket, because the limit on descriptors is zero; what is open stays usable. It may
still send signals to processes of the same user: these are limits for an accident, and a narrow place for an attacker.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

NICENESS = 10
"""How far a child stands back behind the server: about a tenth of its share where both want the processor. With 19 it
stands still on a busy machine until its time is up (docs/adr/0008 has the measurement)."""

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, linux/prctl.h
_STATM = Path("/proc/self/statm")


def die_with(parent: int) -> None:
    """End this process as soon as the process *parent* is gone. Linux alone; elsewhere others see to it."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:  # it went before we asked
        os._exit(1)


def confine(cpu_seconds: int, memory_bytes: int) -> None:
    """Give this process a low priority and the limits that hold until its end.

    *memory_bytes* come on top of what it has mapped already; where the system does not tell that (macOS), memory is
    not limited.
    """
    os.nice(NICENESS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CPU, cpu_seconds, last=cpu_seconds + 1)  # SIGXCPU first, then SIGKILL
    if _STATM.exists():
        mapped = int(_STATM.read_text("ascii").split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, mapped + memory_bytes)
    _limit(resource.RLIMIT_NOFILE, 0)


def _limit(what: int, most: int, *, last: int | None = None) -> None:
    """Set a limit for good, or keep one that is lower already. *last* is the hard limit, *most* if not given."""
    _, hard = resource.getrlimit(what)
    last = most if last is None else last
    last = last if hard == resource.RLIM_INFINITY else min(last, hard)
    resource.setrlimit(what, (min(most, last), last))
