"""What it costs to be watched: many clients that poll, or listen, while four transfers run.

    ./dev bench many_watchers [--clients 500] [--seconds 20] [--redis]

A real `tonearm serve` fetches four tracks from a slow nginx, which go on for all the time, and has more jobs in its
queue than the first page shows. Then the clients of `crowd.py`, a program of its own, poll `/dashboard` twice a second
each, and after that listen to the events while ten jobs a second change. What is quoted is the CPU of the server (user
plus system time of the process over the time on the clock, the transfers' part stated beside it), how long answers and
events took, and what the resident memory of the server grew by for each stream.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.album_memory import resident
from benchmarks.crowd import Found, crowd
from benchmarks.redis_server import redis_server
from benchmarks.report import Figure, Report, Table, at_most
from benchmarks.served import Served, served
from tests.support.filed_catalog import FiledCatalog
from tests.support.nginx import nginx

TRANSFERS = 4
QUEUED = 300
"""Jobs that wait: the page that is polled is full."""
SIZE = 1_000_000_000
RATE = "100k"
"""Bytes a second of each transfer: none of them ends while it is measured."""
SPARE_FILES = 200
SETTLE_S = 2.0
WARM_UP = 20
"""Clients of a first round that nobody measures."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one crowd showed: the server's CPU in cores, its bytes of memory more a client, and what the clients saw."""

    cores: float
    memory: float
    found: Found

    def row(self, name: str, seconds: float) -> list[str]:
        """As a line of the table."""
        found = self.found
        return [
            name,
            f"{self.cores:.2f}",
            *(f"{found.ms(part):.1f}" for part in (0.5, 0.99, 1)),
            f"{found.count / seconds:,.0f}",
            f"{found.bytes / seconds / 1e6:.1f}",
            f"{found.unchanged / found.count * 100:.1f} %" if found.unchanged else "-",
            f"{self.memory / 1000:.1f}",
            f"{found.cores:.2f}",
        ]


def need_files(count: int) -> None:
    """Let this process, and those that it starts, open so many files.

    Raises:
        SystemExit: the system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    if hard < count:
        raise SystemExit(
            f"{count} files have to be open at a time, and {hard} may be: raise it with ulimit -Hn {count}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def offer(catalog: FiledCatalog, folder: Path) -> None:
    """Tracks that take longer than anybody waits."""
    file = folder / "long.flac"
    with file.open("wb") as hole:
        hole.truncate(SIZE)  # which costs no disk
    for number in range(1, TRANSFERS + 1):
        catalog.track(number, f"Track {number}", {"LOSSLESS": file})


def busy(server: Served) -> None:
    """Let the transfers run, and fill the queue behind them."""
    for number in range(1, TRANSFERS + QUEUED + 1):
        server.submit("track", number)
    while server.call("GET", "/stats")["worker"]["activeDownloads"] < TRANSFERS:
        time.sleep(0.05)
    time.sleep(SETTLE_S)


def watched(server: Served, what: str, clients: int, seconds: float) -> Part:
    """Let a crowd do its work."""
    before = resident(server.pid)
    with crowd(what, server.url, clients, seconds) as one:
        time.sleep(SETTLE_S)
        memory = (resident(server.pid) - before) / clients
        cpu, begun = server.cpu_s(), time.perf_counter()
        one.begin()
        one.wait()
        cores = (server.cpu_s() - cpu) / (time.perf_counter() - begun)
        found = one.found()
    assert not found.missed, f"{found.missed} events did not arrive"
    return Part(cores, memory, found)


def alone(server: Served, seconds: float) -> float:
    """The cores that the server takes with nobody watching."""
    cpu, begun = server.cpu_s(), time.perf_counter()
    time.sleep(seconds)
    return (server.cpu_s() - cpu) / (time.perf_counter() - begun)


@dataclass(frozen=True, slots=True)
class Watched:
    """All parts: the cores with nobody watching, the load of the machine before, the streams and the polls."""

    clients: int
    seconds: float
    alone: float
    load: float
    streams: Part
    polls: Part


def measure(folder: Path, clients: int, seconds: float, settings: Mapping[str, Any]) -> Watched:
    """Watch one server, first by streams, as nothing else has taken memory by then."""
    with nginx(folder / "web", FiledCatalog.server(f"limit_rate {RATE};")) as web:
        catalog = FiledCatalog(web)
        offer(catalog, folder)
        (folder / "server").mkdir()
        with served(folder / "server", catalog.url, **settings) as server:
            busy(server)
            for what in ("listen", "poll"):
                watched(server, what, WARM_UP, 1)  # what is loaded once is loaded
            load, least = os.getloadavg()[0], alone(server, min(seconds, 5.0))
            streams = watched(server, "listen", clients, seconds)
            polls = watched(server, "poll", clients, seconds)
            assert server.call("GET", "/stats")["worker"]["activeDownloads"] == TRANSFERS
    return Watched(clients, seconds, least, load, streams, polls)


def run(clients: int = 500, seconds: float = 20.0, *, redis: bool = False) -> Report:
    """Measure and report."""
    need_files(clients + SPARE_FILES)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tonearm-bench-")))
        settings: dict[str, Any] = {"QUEUE_MAX_STREAMS": clients * 10, "QUEUE_CRITICAL_SIZE": 10 * QUEUED}
        if redis:
            settings["REDIS_URL"] = stack.enter_context(redis_server(folder / "redis")).url
        return _report(measure(folder, clients, seconds, settings), ", Redis" if redis else "")


def _report(seen: Watched, where: str) -> Report:
    polls, streams = seen.polls, seen.streams
    many_polls, many_streams = f"{seen.clients} clients poll /dashboard", f"{seen.clients} event streams"
    figures = [
        Figure(f"{many_polls}, server CPU{where}", [polls.cores], "{:.2f} cores", at_most(1.0)),
        Figure(f"{many_polls}, p99{where}", [polls.found.ms(0.99)], "{:.1f} ms", at_most(100.0)),
        Figure(f"{many_streams}, server CPU{where}", [streams.cores], "{:.2f} cores", at_most(1.0)),
        Figure(f"{many_streams}, change to event, p99{where}", [streams.found.ms(0.99)], "{:.1f} ms", at_most(100.0)),
        Figure(f"memory of an event stream{where}", [streams.memory / 1000], "{:.1f} kB", at_most(64.0)),
    ]
    table = Table(
        f"{seen.clients} clients watch {TRANSFERS} transfers and {QUEUED} waiting jobs{where}",
        (
            "",
            "server, cores",
            "median, ms",
            "p99, ms",
            "most, ms",
            "a second",
            "MB/s",
            "304",
            "kB each",
            "crowd, cores",
        ),
        [
            polls.row("poll /dashboard twice a second", seen.seconds),
            streams.row("listen, ten changes a second", seen.seconds),
        ],
        f"Over {seen.seconds:g} s each; with nobody watching the server takes {seen.alone:.2f} cores. kB each: what "
        f"its memory grew by, a client. The load of the machine before was {seen.load:.1f}.",
    )
    return Report(figures, [table], asdict(seen))


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each part")
    parser.add_argument("--redis", action="store_true", help="with the queue in Redis")
    given = parser.parse_args()
    print(run(given.clients, given.seconds, redis=given.redis).text())


if __name__ == "__main__":
    main()
