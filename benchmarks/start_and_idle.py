"""How soon `tonearm serve` answers after it was started, and what it costs while nobody asks for anything.

    ./dev bench start_and_idle [--starts 10] [--idle 30]

The start counts from the exec of the program to the first answer, which a client asks for every 2 ms; one start
before warms up the caches of the disk. The idle server has an empty queue and no clients; its CPU is user plus system
time of the process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.report import Figure, Report, at_most
from benchmarks.served import Served

NOBODY = "http://127.0.0.1:9/catalog"
"""A catalog that is never asked."""


def run(starts: int, idle_s: float) -> Report:
    """Measure and report."""
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as folder:
        server = Served(Path(folder), NOBODY)
        seconds = [_start(server) for _ in range(starts + 1)][1:]
        percent = _idle(server, idle_s)
    figures = [
        Figure("first answer of `tonearm serve`", seconds, "{:.2f} s", at_most(1.5)),
        Figure(f"idle CPU, over {idle_s:g} s", [percent], "{:.2f} %", at_most(1.0)),
    ]
    return Report(figures, [], {"start_s": seconds, "idle_percent": percent})


def _start(server: Served) -> float:
    try:
        return server.start()
    finally:
        server.stop()


def _idle(server: Served, seconds: float) -> float:
    """Percent of one core."""
    server.start()
    try:
        time.sleep(2)  # what a start leaves to do is done by then
        cpu, begun = server.cpu_s(), time.perf_counter()
        time.sleep(seconds)
        return (server.cpu_s() - cpu) / (time.perf_counter() - begun) * 100
    finally:
        server.stop()


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--idle", type=float, default=30.0, help="seconds")
    options = parser.parse_args()
    print(run(options.starts, options.idle).text())


if __name__ == "__main__":
    main()
