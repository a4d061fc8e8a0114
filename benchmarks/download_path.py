"""The raw speed of the outbound engine: files from nginx on loopback to disk, against curl and aria2c.

    ./dev bench download_path [--rounds 7] [--files 60] [--megabytes 8] [--only plain|tls]

All three fetch the same random files, four at a time, and merely write them; the folders are removed after each run.
The rounds are interleaved and each begins with another program, so that whatever else the machine does hits all alike;
ratios are taken within each round. CPU is user plus system time of the fetching process, per GB (10^9 bytes). Ours is a
process that is already running, as a server is; the time that Python needs to start is not in it. The lag is how late a
timer of 2 ms fires on the loop meanwhile. What this does not measure: verification, tags, fsync and the state of jobs
(see the library benchmark), real networks, and other people's disks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from benchmarks.report import Table, spread
from benchmarks.rivals import AT_ONCE, Rival, Run, aria2, curl
from tests.support.nginx import nginx
from tests.support.tls import make_certificate

from tonearm.fetch import Fetcher, FetchLimits, HostPort, Progress
from tonearm.model import Media

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class EngineRun(Run):
    """Ours: also how late a timer fired, at the 99th percentile, in milliseconds."""

    lag_p99_ms: float


@contextmanager
def tonearm(loop: str) -> Iterator[Rival]:
    """Keep one process of ours running; it is told on its standard input what to fetch and answers with a Run."""
    command = [sys.executable, "-m", "benchmarks.download_path", "--child", loop]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers = process.stdout

        def fetch(urls: Sequence[str], folder: Path, ca: Path | None) -> Run:
            print(json.dumps([list(urls), str(folder), str(ca) if ca else None]), file=process.stdin, flush=True)
            return EngineRun(*json.loads(answers.readline()))

        yield fetch
        process.stdin.close()


def serve_runs(loop: str) -> None:
    """Be the process that fetches, until standard input ends."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None) as runner:
        for line in sys.stdin:
            urls, folder, ca = json.loads(line)
            print(json.dumps(runner.run(_fetch_all(urls, Path(folder), ca))), flush=True)


async def _fetch_all(urls: list[str], folder: Path, ca: str | None) -> tuple[float, float, float]:
    context = ssl.create_default_context(cafile=ca) if ca else None
    async with Fetcher(FetchLimits(), allow=[HostPort("127.0.0.1")], ssl_context=context) as fetcher:
        lags: list[float] = []
        watch = asyncio.create_task(_watch_lag(lags))
        cpu, start = time.process_time(), time.perf_counter()
        waiting = iter(urls)

        async def fetch_some() -> None:
            for url in waiting:
                stage = folder / Path(url).name
                stage.mkdir()
                await fetcher.download(Media(url), stage, progress=_ignore)

        await asyncio.gather(*(fetch_some() for _ in range(AT_ONCE)))
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        watch.cancel()
    return wall, cpu, sorted(lags)[math.ceil(len(lags) * 0.99) - 1] * 1000


def _ignore(progress: Progress) -> None:
    pass


async def _watch_lag(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + 0.002
        await asyncio.sleep(0.002)
        lags.append(time.perf_counter() - due)


def measure(folder: Path, *, rounds: int, files: int, size: int, encrypted: bool) -> None:
    """Run all programs *rounds* times and print the table of one protocol."""
    certificate = make_certificate(folder) if encrypted else None
    ca = certificate.certificate if certificate else None
    runs: dict[str, list[Run]] = {}
    with nginx(folder / "web", tls=certificate) as web, tonearm("uvloop") as ours, tonearm("asyncio") as plain:
        for number in range(files):
            (web.root / f"{number:03}.flac").write_bytes(os.urandom(size))
        urls = [f"{web.url}/{number:03}.flac" for number in range(files)]
        programs = {"tonearm (uvloop)": ours, "tonearm (asyncio)": plain, "curl": curl, "aria2c": aria2}
        for number in range(rounds + 1):
            order = list(programs)
            for name in order[number % len(order) :] + order[: number % len(order)]:
                program = programs[name]
                target = folder / "target"
                target.mkdir()
                run = program(urls, target, ca)
                received = sum(path.stat().st_size for path in target.rglob("*") if path.suffix != ".json")
                assert received >= files * size, f"{name} did not fetch everything"
                shutil.rmtree(target)
                if number:  # the first round warms the caches
                    runs.setdefault(name, []).append(run)
    print(_table(f"Outbound engine, {'TLS' if encrypted else 'plain'}", runs, files * size).text(), end="\n\n")


def _table(title: str, runs: dict[str, list[Run]], total: int) -> Table:
    rows = [
        [
            name,
            spread([total / 1e6 / run.wall_s for run in mine], "{:.0f}"),
            spread([run.cpu_s / total * 1e9 for run in mine], "{:.2f}"),
            spread([b.wall_s / a.wall_s for a, b in zip(mine, runs["curl"], strict=True)], "{:.2f}x"),
            spread([b.wall_s / a.wall_s for a, b in zip(mine, runs["aria2c"], strict=True)], "{:.2f}x"),
            spread([a.cpu_s / b.cpu_s for a, b in zip(mine, runs["curl"], strict=True)], "{:.2f}x"),
            spread([run.lag_p99_ms for run in mine if isinstance(run, EngineRun)], "{:.1f}"),
        ]
        for name, mine in runs.items()
    ]
    head = ("", "MB/s", "CPU s/GB", "MB/s of curl", "MB/s of aria2c", "CPU of curl", "lag p99 ms")
    return Table(title, head, rows, f"{total / 1e6:.0f} MB, {AT_ONCE} at a time; median (range).")


def main() -> None:
    """Measure plain and TLS."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--files", type=int, default=60)
    options.add_argument("--megabytes", type=int, default=8, help="MiB of each file")
    options.add_argument("--only", choices=("plain", "tls"))
    options.add_argument("--child", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        serve_runs(chosen.child)
        return
    for protocol in ("plain", "tls"):
        if chosen.only in (None, protocol):
            with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as folder:
                measure(
                    Path(folder),
                    rounds=chosen.rounds,
                    files=chosen.files,
                    size=chosen.megabytes * MIB,
                    encrypted=protocol == "tls",
                )


if __name__ == "__main__":
    main()
