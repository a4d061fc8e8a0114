"""How large the SQLite file is after very many jobs came and went, against the data that is left in it.

    ./dev bench file_size [--jobs 100000] [--left 1000]

So many jobs come and end within a day, tracks and albums, some of them failed or cancelled, and go when their retention
is over; fewer follow on each day of the next ten, which is what is left at the end, with the failed ones of a week. The
days pass on a clock that is moved; upkeep is done once an hour of it, as by a worker. After each upkeep the file with
its log is compared with its live data: the size of a copy which SQLite writes anew (VACUUM INTO). At last all jobs go,
and an emptied file is compared with a new one. It says nothing about speed.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import apsw
from benchmarks.report import Figure, Report, Table, at_most

from tonearm.errors import FailureCode
from tonearm.model import (
    AlbumInfo,
    AlbumTrack,
    Claim,
    ClaimRequest,
    Completed,
    Failed,
    Failure,
    JobSpec,
    JobType,
    Publication,
    Quality,
    Retention,
    Submission,
    SubmitLimits,
    TaskKind,
)
from tonearm.ops import logs
from tonearm.store.pruning import prune_all
from tonearm.store.sqlite import SqliteStore, open_sqlite

GOAL = 1.5
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DAYS_AFTER = 10
AT_ONCE = 50
LEASE_MS = 60_000
ALBUM_EVERY, FAILED_EVERY, CANCELLED_EVERY = 20, 12, 30
TRACKS = 10
CLIENTS = 7
RETENTION = Retention(DAY_MS, 7 * DAY_MS, DAY_MS)
NOTHING = Retention(0, 0, 0)
FAILURE = Failed(Failure(FailureCode.NOT_FOUND, "Track not found"))


class MovedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._ms = 1_763_900_000_000

    def wall_ms(self) -> int:
        """Milliseconds of the wall clock."""
        return self._ms

    def elapsed_ms(self) -> int:
        """Milliseconds since some moment."""
        return self._ms

    def boot_id(self) -> str:
        """The one boot of this clock."""
        return "boot"

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self._ms += ms


@dataclass(slots=True)
class Sizes:
    """Bytes of the file and of its log, and of a copy that is written anew."""

    file: int
    log: int
    live: int

    @property
    def ratio(self) -> float:
        """How many times its live data the file takes with its log."""
        return (self.file + self.log) / self.live


@dataclass(slots=True)
class Course:
    """What was measured: at the end of the first day, after each upkeep since those jobs went, and when all went."""

    peak: Sizes
    after: list[Sizes] = field(default_factory=list[Sizes])
    emptied: Sizes = field(default_factory=lambda: Sizes(0, 0, 1))


def sizes(database: Path) -> Sizes:
    """Look at a database that is open."""
    log = database.with_name(f"{database.name}-wal")
    copy = database.with_name("live.db")
    with closing(apsw.Connection(str(database))) as db:
        db.wal_autocheckpoint(0)
        db.execute("VACUUM INTO ?", (str(copy),))
        found = Sizes(database.stat().st_size, log.stat().st_size, copy.stat().st_size)
    copy.unlink()
    return found


class Life:
    """The jobs of one store, and the days that pass over them."""

    def __init__(self, store: SqliteStore, clock: MovedClock, database: Path) -> None:
        self._store = store
        self._clock = clock
        self._database = database
        self._numbers = count(1)
        self._turns = count()

    async def day(self, jobs: int) -> list[Sizes]:
        """Let so many jobs come and end, spread over a day, and look at the file after each hour's upkeep."""
        found: list[Sizes] = []
        for hour in range(24):
            share = jobs * (hour + 1) // 24 - jobs * hour // 24
            for begin in range(0, share, AT_ONCE):
                await self._work(min(AT_ONCE, share - begin))
            self._clock.advance(HOUR_MS)
            await prune_all(self._store, RETENTION)
            found.append(sizes(self._database))
        return found

    async def _work(self, jobs: int) -> None:
        client = f"client {next(self._turns) % CLIENTS}"
        new = [self._submission(client, next(self._numbers)) for _ in range(jobs)]
        await self._store.submit_many(new, SubmitLimits())
        for cancelled in new[::CANCELLED_EVERY]:
            await self._store.cancel(cancelled.id)
        while claims := (await self._store.claim(ClaimRequest("w1", AT_ONCE, AT_ONCE, LEASE_MS))).claims:
            await asyncio.gather(*map(self._bring, claims))

    def _submission(self, client: str, number: int) -> Submission:
        kind = JobType.TRACK if number % ALBUM_EVERY else JobType.ALBUM
        spec = JobSpec(kind, number, Quality.LOSSLESS, f"Title {number}", f"Album {number}", "Artist")
        return Submission(f"job-{self._clock.wall_ms()}-{number}", client, spec)

    async def _bring(self, claim: Claim) -> None:
        if claim.kind is TaskKind.RESOLVE:
            album = AlbumInfo(claim.spec.catalog_id, "Album", "Artist", track_count=TRACKS)
            tracks = [AlbumTrack(10_000 + n, f"Title {n}", track_number=n) for n in range(1, TRACKS + 1)]
            await self._store.expand(claim, album, 1, tracks, last=True)
            return
        if claim.spec.catalog_id % FAILED_EVERY == 0:
            await self._store.settle(claim, FAILURE)
            return
        published = Publication(f"Artist/Album {claim.spec.catalog_id}/01 Title.flac", 8_000_000, claim.spec.catalog_id)
        await self._store.commit(claim, published)
        await self._store.settle(claim, Completed((published.path,), published.size, 900))

    async def empty(self) -> Sizes:
        """Let everything go."""
        self._clock.advance(2 * DAY_MS)
        await prune_all(self._store, NOTHING)
        return sizes(self._database)


async def measure(folder: Path, jobs: int, left: int) -> Course:
    """Live through it."""
    clock, database = MovedClock(), folder / "queue.db"
    store = await open_sqlite(database, clock)
    try:
        life = Life(store, clock, database)
        *_, peak = await life.day(jobs)
        course = Course(peak)
        await life.day(left)
        for _ in range(DAYS_AFTER - 1):
            course.after.extend(await life.day(left))
        course.emptied = await life.empty()
        assert await store.audit() == ()
    finally:
        await store.close()
    return course


def run(jobs: int = 100_000, left: int = 1_000) -> Report:
    """Measure and report."""
    logs.configure("text", "ERROR")
    with tempfile.TemporaryDirectory() as folder:
        course = asyncio.run(measure(Path(folder), jobs, left))
    ratios = [each.ratio for each in course.after]
    moments = {"when all had come": course.peak, "at the end": course.after[-1], "emptied": course.emptied}
    rows = [
        [moment, *(f"{value / 1e6:,.2f}" for value in (each.file, each.log, each.live)), f"{each.ratio:.2f}"]
        for moment, each in moments.items()
    ]
    title = f"SQLite file: {jobs:,} jobs came and went, then {left:,} a day"
    table = Table(title, ("", "file MB", "log MB", "live MB", "ratio"), rows)
    figures = [
        Figure("file with its log to its live data, after each upkeep", ratios, "{:.2f}x", at_most(GOAL)),
        Figure("the most of these", [max(ratios)], "{:.2f}x", at_most(GOAL)),
        Figure("emptied file to a new one", [course.emptied.ratio], "{:.2f}x", at_most(GOAL)),
    ]
    return Report(figures, [table], {"ratios": ratios})


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs that come and go")
    parser.add_argument("--left", type=int, default=1_000, help="jobs of each day after that")
    print(run(**vars(parser.parse_args())).text())


if __name__ == "__main__":
    main()
