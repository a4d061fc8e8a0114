"""Processes as the kernel shows them (`/proc`): who is whose child, what it holds, and whether it lives."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

_LISTEN = "0A"
"""The state of a TCP socket that listens, in /proc/net/tcp."""
_ACCEPTS = 0x10000
"""The flag of a unix socket that listens, in /proc/net/unix."""


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
    """What the descriptors of a process stand for; one that is closed meanwhile is left out."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return sorted(found)


def listening(pid: int) -> list[str]:
    """Where a process listens: `127.0.0.1:8080` of IPv4, `[…]:8080` of IPv6 (in hex), `unix:` and a path."""
    ours = {name.removeprefix("socket:[").removesuffix("]") for name in held(pid) if name.startswith("socket:[")}
    network = Path(f"/proc/{pid}/net")
    found = []
    for line in (network / "tcp").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN and fields[9] in ours:
            address, port = _hex_port(fields[1])
            found.append(f"{socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder))}:{port}")
    for line in (network / "tcp6").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN and fields[9] in ours:
            found.append("[{}]:{}".format(*_hex_port(fields[1])))
    for line in (network / "unix").read_text("utf-8", "replace").splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if int(fields[3], 16) & _ACCEPTS and fields[6] in ours:
            found.append(f"unix:{fields[7]}")
    return sorted(found)


def _hex_port(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    return address, int(port, 16)


def command_line(pid: int) -> bytes:
    """What `ps` shows of a process: its arguments, with zeros between."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


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
