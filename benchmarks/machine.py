"""The machine: what somebody has to know of it to judge a number. No names and no paths of it."""

from __future__ import annotations

import os
import platform
import re
import ssl
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import apsw
from tests.support.programs import find

MIB = 1024 * 1024


def describe(folder: Path) -> dict[str, str]:
    """The machine, its versions, and how fast the disk of *folder* is when nothing else of ours runs."""
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "disk": f"{_file_system(folder)}; {_disk_speed(folder)}",
        "load before": "{:.1f} over 1 minute, {:.1f} over 5 minutes".format(*os.getloadavg()),
        "Python": f"{platform.python_version()} ({sys.implementation.name})",
        "libraries": ", ".join(
            f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "uvicorn", "apsw", "redis", "mutagen")
        ),
        "SQLite": apsw.sqlite_lib_version(),
        "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
        "programs": ", ".join(f"{name} {_version(name, flag)}" for name, flag in _PROGRAMS.items()),
    }


_PROGRAMS = {
    "curl": "--version",
    "aria2c": "--version",
    "nginx": "-v",
    "flac": "--version",
    "redis-server": "--version",
}


def _version(program: str, flag: str) -> str:
    done = subprocess.run([find(program), flag], check=True, capture_output=True, text=True)
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "?"


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """The kind of file system that holds *folder*."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return "unknown file system"
    holding = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(holding)[1]


def _disk_speed(folder: Path) -> str:
    """How fast files of 8 MiB are written and synced by four threads, and how long 4 KiB take; medians."""
    content = os.urandom(8 * MIB)

    def write(number: int) -> None:
        _write_synced(folder / f"disk-{number}", content)

    rates: list[float] = []
    for _ in range(3):
        begun = time.perf_counter()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(16)))
        rates.append(16 * len(content) / 1e6 / (time.perf_counter() - begun))
    small = statistics.median(_write_synced(folder / "disk-small", content[:4096]) for _ in range(30))
    large = statistics.median(rates)
    return f"8 MiB files written and synced by 4 threads: {large:.0f} MB/s; 4 KiB synced: {small:.2f} ms"


def _write_synced(path: Path, content: bytes) -> float:
    """Write, sync and remove a file; milliseconds that the sync took."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.write(descriptor, content)
        begun = time.perf_counter()
        os.fsync(descriptor)
        return (time.perf_counter() - begun) * 1000
    finally:
        os.close(descriptor)
        path.unlink()
