"""The database file: it is made with care, owned by one process, and one that is not ours is never touched."""

# ruff: noqa: ASYNC221, ASYNC240 - nothing else runs on the loop of a test

from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from structlog.testing import capture_logs
from tests.contract.steps import submit_track
from tests.support.clock import FakeClock

from tonearm.errors import SetupError, StoreDamaged
from tonearm.store.checks import Verdict
from tonearm.store.sqlite import SqliteStore, file, open_sqlite
from tonearm.store.sqlite.checks import look


def folder_of(database: Path) -> dict[str, bytes]:
    """What lies beside a database, and in it."""
    return {path.name: path.read_bytes() for path in database.parent.iterdir()}


def mode_of(path: Path) -> int:
    """The permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("store")
def test_only_the_owner_can_read_the_queue(database: Path) -> None:
    """The folder is made with 0700, the database, its log and its lock with 0600."""
    assert mode_of(database.parent) == 0o700
    assert {mode_of(path) for path in database.parent.iterdir()} == {0o600}


async def test_a_second_process_is_refused_and_the_first_goes_on(
    store: SqliteStore, database: Path, clock: FakeClock
) -> None:
    """The error names the file; the lock is the operating system's, so it holds between processes."""
    with pytest.raises(SetupError, match=r"queue\.db"):
        await open_sqlite(database, clock)
    probe = (
        "import fcntl, sys\n"
        "with open(sys.argv[1], 'rb') as lock:\n"
        "    try: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "    except BlockingIOError: sys.exit(7)\n"
    )
    lock = database.with_name("queue.db.lock")
    assert subprocess.run([sys.executable, "-c", probe, lock], check=False).returncode == 7

    await submit_track(store)
    assert (await store.counts()).queued == 1


def test_a_place_where_no_lock_can_be_made_is_that_of_a_setting(tmp_path: Path) -> None:
    """Nobody knows the lock's name, and everybody the setting's."""
    (tmp_path / "queue.db.lock").mkdir()
    with pytest.raises(SetupError, match="QUEUE_DATABASE"):
        file.FileLock(tmp_path / "queue.db")


async def test_the_lock_is_free_again_after_closing(database: Path, clock: FakeClock) -> None:
    """A restarted process opens the file without waiting."""
    for before in range(2):
        store = await open_sqlite(database, clock)
        assert (await store.counts()).queued == before
        await submit_track(store)
        await store.close()


@pytest.mark.parametrize("size", [1, 99, 100, 8192])
async def test_a_file_that_is_no_database_is_left_alone(database: Path, clock: FakeClock, size: int) -> None:
    """Garbage of any length is named in the error and keeps every byte; nothing appears beside it."""
    database.parent.mkdir()
    database.write_bytes(os.urandom(size))
    before = folder_of(database)

    with pytest.raises(SetupError, match=r"queue\.db is not a database"):
        await open_sqlite(database, clock)

    assert folder_of(database) == before


@pytest.mark.parametrize("journal", ["delete", "wal"])
async def test_the_database_of_another_program_is_left_alone(database: Path, clock: FakeClock, journal: str) -> None:
    """A good SQLite file without our mark keeps every byte."""
    database.parent.mkdir()
    other = apsw.Connection(str(database))
    other.pragma("journal_mode", journal)
    other.execute("CREATE TABLE task (seq)")
    other.close()
    before = folder_of(database)

    with pytest.raises(SetupError, match="another program"):
        await open_sqlite(database, clock)

    assert folder_of(database) == before


async def test_a_newer_version_is_left_alone(database: Path, clock: FakeClock) -> None:
    """The error says which version it is and which one this program knows."""
    await (await open_sqlite(database, clock)).close()
    newer = apsw.Connection(str(database))
    newer.pragma("user_version", file.VERSION + 1)
    newer.close()
    before = folder_of(database)

    with pytest.raises(SetupError, match=rf"version {file.VERSION + 1}, this one knows {file.VERSION}"):
        await open_sqlite(database, clock)

    assert folder_of(database) == before


async def test_a_damaged_database_is_a_clear_error(database: Path, clock: FakeClock) -> None:
    """Our mark on a file whose pages are garbage, or missing: refused with its name and with what to do, nothing in it
    changes, and the lock is free again.
    """
    await (await open_sqlite(database, clock)).close()
    whole = database.read_bytes()
    for damaged in (whole[:100] + bytes(len(whole) - 100), whole[:100], whole[: len(whole) // 3]):
        database.write_bytes(damaged)
        with pytest.raises(SetupError, match=r"queue\.db is damaged: .*\. Put a backup in its place: tonearm restore"):
            await open_sqlite(database, clock)
        assert database.read_bytes() == damaged
        (*_, audit) = [check async for check in look(database, lambda _: None)]
        assert audit.verdict is Verdict.WRONG
        assert "tonearm restore" in audit.text


@pytest.mark.parametrize("begins", [0, 4096], ids=["from the header on", "behind the header"])
async def test_a_database_that_is_damaged_while_it_is_in_use_is_told_as_that(
    database: Path, clock: FakeClock, begins: int
) -> None:
    """Whoever submits is not told to come again later, since waiting does not mend it, but what to do."""
    store = await open_sqlite(database, clock)
    await submit_track(store)
    with closing(apsw.Connection(str(database))) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with database.open("r+b") as spoilt:
        spoilt.seek(begins)
        spoilt.write(bytes(database.stat().st_size - begins))

    with pytest.raises(StoreDamaged, match="tonearm restore"):
        await submit_track(store)
    await store.close()


async def test_an_empty_file_becomes_a_database(database: Path, clock: FakeClock) -> None:
    """`touch` before the first start does no harm, nor does what a killed first start left behind."""
    database.parent.mkdir()
    database.touch()
    database.with_name("queue.db.new").write_bytes(b"half")

    store = await open_sqlite(database, clock)
    await submit_track(store)
    await store.close()

    assert sorted(folder_of(database)) == ["queue.db", "queue.db.lock"]


@pytest.mark.parametrize("left", ["removed", "emptied"])
async def test_a_log_whose_database_is_gone_is_put_aside(database: Path, clock: FakeClock, left: str) -> None:
    """It is no part of the new queue, and not lost; the log names both places."""
    await (await open_sqlite(database, clock)).close()
    with closing(apsw.Connection(str(database))) as db:
        db.pragma("wal_autocheckpoint", 0)
        db.execute("UPDATE meta SET value = 'gone' WHERE key = 'instance'")
        wal = database.with_name("queue.db-wal").read_bytes()
    database.unlink()
    if left == "emptied":
        database.touch()
    database.with_name("queue.db-wal").write_bytes(wal)

    with capture_logs() as lines:
        await (await open_sqlite(database, clock)).close()

    (line,) = [line for line in lines if line["log_level"] == "warning"]
    assert Path(line["kept"]).read_bytes() == wal
    with closing(apsw.Connection(str(database))) as db:
        assert db.execute("SELECT value FROM meta WHERE key = 'instance'").fetchall() != [("gone",)]
        assert db.pragma("integrity_check") == "ok"


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path, clock: FakeClock) -> None:
    """The message names it."""
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="file"):
        await open_sqlite(tmp_path / "file" / "queue.db", clock)


async def test_a_new_database_bears_our_mark_and_version(database: Path, clock: FakeClock) -> None:
    """They stand in the header of the file itself, where the next start looks for them."""
    await (await open_sqlite(database, clock)).close()

    header = database.read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == file.APPLICATION_ID
    assert int.from_bytes(header[60:64], "big") == file.VERSION == len(file.MIGRATIONS)


def test_a_step_that_fails_leaves_the_version_before(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration and the change of the version happen together or not at all."""

    def breaks(db: apsw.Connection) -> None:
        db.execute("CREATE TABLE half (x)")
        raise ZeroDivisionError

    database.parent.mkdir()
    db = apsw.Connection(str(database))
    file.migrate(db, 0)
    monkeypatch.setattr(file, "MIGRATIONS", (*file.MIGRATIONS, breaks))
    monkeypatch.setattr(file, "VERSION", file.VERSION + 1)
    before = db.pragma("user_version")

    with pytest.raises(ZeroDivisionError):
        file.migrate(db, before)

    assert db.pragma("user_version") == before
    assert list(db.execute("SELECT name FROM sqlite_schema WHERE name = 'half'")) == []
    db.close()


def test_the_readers_never_checkpoint(database: Path) -> None:
    """A reader's connection can neither write nor move the log into the file."""
    database.parent.mkdir()
    file.prepare(database)
    reader = file.connect(database, writes=False)
    assert reader.pragma("wal_autocheckpoint") == 0
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("DELETE FROM event")
    reader.close()
