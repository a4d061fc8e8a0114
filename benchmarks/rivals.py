"""The rivals: programs that merely write the files which the queue files in its library.

Each takes the same URLs and an empty folder. Neither syncs what it wrote, checks it or writes tags, so their time is
what the network and the page cache allow. CPU is user plus system time of the program with its start.
"""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import find

AT_ONCE = 4
"""Files that every program fetches at the same time."""


@dataclass(frozen=True, slots=True)
class Run:
    """One program fetching all files once, in seconds on the wall and of CPU."""

    wall_s: float
    cpu_s: float


Rival = Callable[[Sequence[str], Path, Path | None], Run]
"""Fetches URLs into a folder, trusting the certificates of a file, if given."""


def curl(urls: Sequence[str], folder: Path, ca: Path | None) -> Run:
    """Let curl fetch *urls*."""
    config = "\n".join(f'url = "{url}"\noutput = "{folder / Path(url).name}"' for url in urls)
    trust = ["--cacert", str(ca)] if ca else []
    flags = ["--silent", "--no-progress-meter", "--fail", "--parallel", "--parallel-max", str(AT_ONCE), *trust]
    return _timed([find("curl"), *flags, "--config", "-"], config)


def aria2(urls: Sequence[str], folder: Path, ca: Path | None) -> Run:
    """Let aria2c fetch *urls*, without allocating files first, which would cost it time."""
    trust = [f"--ca-certificate={ca}"] if ca else []
    flags = ["--quiet", "--no-conf", "--file-allocation=none", "--max-connection-per-server=1", *trust]
    return _timed([find("aria2c"), *flags, f"-j{AT_ONCE}", "-d", str(folder), "-i", "-"], "\n".join(urls))


def _timed(command: Sequence[str], text: str) -> Run:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, input=text.encode(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
