"""How fast the SQLite store hands out and settles tasks, with few and with very many finished jobs in it.

    ./dev bench store_depth [--few 1000] [--many 1000000] [--rounds 15] [--tasks 400]

Two databases on disk are filled with finished jobs (by SQL, not one by one) and then worked in turns: submit *tasks*
jobs, then claim, commit and settle them four at a time, as one worker does, each call answered after its commit to
disk. Only the second part is timed. The rounds are interleaved, so that whatever else the machine does hits both alike,
and the ratio is the median of those of each pair of rounds. The figure is bound by fsync (three commits for four tasks,
waited for one after the other), and so is a real worker's. Beside it stands what one task costs in CPU (the whole
process), where the disk hides nothing. It says how the cost grows with the history, not how many tasks a busier process
could settle. The databases lie in the folder for temporary files; TMPDIR names another disk.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import apsw
from benchmarks.report import Figure, Report, Table, at_most, spread

from tonearm.clock import SystemClock
from tonearm.model import (
    ClaimRequest,
    Completed,
    JobSpec,
    JobType,
    Publication,
    Quality,
    Submission,
    SubmitLimits,
)
from tonearm.store.sqlite import SqliteStore, open_sqlite

AT_ONCE = 4
LEASE_MS = 60_000
GOAL = 1.2
NO_LIMITS = SubmitLimits()
PUBLICATION = Publication("Artist/Album/01 Title.flac", 8_000_000, 4711)
DONE = Completed((PUBLICATION.path,), PUBLICATION.size, 900)

FILL = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
INSERT INTO task (id, type, client, catalog_id, quality, track_title, album_title, artist_name, priority, max_retries,
                  state, created_at, updated_at, started_at, finished_at, epoch, ended_token, bytes_done, bytes_total,
                  best_phase, best_bytes, publication, files, file_count, size, download_ms)
SELECT printf('job-%d-%010d', ?2, n), 'track', 'client ' || (n % 20), n, 'LOSSLESS', 'Title ' || n,
       'Album ' || (n / 12), 'Artist', 1, 3, 'completed', ?2 - ?1 + n, ?2 - ?1 + n, ?2 - ?1 + n, ?2 - ?1 + n, 1,
       '1:' || hex(randomblob(8)),
       8000000, 8000000, 3, 0, '{"path":"Artist/Album/01 Title.flac","size":8000000,"inode":4711}',
       '["Artist/Album/01 Title.flac"]', 1, 8000000, 900
FROM number
"""
HISTORY = """
INSERT INTO history (job, number, at, event, attempt)
SELECT seq, k, finished_at, CASE k WHEN 1 THEN 'submitted' WHEN 2 THEN 'started' ELSE 'completed' END, 1
FROM task, (SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 3)
"""
COUNTERS = (
    "INSERT INTO counter (name, value) VALUES ('status:completed', ?1), ('timed', ?1), ('duration_ms', 0), "
    "('download_ms', ?1 * 900)"
)

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Depth:
    """One database: its finished jobs; of each round, tasks per second and the process's CPU microseconds per task."""

    finished: int
    store: SqliteStore
    rates: list[float]
    cpu_us: list[float]


def fill(database: Path, finished: int) -> None:
    """Enter so many finished jobs at once."""
    db = apsw.Connection(str(database))
    db.pragma("synchronous", "OFF")
    with db:
        db.execute(FILL, (finished, time.time_ns() // 1_000_000))
        db.execute(HISTORY)
        db.execute(COUNTERS, (finished,))
    db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    db.close()


async def prepare(folder: Path, finished: int) -> Depth:
    """Make a database, fill it, and check that it agrees with itself."""
    database = folder / f"{finished}.db"
    await (await open_sqlite(database, SystemClock())).close()
    await asyncio.to_thread(fill, database, finished)
    return Depth(finished, await open_sqlite(database, SystemClock()), [], [])


async def work(depth: Depth, tasks: int) -> None:
    """Submit, then time how long claiming and settling takes."""
    store = depth.store
    specs = [JobSpec(JobType.TRACK, 2_000_000 + next(_numbers), Quality.LOSSLESS) for _ in range(tasks)]
    submissions = [Submission(f"job-1-{spec.catalog_id}", f"client {spec.catalog_id % 5}", spec) for spec in specs]
    await asyncio.gather(*(store.submit(one, NO_LIMITS) for one in submissions))
    begun, cpu = time.perf_counter(), time.process_time()
    settled = 0
    while claims := (await store.claim(ClaimRequest("worker", AT_ONCE, 0, LEASE_MS))).claims:
        await asyncio.gather(*(store.commit(claim, PUBLICATION) for claim in claims))
        await asyncio.gather(*(store.settle(claim, DONE) for claim in claims))
        settled += len(claims)
    assert settled == tasks
    depth.rates.append(tasks / (time.perf_counter() - begun))
    depth.cpu_us.append((time.process_time() - cpu) / tasks * 1e6)


async def measure(few: int, many: int, rounds: int, tasks: int) -> list[Depth]:
    """Work both databases in turns; the first round of each only warms up."""
    with tempfile.TemporaryDirectory() as folder:
        depths = [await prepare(Path(folder), few), await prepare(Path(folder), many)]
        for number in range(rounds + 1):
            for depth in depths if number % 2 else reversed(depths):
                await work(depth, tasks)
        for depth in depths:
            del depth.rates[0], depth.cpu_us[0]
            assert (await depth.store.counts()).completed == depth.finished + (rounds + 1) * tasks
            await depth.store.close()
    return depths


def run(few: int = 1_000, many: int = 1_000_000, rounds: int = 15, tasks: int = 400) -> Report:
    """Measure and report."""
    depths = asyncio.run(measure(few, many, rounds, tasks))
    ratios = [one / other for one, other in zip(depths[0].rates, depths[1].rates, strict=True)]
    rows = [
        [f"{depth.finished:,}", spread(depth.rates, "{:,.0f}"), spread(depth.cpu_us, "{:,.0f}")] for depth in depths
    ]
    table = Table("SQLite store: claim and settle", ("finished jobs", "a second", "CPU us a task"), rows)
    raw = {
        "depths": [{"finished": depth.finished, "per_second": depth.rates, "cpu_us": depth.cpu_us} for depth in depths]
    }
    figure = Figure(f"claim + settle at {few:,} finished to that at {many:,}", ratios, "{:.2f}x", at_most(GOAL))
    return Report([figure], [table], raw)


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=1_000, help="finished jobs in the small database")
    parser.add_argument("--many", type=int, default=1_000_000, help="finished jobs in the large one")
    parser.add_argument("--rounds", type=int, default=15, help="timed rounds of each")
    parser.add_argument("--tasks", type=int, default=400, help="tasks a round")
    print(run(**vars(parser.parse_args())).text())


if __name__ == "__main__":
    main()
