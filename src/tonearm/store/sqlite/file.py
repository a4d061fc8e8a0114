"""The database file: whose it is, who may open it, how it comes into being, and its versions.

Nothing here writes to a file that is not ours: the header is read first, with plain reads, before SQLite sees the file.
A new database is made whole beside its place and renamed to it, so that a file of this name always has our mark.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.resources import files
from itertools import chain, count
from pathlib import Path

import apsw
import structlog

from tonearm.errors import DatabaseInUse, SetupError
from tonearm.store.sqlite import slack
from tonearm.volume import sync_folder

APPLICATION_ID = 0x546F6E65
"""`Tone` in ASCII, at byte 68 of the file (https://sqlite.org/fileformat.html, 1.3)."""

VERSION = 6
"""The `user_version` that this program writes."""

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_CACHE_KIB = 4_096
"""Pages that each connection keeps, KiB: an album of 10,000 tracks fills it, and the system keeps the rest better."""
_STATEMENTS = 400

Migration = Callable[[apsw.Connection], None]


def _make_schema(db: apsw.Connection) -> None:
    db.execute(files("tonearm.store.sqlite").joinpath("schema.sql").read_text("utf-8"))
    db.execute("INSERT INTO meta (key, value) VALUES ('instance', ?)", (secrets.token_hex(4),))


def _keep_what_was_deleted(db: apsw.Connection) -> None:
    db.execute(files("tonearm.store.sqlite").joinpath("version2.sql").read_text("utf-8"))


def _let_jobs_move(db: apsw.Connection) -> None:
    db.execute(files("tonearm.store.sqlite").joinpath("version3.sql").read_text("utf-8"))


def _keep_keys_and_answers(db: apsw.Connection) -> None:
    db.execute(files("tonearm.store.sqlite").joinpath("version4.sql").read_text("utf-8"))


def _count_bytes_and_find_files(db: apsw.Connection) -> None:
    db.execute(files("tonearm.store.sqlite").joinpath("version5.sql").read_text("utf-8"))


def _remember_whom_to_tell(db: apsw.Connection) -> None:
    db.execute(files("tonearm.store.sqlite").joinpath("version6.sql").read_text("utf-8"))


MIGRATIONS: Sequence[Migration] = (
    _make_schema,
    _keep_what_was_deleted,
    _let_jobs_move,
    _keep_keys_and_answers,
    _count_bytes_and_find_files,
    _remember_whom_to_tell,
)
"""The step at place n leads from version n to n + 1; each runs in one transaction with the change of the version."""


COMING = ".restoring"
"""What stands behind the name of a database that was made out of a backup, until it has its place. Where there is no
database it goes in no other way, so that a start knows of a restore that was cut off."""

MAKING = f"{COMING}.new"
"""What stands behind the name of a database that is being made out of a backup."""

BEFORE = ".before-"
"""What stands behind the name of the database that was there before a restore, and before the time."""

LOGS: Sequence[str] = ("-wal", "-shm", "-journal")
"""What stands behind the name of a database in those of the files that SQLite keeps beside it."""

REPLACE = "Put a backup in its place: tonearm restore FILE --replace. What is there is kept beside it."
"""What to do about a damaged database."""

SALVAGE = "What can be read of it, also without a backup: tonearm export FILE."
"""What else, where it can be opened."""

_UNREADABLE = (apsw.SQLITE_IOERR_READ, apsw.SQLITE_IOERR_CORRUPTFS)
"""Of errors of the disk those that waiting does not mend: what lies there cannot be read."""

log = structlog.get_logger("store.sqlite")


def damage_of(error: BaseException) -> str | None:
    """How the file or its disk is damaged, as *error* says, and what to do about it; None: it does not say that."""
    if isinstance(error, apsw.IOError) and getattr(error, "extendedresult", None) in _UNREADABLE:
        return f"the disk does not give it. {REPLACE}"  # SQLite has no words for it where it copies
    return f"{error}. {REPLACE}" if isinstance(error, apsw.CorruptError | apsw.NotADBError) else None


def trouble_of(error: BaseException, otherwise: str) -> str:
    """What is said behind the name of a database: that it is damaged, with what to do, or *otherwise*, and why."""
    damage = damage_of(error)
    return f"{otherwise}: {error}" if damage is None else f"is damaged: {damage}"


class FileLock:
    """The lock beside the database: one process owns the store."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        try:
            self.path.touch(mode=0o600)
            self._file = self.path.open("rb")
        except OSError as error:
            raise SetupError(
                f"The lock file {self.path} cannot be opened: {error.strerror}. It lies beside the database, which "
                "QUEUE_DATABASE names: this user has to be able to write there."
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise DatabaseInUse(
                f"Another process uses the database {database}. Stop it, or give this one a file of its own "
                "(QUEUE_DATABASE)."
            ) from error

    def release(self) -> None:
        """Let another process have the database; again is harmless."""
        self._file.close()


class NotOurs(SetupError):
    """A file that is no queue of any version."""


def check_ours(database: Path) -> bool:
    """Whether there is a database of ours at this path; False when there is nothing, or an empty file.

    Raises:
        SetupError: the file is something else, or of a newer version. It is not touched.
    """
    return version_of(database) is not None


def version_of(database: Path) -> int | None:
    """The version of the database of ours at this path; None when there is nothing, or an empty file.

    Raises:
        SetupError: as `check_ours`.
    """
    try:
        with database.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SetupError(f"The database {database} cannot be read: {error.strerror}.") from error
    if not header:
        return None
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise NotOurs(f"{database} is not a database. Move it away, or name another file (QUEUE_DATABASE).")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise NotOurs(
            f"{database} is the database of another program. Name another file for the queue (QUEUE_DATABASE)."
        )
    version = int.from_bytes(header[60:64], "big")
    _check_version(database, version)
    return version


def _check_version(database: Path, version: int) -> None:
    if version > VERSION:
        raise SetupError(
            f"{database} was written by a newer Tonearm (version {version}, this one knows {VERSION}). "
            "Start the newer program, or name another file (QUEUE_DATABASE)."
        )


def prepare(database: Path) -> None:
    """Make the folder and the database where there is none, and bring an older one to this version; needs the lock.

    Raises:
        SetupError: a restore was killed after it put the database aside.
    """
    if not check_ours(database):
        _require_no_cut_off_restore(database)
        put_logs_aside(database)
        _make(database)
    remove_cut_off(database)
    with closing(apsw.Connection(str(database))) as db:
        version = int(db.pragma("user_version"))
        _check_version(database, version)
        migrate(db, version)
        slack.convert(db, database)
        db.pragma("journal_mode", "WAL")


def _require_no_cut_off_restore(database: Path) -> None:
    """Make no empty queue where one waits beside its place. Where it can be opened and linked, it never does."""
    for left in (database.with_name(database.name + ending) for ending in (COMING, MAKING)):
        if left.exists() and not database.exists():
            raise SetupError(
                f"A restore was cut off: {database} is not there, and {left} is not finished. Restore the backup "
                "again; to begin without it, remove that file. "
                f"A queue that was there is {database.name}{BEFORE}… beside it."
            )


def remove_cut_off(database: Path) -> None:
    """Remove what a killed restore left: what it made, and a second name of the database; needs the lock.

    Where there is no database, what was to be it is emptied and stays, as the sign that there was one.

    Raises:
        SetupError: this user may not, say.
    """
    coming = database.with_name(database.name + COMING)
    try:
        for ending in (MAKING, f"{MAKING}-journal"):
            database.with_name(database.name + ending).unlink(missing_ok=True)
        if database.exists():
            coming.unlink(missing_ok=True)
        elif coming.exists():
            os.truncate(coming, 0)
        for before in database.parent.glob(f"{glob.escape(database.name)}{BEFORE}*"):
            if database.exists() and os.path.samestat(before.lstat(), database.lstat()):  # no link to the only one
                before.unlink()
    except OSError as error:
        raise SetupError(f"What a restore left, {error.filename}, cannot be removed: {error.strerror}.") from error


def name_aside(database: Path) -> Path:
    """A name beside the database that says when it was put aside; nothing lies there, nor what would be its log."""
    stem = f"{database.name}{BEFORE}{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    names = (database.with_name(stem + further) for further in chain([""], map("-{}".format, count(2))))
    return next(name for name in names if not any(name.with_name(name.name + end).exists() for end in ("", *LOGS)))


def put_logs_aside(database: Path) -> None:
    """Put aside what lies beside the place of a database that is not there; SQLite would take it for the next one's."""
    aside = name_aside(database)
    for ending in LOGS:
        left = database.with_name(database.name + ending)
        with contextlib.suppress(FileNotFoundError):
            kept = left.rename(aside.with_name(aside.name + ending))
            log.warning("A log whose database is gone was put aside", found=str(left), kept=str(kept))


def make_folder(database: Path) -> None:
    """Make the folder of the database, for its owner only."""
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"The folder {database.parent} cannot be made: {error.strerror}.") from error


def _make(database: Path) -> None:
    new = database.with_name(database.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600, exist_ok=False)
    with closing(apsw.Connection(str(new))) as db:
        migrate(db, 0)
    new.replace(database)
    sync_folder(database.parent)


def migrate(db: apsw.Connection, version: int) -> None:
    """Take the steps from *version* to `VERSION`, each in a transaction of its own."""
    if version == 0:
        slack.begin(db)
    for number, step in enumerate(MIGRATIONS[version:VERSION], version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            step(db)
            db.pragma("application_id", APPLICATION_ID)
            db.pragma("user_version", number)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


def connect(database: Path | None, *, writes: bool) -> apsw.Connection:
    """Open a connection for one thread; None is a database in memory. Only the writing one ever checkpoints."""
    db = apsw.Connection(":memory:" if database is None else str(database), statementcachesize=_STATEMENTS)
    db.pragma("synchronous", "FULL")
    db.pragma("cache_size", -_CACHE_KIB)
    db.set_busy_timeout(5_000)
    if database is None:
        migrate(db, 0)
    elif writes:
        db.pragma("journal_size_limit", slack.LOG_BYTES)
    else:
        db.pragma("query_only", True)
        db.wal_autocheckpoint(0)
    return db
