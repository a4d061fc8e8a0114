"""Backups: a database as one file, taken where no process has the queue, and put back in its place.

A backup is what `Store.copy` writes. It is put back by a rename, so at every moment there is either the old database or
the new one, whole; what was there stays beside it under a name of its own. A backup of an older version is brought to
this one on its way.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import apsw

from tonearm.errors import SetupError
from tonearm.store.sqlite import copying
from tonearm.store.sqlite.file import (
    COMING,
    LOGS,
    MAKING,
    FileLock,
    NotOurs,
    connect,
    make_folder,
    migrate,
    name_aside,
    put_logs_aside,
    remove_cut_off,
    trouble_of,
    version_of,
)
from tonearm.volume import sync_folder


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a database: how many jobs, and how many keys of the API."""

    version: int
    jobs: int
    keys: int


def contents(database: Path, source: Path | None = None) -> Contents:
    """Look into a database that nobody uses, and check it whole. If it was just copied from *source*, that is to blame.

    Raises:
        SetupError: it is none of ours, or damaged.
    """
    version = version_of(database)
    if version is None:
        raise SetupError(f"{database} is empty, or not there.")
    copying.check(database, source)
    try:
        with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            ((jobs,),) = db.execute("SELECT count(*) FROM task WHERE parent IS NULL")
            ((has_keys,),) = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'api_key'")
            ((keys,),) = db.execute("SELECT count(*) FROM api_key WHERE parent IS NULL") if has_keys else ((0,),)
    except apsw.Error as error:
        raise SetupError(f"{database} cannot be read: {error}") from error
    return Contents(version, jobs, keys)


def take(database: Path, target: Path) -> None:
    """Copy a database that no process has to *target*, as it is, of whatever version.

    Raises:
        DatabaseInUse: a process has it.
        SetupError: it is none of ours, or cannot be copied.
    """
    with _alone(database):
        if version_of(database) is None:
            raise SetupError(f"There is no queue: {database} is empty.")
        try:
            with closing(connect(database, writes=False)) as db:
                copying.copy(db, target)
        except apsw.Error as error:
            raise SetupError(f"The database {database} {trouble_of(error, 'cannot be read')}") from error


def restore(backup: Path, database: Path, *, replace: bool) -> tuple[Contents, Path | None]:
    """Put a backup in the place of *database*: what it holds now, and where that lies which was there (None: nothing).

    Raises:
        DatabaseInUse: a process has the database.
        SetupError: the backup is none, or damaged, or there are jobs in the database and not *replace*; nothing was
            changed. Or the disk keeps it from its place: a queue that was there may be aside by then, and until a
            restore succeeds no start makes an empty one.
    """
    try:
        contents(backup)
    except NotOurs as error:
        raise SetupError(f"{backup} was not written by `tonearm backup`.") from error
    make_folder(database)
    with _alone(database):
        if not replace:
            _require_no_jobs(database)
        new = database.with_name(database.name + MAKING)
        remove_cut_off(database)
        try:
            _make(backup, new)
            found = contents(new)
            before = _exchange(new, database)
        finally:
            remove_cut_off(database)
        return found, before


@contextlib.contextmanager
def _alone(database: Path) -> Iterator[None]:
    if database.exists() and database.stat().st_uid != os.geteuid():
        raise SetupError(f"{database} is another user's. Run this command as that user.")
    lock = FileLock(database)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _readable(database: Path) -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise SetupError(f"{database} cannot be read: {error}") from error


def _require_no_jobs(database: Path) -> None:
    try:
        version = version_of(database)
        jobs = 0
        if version is not None:
            with _readable(database), closing(connect(database, writes=False)) as db:
                ((jobs,),) = db.execute("SELECT count(*) FROM task WHERE parent IS NULL")
    except SetupError as error:
        raise SetupError(f"{error} With --replace it is put aside, whatever it is.") from error
    if jobs:
        raise SetupError(
            f"There are {jobs:,} jobs in {database}. With --replace the backup takes its place, and it is put aside."
        )


def _make(backup: Path, new: Path) -> None:
    """Make a database out of a backup, of this version, which readers of events do not take for the one of before."""
    with _readable(backup), closing(apsw.Connection(str(backup), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        copying.copy(db, new)
    with _readable(new), closing(apsw.Connection(str(new))) as db:
        migrate(db, int(db.pragma("user_version")))
        db.execute("UPDATE meta SET value = ? WHERE key = 'instance'", (secrets.token_hex(4),))


def _exchange(new: Path, database: Path) -> Path | None:
    """Give *new* the name of the database; where that lies now which had it."""
    try:
        coming = new.replace(database.with_name(database.name + COMING))
        before = _put_aside(database)
        coming.replace(database)
    except OSError as error:
        raise SetupError(
            f"The backup cannot take the place of {database}: {error.strerror}. Mend that, and restore it again."
        ) from error
    sync_folder(database.parent)
    return before


def _put_aside(database: Path) -> Path | None:
    """Give the database a second name, with its log in it; one that cannot be opened loses its own, with its log.

    No log and no journal stays that could be taken for that of the next one. What a killed process left in them is
    brought into the database by the first read; a checkpoint alone does not look.
    """
    if not database.exists() or not database.stat().st_size:
        put_logs_aside(database)
        return None
    before = name_aside(database)
    endings = LOGS
    try:
        with closing(apsw.Connection(str(database))) as db:
            db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        os.link(database, before)
    except (apsw.Error, OSError):
        _copy_logs(database, before)
        endings = ("", *LOGS)
    for ending in endings:
        with contextlib.suppress(FileNotFoundError):
            database.with_name(database.name + ending).rename(before.with_name(before.name + ending))
    return before


def _copy_logs(database: Path, before: Path) -> None:
    """Copy what is renamed after the database: a kill between two renames then leaves it at no name without its log.

    What cannot be copied, as on a disk that fails, is only renamed.
    """
    for ending in LOGS:
        left, copy = (path.with_name(path.name + ending) for path in (database, before))
        if left.is_file():
            try:
                copy.touch(mode=0o600)
                shutil.copyfile(left, copy)
            except OSError:
                copy.unlink(missing_ok=True)
