"""How soon a server with a very long queue answers, beside one with a short queue.

    ./dev bench long_queue [--unfinished 10000] [--finished 100000] [--few 1000] [--rounds 500] [--redis]

Two stores are filled (SQLite by SQL and through the store, Redis through the store), one with that many jobs and one
with *few*, half of them finished. Over each runs a real `tonearm serve` with `synchronous=FULL` or an append-only file
that is synced once a second; its queue is paused, so that it stays as long as it is. Both are asked in turns, one
request after the other on a connection that is kept: a track is submitted, and then, since that makes a new revision,
nothing of the figures and of the first page is ready when they are asked for. Then the track is deleted. An answer
counts from sending the request until its last byte is here.

Beside Redis, the design that was replaced answers the same two questions by reading and filtering all of its records.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
from benchmarks import claim_depth, replaced, store_depth
from benchmarks.queues import tonearm as ours
from benchmarks.redis_server import redis_server
from benchmarks.report import Figure, Report, Table, at_most, spread
from benchmarks.served import Served, served
from tests.support.server import API

from tonearm.clock import SystemClock
from tonearm.model import ControlChange
from tonearm.store.base import Store
from tonearm.store.redis import open_redis
from tonearm.store.sqlite import open_sqlite

NOBODY = "http://127.0.0.1:9/catalog"
"""A catalog that is never asked."""

WARM_UP = 20
GROUP = 50
"""Rounds whose medians make one ratio."""
RATIO = 1.3
PAGE = 200
REPLACED_READS = 600_000
"""Records that the replaced design reads in all at each depth, which tells how often it is asked; thrice at least."""

SUBMIT, STATS, FIRST_PAGE, COMPLETED, DELETE = "submit", "/stats", "first page", "completed jobs", "delete"
GOALS_MS: Mapping[str, float] = {SUBMIT: 20.0, STATS: 5.0, FIRST_PAGE: 50.0}
SQLITE_SUBMIT_MS = 40.0

_numbers = itertools.count(5_000_000)


@dataclass(slots=True)
class Depth:
    """One server: its jobs, and the milliseconds of each question."""

    unfinished: int
    finished: int
    server: Served
    ms: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    replaced_ms: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    @property
    def jobs(self) -> int:
        """All of them."""
        return self.unfinished + self.finished


class Asking:
    """A connection that is kept, and a clock beside it."""

    def __init__(self, depth: Depth) -> None:
        self._depth = depth
        self._http = http.client.HTTPConnection("127.0.0.1", depth.server.port, timeout=20)

    def ask(self, what: str, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """One question; its answer."""
        headers = {"Content-Type": "application/json"} if body else {}
        begun = time.perf_counter()
        self._http.request(method, f"{API}{path}", body, headers)
        answer = self._http.getresponse()
        text = answer.read()
        self._depth.ms.setdefault(what, []).append((time.perf_counter() - begun) * 1000)
        assert answer.status in (200, 201), text
        read: dict[str, Any] = json.loads(text)
        return read

    def round(self) -> None:
        """Each question once; afterwards the queue is as long as it was."""
        job = {"type": "track", "trackId": next(_numbers), "quality": "LOSSLESS", "trackTitle": "New"}
        added = self.ask(SUBMIT, "POST", "", json.dumps({"job": job}).encode())["jobId"]
        counts = self.ask(STATS, "GET", "/stats")["queue"]
        assert counts["total"] == self._depth.jobs + 1, counts
        assert self.ask(FIRST_PAGE, "GET", "")["count"] == PAGE
        assert self.ask(COMPLETED, "GET", "?status=completed")["count"] == PAGE
        self.ask(DELETE, "DELETE", f"/{added}")


async def fill(store: Store, unfinished: int) -> None:
    """Let so many jobs wait, and nothing be claimed of them."""
    await store.steer(ControlChange(paused=True))
    await ours.submit(store, unfinished)
    await store.close()


async def fill_sqlite(database: Path, unfinished: int, finished: int) -> None:
    """Make a database with so many jobs."""
    await (await open_sqlite(database, SystemClock())).close()
    store_depth.fill(database, finished)
    await fill(await open_sqlite(database, SystemClock()), unfinished)


async def fill_redis(url: str, unfinished: int, finished: int) -> None:
    """Make a queue in Redis with so many jobs."""
    store: Store = await open_redis(url, SystemClock())
    await claim_depth.fill(store, finished)
    await fill(store, unfinished)


def prepared(stack: ExitStack, folder: Path, unfinished: int, finished: int, *, redis: bool) -> Depth:
    """A server over a store that is filled."""
    folder.mkdir()
    settings: dict[str, Any] = {"QUEUE_MAX_SIZE": 10_000_000, "QUEUE_CRITICAL_SIZE": 10_000_000}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if redis:
            behind = stack.enter_context(redis_server(folder / "redis", append=False))
            settings["REDIS_URL"] = behind.url
            runner.run(fill_redis(behind.url, unfinished, finished))
            behind.begin_to_append()
        else:
            runner.run(fill_sqlite(folder / "queue.db", unfinished, finished))
    server = stack.enter_context(served(folder, NOBODY, **settings))
    server.wait_until_ready()
    return Depth(unfinished, finished, server)


def replaced_design(folder: Path, depth: Depth) -> None:
    """The same two questions to the replaced design."""
    questions: Mapping[str, Callable[[], object]] = {
        STATS: lambda: replaced.stats(server),
        FIRST_PAGE: lambda: replaced.first_page(server, PAGE),
    }
    with redis_server(folder, append=False) as server:
        replaced.fill(server, depth.finished, depth.unfinished)
        for what, question in questions.items():
            times = depth.replaced_ms[what] = []
            for _ in range(max(3, REPLACED_READS // depth.jobs)):
                begun = time.perf_counter()
                question()
                times.append((time.perf_counter() - begun) * 1000)


def run(
    unfinished: int = 10_000, finished: int = 100_000, few: int = 1_000, rounds: int = 500, *, redis: bool = False
) -> Report:
    """Measure and report, with the queue in SQLite or in Redis."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tonearm-bench-")))
        print("  filling the stores", file=sys.stderr, flush=True)
        short = prepared(stack, folder / "short", few // 2, few // 2, redis=redis)
        long = prepared(stack, folder / "long", unfinished, finished, redis=redis)
        asking = [Asking(short), Asking(long)]
        load = os.getloadavg()[0]
        for number in range(WARM_UP + rounds):
            for one in asking if number % 2 else reversed(asking):
                one.round()
        for depth in (short, long):
            depth.ms = {what: times[WARM_UP:] for what, times in depth.ms.items()}
            if redis:
                replaced_design(folder / f"replaced-{depth.jobs}", depth)
    return _report(short, long, load, redis=redis)


def _report(short: Depth, long: Depth, load: float, *, redis: bool) -> Report:
    where = "Redis" if redis else "SQLite"
    goals = GOALS_MS if redis else {**GOALS_MS, SUBMIT: SQLITE_SUBMIT_MS}
    figures: list[Figure] = []
    for what, most in goals.items():
        name = f"{what} with {long.jobs:,} jobs, {where}"
        figures.append(Figure(f"{name}, p99", [p99(long.ms[what])], "{:.1f} ms", at_most(most)))
        figures.append(Figure(f"{name}, to {short.jobs:,}", ratios(short, long, what), "{:.2f}x", at_most(RATIO)))
    depths = (short, long)
    head = ["", *(f"{depth.jobs:,} jobs: {value}, ms" for depth in depths for value in ("median", "p99"))]
    rows: list[list[str]] = []
    for what in long.ms:
        values = [value for depth in depths for value in (statistics.median(depth.ms[what]), p99(depth.ms[what]))]
        rows.append([what, *map("{:.1f}".format, values)])
        if redis:
            rows[-1] += [spread(depth.replaced_ms.get(what, ()), "{:,.0f}") for depth in depths]
    if redis:
        head += [f"{depth.jobs:,} in one hash, ms" for depth in depths]
    note = f"{long.unfinished:,} of {long.jobs:,} jobs unfinished. The load of the machine before was {load:.1f}."
    raw = {f"{depth.jobs}": {"ms": depth.ms, "replaced_ms": depth.replaced_ms} for depth in depths}
    return Report(figures, [Table(f"A long queue, {where}", head, rows, note)], raw)


def p99(ms: list[float]) -> float:
    """What 99 of 100 answers took at most, milliseconds."""
    return statistics.quantiles(ms, n=100, method="inclusive")[98]


def ratios(short: Depth, long: Depth, what: str) -> list[float]:
    """How much longer the long queue takes: the ratio of the medians of each group of rounds."""
    pairs = list(zip(short.ms[what], long.ms[what], strict=True))
    groups = [pairs[begin : begin + GROUP] for begin in range(0, len(pairs), GROUP)]
    medians = [[statistics.median(side) for side in zip(*group, strict=True)] for group in groups]
    return [slow / quick for quick, slow in medians]


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unfinished", type=int, default=10_000)
    parser.add_argument("--finished", type=int, default=100_000)
    parser.add_argument("--few", type=int, default=1_000, help="jobs of the short queue, half of them finished")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--redis", action="store_true", help="with the queue in Redis")
    print(run(**vars(parser.parse_args())).text())


if __name__ == "__main__":
    main()
