"""Slack: the file gives back what it does not need, step by step, and beside what else happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import apsw
import pytest
from benchmarks import file_size
from tests.contract.steps import KEEP_NOTHING, NO_LIMITS, submit, track
from tests.support.clock import DAY, FakeClock
from tests.support.counts import count
from tests.support.quick import quick_folder

from tonearm.store.pruning import prune_all
from tonearm.store.sqlite import SqliteStore, file, open_sqlite, slack

JOBS = 500


def size(database: Path) -> int:
    """Bytes of the file and of its log."""
    log = database.with_name(f"{database.name}-wal")
    return database.stat().st_size + (log.stat().st_size if log.exists() else 0)


def auto_vacuum(database: Path) -> int:
    """What the file itself says."""
    with closing(apsw.Connection(str(database))) as db:
        return int(db.pragma("auto_vacuum"))


@pytest.fixture
def database() -> Iterator[Path]:
    """In memory: what is asked here is how large a file is, and not whether it survives."""
    with quick_folder() as place:
        yield place / "queue" / "queue.db"


async def fill(store: SqliteStore, clock: FakeClock) -> None:
    """Many jobs that are over, and old."""
    jobs = await asyncio.gather(*[store.submit(track(), NO_LIMITS) for _ in range(JOBS)])
    await asyncio.gather(*[store.cancel(job.job_id) for job in jobs])
    clock.advance(2 * DAY)


async def test_a_file_stays_within_half_again_of_its_live_data() -> None:
    """After each upkeep, whatever came and went; and an emptied one is as small as a new one."""
    with quick_folder() as place:
        course = await file_size.measure(place, count(400, 20_000), count(25, 500))

    assert course.peak.file > file_size.GOAL * course.after[-1].file
    assert max(sizes.ratio for sizes in course.after) <= file_size.GOAL
    assert course.emptied.ratio <= file_size.GOAL


async def test_pruning_gives_the_disk_its_room_back(store: SqliteStore, database: Path, clock: FakeClock) -> None:
    """The file is cut and its log emptied, without being closed."""
    new = size(database)
    await fill(store, clock)
    full = size(database)
    await prune_all(store, KEEP_NOTHING)

    assert size(database) < new + (full - new) / 4
    assert database.with_name("queue.db-wal").stat().st_size == 0
    assert await store.audit() == ()


async def test_a_step_is_bounded(
    store: SqliteStore, database: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says whether there is more."""
    monkeypatch.setattr(slack, "STEP_PAGES", 16)
    await fill(store, clock)
    while (await store.prune(KEEP_NOTHING)).more:
        pass
    pages = [database_pages(database)]
    while await store.give_back():
        pages.append(database_pages(database))

    steps = [before - after for before, after in pairwise(pages)]
    assert len(steps) > 1
    assert max(steps) <= slack.STEP_PAGES


def database_pages(database: Path) -> int:
    """Pages that the database has by now, as another reader sees it."""
    with closing(file.connect(database, writes=False)) as db:
        return int(db.pragma("page_count"))


async def test_who_reads_meanwhile_goes_on_reading(store: SqliteStore, database: Path, clock: FakeClock) -> None:
    """A long read keeps the log from being emptied, and nobody waits for it; the next time it is."""
    await fill(store, clock)
    with closing(file.connect(database, writes=False)) as reader:
        reader.execute("BEGIN")
        (before,) = reader.execute("SELECT count(*) FROM task")
        await prune_all(store, KEEP_NOTHING)
        assert list(reader.execute("SELECT count(*) FROM task")) == [before] == [(JOBS,)]
        assert database.with_name("queue.db-wal").stat().st_size > 0
        reader.execute("ROLLBACK")

    assert not await store.give_back()
    assert database.with_name("queue.db-wal").stat().st_size == 0


async def test_what_is_said_at_the_same_time_is_answered_in_between(store: SqliteStore, clock: FakeClock) -> None:
    """Giving back is no part of a transaction, and lets those through that are."""
    await fill(store, clock)
    await prune_all(store, KEEP_NOTHING)

    await asyncio.gather(*[store.give_back() for _ in range(5)], submit(store, *[track() for _ in range(20)]))

    assert (await store.counts()).total == 20


async def test_a_database_of_before_learns_it_at_its_next_start(database: Path, clock: FakeClock) -> None:
    """It is written anew once, with all that it has, and the log says so."""
    await make_as_before(database, clock)
    assert auto_vacuum(database) == 0

    store = await open_sqlite(database, clock)
    assert (await store.counts()).total == JOBS
    await prune_all(store, KEEP_NOTHING)
    assert await store.audit() == ()
    await store.close()

    assert auto_vacuum(database) == slack.INCREMENTAL


async def make_as_before(database: Path, clock: FakeClock) -> None:
    """A database as a Tonearm made it that gave nothing back."""
    store = await open_sqlite(database, clock)
    await fill(store, clock)
    await store.close()
    with closing(apsw.Connection(str(database))) as db:
        db.pragma("journal_mode", "DELETE")
        db.pragma("auto_vacuum", 0)
        db.execute("VACUUM")


async def test_a_database_of_before_goes_on_where_there_is_no_room_to_write_it_anew(
    database: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it did, and it tries again at the next start."""
    await make_as_before(database, clock)
    pages = database_pages(database)

    class Full(apsw.Connection):
        """A connection whose database may not grow."""

        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.pragma("max_page_count", 1)

    monkeypatch.setattr(apsw, "Connection", Full)
    with pytest.raises(apsw.FullError):
        Full(str(database)).execute("CREATE TABLE more (x)")
    file.prepare(database)
    monkeypatch.undo()

    assert auto_vacuum(database) == 0
    assert database_pages(database) == pages
    store = await open_sqlite(database, clock)
    assert (await store.counts()).total == JOBS
    await store.close()
