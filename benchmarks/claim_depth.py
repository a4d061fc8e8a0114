"""How long a claim takes in Redis, with few and with very many records, beside the design that was replaced.

    ./dev bench claim_depth [--few 1000] [--some 100000] [--many 1000000] [--rounds 15] [--claims 100]

Three servers are filled with finished jobs through the store itself, and then worked in turns: in every round some
tracks are submitted, and each claim that fetches one of them is timed by itself; committing and settling are not. The
ratio is that of the medians of each round.

The design that was replaced kept all records in one hash, as JSON, and read and filtered all of them at every claim. It
is measured here as it stood, over the same numbers of records, with fewer claims the longer they take.

Filling a million jobs takes minutes. It is done without the append-only file, which is then written once and kept up
while it is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from benchmarks import replaced
from benchmarks.queues import tonearm as ours
from benchmarks.redis_server import RedisServer, redis_server
from benchmarks.report import Figure, Report, Table, at_most, spread

from tonearm.clock import SystemClock
from tonearm.model import ClaimRequest
from tonearm.store.base import Store
from tonearm.store.redis import open_redis

GOAL = 1.2
STEP = 2_000
"""Jobs that stand in the queue at the same time while it is filled."""
PROGRESS = 100_000
REPLACED_READS = 2_000_000
"""Records that the replaced design reads in all at each depth, which tells how often it claims; at least twice."""
REPLACED_CLAIMS = (2, 50)


@dataclass(slots=True)
class Depth:
    """One server: its finished jobs, the median of each round and the replaced design's claims, milliseconds."""

    finished: int
    server: RedisServer
    store: Store
    claim_ms: list[float] = field(default_factory=list[float])
    replaced_ms: list[float] = field(default_factory=list[float])


async def fill(store: Store, count: int) -> None:
    """Bring so many jobs to their end, a step at a time."""
    for begin in range(0, count, STEP):
        if begin and begin % PROGRESS == 0:
            print(f"  {begin:,} of {count:,} jobs", file=sys.stderr, flush=True)
        await ours.submit(store, min(STEP, count - begin))
        await ours.drain(store)


async def claim_one_by_one(depth: Depth, claims: int) -> None:
    """Submit some tracks and time each claim."""
    await ours.submit(depth.store, claims)
    times: list[float] = []
    for _ in range(claims):
        begun = time.perf_counter()
        claimed = await depth.store.claim(ClaimRequest("worker 0", 1, 0, ours.LEASE_MS))
        times.append((time.perf_counter() - begun) * 1000)
        (claim,) = claimed.claims
        await depth.store.commit(claim, ours.PUBLICATION)
        await depth.store.settle(claim, ours.DONE)
    depth.claim_ms.append(statistics.median(times))


async def measure(counts: Sequence[int], rounds: int, claims: int) -> list[Depth]:
    """Fill the servers, work them in turns (the first round only warms up), and then do the same the old way."""
    depths: list[Depth] = []
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as name:
        async with AsyncExitStack() as stack:
            for count in counts:
                server = stack.enter_context(redis_server(Path(name) / f"{count}", append=False))
                store: Store = await open_redis(server.url, SystemClock())
                stack.push_async_callback(store.close)
                await fill(store, count)
                server.begin_to_append()
                depths.append(Depth(count, server, store))
            for number in range(rounds + 1):
                for depth in depths if number % 2 else reversed(depths):
                    await claim_one_by_one(depth, claims)
            for depth in depths:
                del depth.claim_ms[0]
                assert (await depth.store.counts()).completed == depth.finished + (rounds + 1) * claims
    return depths


def replaced_design(folder: Path, depth: Depth) -> None:
    """The replaced design at the same depth: all records in one hash, read and filtered at every claim."""
    least, most = REPLACED_CLAIMS
    with redis_server(folder, append=False) as server:
        replaced.fill(server, depth.finished)
        server.begin_to_append()
        for number in range(min(most, max(least, REPLACED_READS // depth.finished))):
            replaced.submit(server, depth.finished + number)
            begun = time.perf_counter()
            replaced.claim(server)
            depth.replaced_ms.append((time.perf_counter() - begun) * 1000)


def run(counts: Sequence[int] = (1_000, 100_000, 1_000_000), rounds: int = 15, claims: int = 100) -> Report:
    """Measure and report."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        depths = runner.run(measure(counts, rounds, claims))
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as name:
        for depth in depths:
            replaced_design(Path(name) / f"{depth.finished}", depth)
    least = depths[0]
    figures = [
        Figure(
            f"claim in Redis at {depth.finished:,} finished to that at {least.finished:,}",
            [one / other for one, other in zip(depth.claim_ms, least.claim_ms, strict=True)],
            "{:.2f}x",
            at_most(GOAL),
        )
        for depth in depths[1:]
    ]
    rows = [
        [f"{depth.finished:,}", spread(depth.claim_ms, "{:.2f}"), spread(depth.replaced_ms, "{:,.1f}")]
        for depth in depths
    ]
    head = ("finished jobs", "a claim, ms", "all records in one hash, ms")
    raw = {f"{depth.finished}": {"claim_ms": depth.claim_ms, "replaced_ms": depth.replaced_ms} for depth in depths}
    return Report(figures, [Table("Redis store: one claim", head, rows)], raw)


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--some", type=int, default=100_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15, help="timed rounds of each")
    parser.add_argument("--claims", type=int, default=100, help="claims a round")
    given = parser.parse_args()
    print(run((given.few, given.some, given.many), given.rounds, given.claims).text())


if __name__ == "__main__":
    main()
