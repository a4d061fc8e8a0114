"""Versions: a database of every older version is brought to this one at the first start, with all that it holds."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from tests.contract.steps import PUBLICATION, claim, delay, listed, submit, track
from tests.model.agreement import drain
from tests.support.clock import FakeClock

from tonearm.errors import SetupError
from tonearm.model import Completed, Control, Counts, JobType, State
from tonearm.store.sqlite import file, open_sqlite

OLD = sorted(Path(__file__).parent.glob("version*.sql"))
SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"


def restore(dump: Path, database: Path) -> None:
    """Make a database out of its dump."""
    database.parent.mkdir(exist_ok=True)
    db = apsw.Connection(str(database))
    db.execute(dump.read_text("utf-8"))
    db.close()


def schema(database: Path) -> list[tuple[object, ...]]:
    """Every table and index as it was written."""
    db = apsw.Connection(str(database))
    rows = list(db.execute(SCHEMA))
    db.close()
    return rows


def version_of(database: Path) -> int:
    """The version in the header of the file."""
    return int.from_bytes(database.read_bytes()[60:64], "big")


def test_there_is_a_fixture_of_every_older_version() -> None:
    """Each says its own version."""
    assert [dump.stem for dump in OLD] == [f"version{number}" for number in range(1, file.VERSION)]
    for number, dump in enumerate(OLD, 1):
        assert f"pragma user_version={number};" in dump.read_text("utf-8")


@pytest.mark.parametrize("dump", OLD, ids=lambda dump: dump.stem)
async def test_an_older_database_has_the_schema_of_a_new_one_afterwards(
    database: Path, clock: FakeClock, dump: Path
) -> None:
    """Table for table and index for index, however it came to it."""
    restore(dump, database)
    await (await open_sqlite(database, clock)).close()
    new = database.with_name("new.db")
    await (await open_sqlite(new, clock)).close()

    assert schema(database) == schema(new)
    assert version_of(database) == file.VERSION


@pytest.mark.parametrize("dump", OLD, ids=lambda dump: dump.stem)
async def test_the_jobs_of_an_older_database_are_all_there_and_come_to_their_end(
    database: Path, clock: FakeClock, dump: Path
) -> None:
    """Their states, the claims that are held, the control; and what is new works on them."""
    restore(dump, database)
    store = await open_sqlite(database, clock)
    assert await store.counts() == Counts(queued=1, processing=4, paused=1, completed=2, failed=1, cancelled=1)
    assert await store.audit() == ()
    assert await store.control() == Control(max_concurrent=3)
    (album,) = [job for job in await listed(store) if job.spec.type is JobType.ALBUM and job.outcome]
    assert (album.completed_tracks, album.failed_count, album.error) == (2, 1, "1 of 3 tracks failed: 02 Title 2")
    active = next(job for job in await listed(store) if job.spec.type is JobType.TRACK and job.state is State.ACTIVE)
    await store.delete(active.id, keep_ms=1_000)
    assert (await store.job(active.id)).state is State.CANCELLED
    await submit(store, track("eve"), track("eve"))
    done, repeated = await claim(store, "w9", tracks=2)
    await store.commit(done, PUBLICATION)
    await store.settle(done, Completed((PUBLICATION.path,), PUBLICATION.size))
    await delay(store, repeated)

    await drain(store, clock)
    await store.close()


async def test_a_migration_that_fails_leaves_the_older_database_as_it_was(
    database: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the file, and the program that wrote it can go on with it."""
    restore(OLD[0], database)
    before = schema(database)

    def breaks(db: apsw.Connection) -> None:
        db.execute("CREATE TABLE half (x)")
        raise apsw.FullError("the disk is full")

    monkeypatch.setattr(file, "MIGRATIONS", (file.MIGRATIONS[0], breaks, *file.MIGRATIONS[2:]))
    with pytest.raises(SetupError, match=r"queue\.db"):
        await open_sqlite(database, clock)

    assert schema(database) == before
    assert version_of(database) == 1
