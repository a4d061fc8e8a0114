"""Processes as the kernel shows them (`/proc`): who is whose child, what it holds, and whether it lives."""

from __future__ import annotations

import os
from pathlib import Path


def children(parent: int) -> list[int]:
    """The children of a process that have not ended."""
    everybody = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in everybody if alive(pid) and _fields(pid)[1] == str(parent)]


def alive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    return _fields(pid)[0] not in ("", "Z", "X")


def stopped(pid: int) -> bool:
    """Whether a process stands still: all of it was stopped by a signal."""
    return all(_stat(thread / "stat")[0] == "T" for thread in Path(f"/proc/{pid}/task").iterdir())


def age_s(pid: int) -> float:
    """Seconds since a process that lives began."""
    began = int(_fields(pid)[19]) / os.sysconf("SC_CLK_TCK")
    return float(Path("/proc/uptime").read_text("ascii").split()[0]) - began


def held(pid: int) -> list[str]:
    """What the descriptors of a process stand for."""
    return sorted(str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())


def environment(pid: int) -> bytes:
    """The environment that a process was started with."""
    return Path(f"/proc/{pid}/environ").read_bytes()


def _fields(pid: int) -> list[str]:
    """What stands in `stat` behind the name: state, parent …; a process that is gone has an empty state."""
    return _stat(Path(f"/proc/{pid}/stat"))


def _stat(path: Path) -> list[str]:
    try:
        return path.read_text("ascii", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["", ""]
