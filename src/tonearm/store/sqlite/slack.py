"""Slack: room that the file holds and nothing needs any more, and how the disk gets it back.

A row that goes leaves room inside the file. SQLite uses it again, and gives none of it back by itself. Here the last
pages are moved into the gaps and the file is cut, a bounded step at a time (`auto_vacuum=INCREMENTAL`), on the writer's
connection and between two transactions; so nobody waits for more than one step. At the end the log beside the file is
brought into it and emptied. The reasons stand in docs/adr/0017-a-file-gives-its-room-back-step-by-step.md.
"""

from __future__ import annotations

from pathlib import Path

import apsw
import structlog

INCREMENTAL = 2
"""The value of `auto_vacuum` that lets us choose when."""

STEP_PAGES = 256
"""Pages that one step gives back at most: 1 MiB, in one commit."""

SPARED = 16
"""A file whose free pages are at most one in so many is left alone: they are used again, and moving pages costs."""

LOG_BYTES = 4 * 1_048_576
"""What SQLite leaves of the log when it begins it anew: about what it holds between two checkpoints. A long read, such
as a backup, lets it grow beyond."""

log = structlog.get_logger("store.slack")


def begin(db: apsw.Connection) -> None:
    """Prepare a database that has no table yet."""
    db.pragma("auto_vacuum", INCREMENTAL)


def convert(db: apsw.Connection, database: Path) -> None:
    """Let a database of before give room back as well: it is written anew, once, whole or not at all.

    Where that cannot be, it stays as it is and goes on as before.
    """
    if db.pragma("auto_vacuum") == INCREMENTAL:
        return
    size = database.stat().st_size
    db.pragma("auto_vacuum", INCREMENTAL)
    try:
        db.execute("VACUUM")
    except (apsw.FullError, apsw.IOError, apsw.CantOpenError) as error:
        log.warning(
            "The database keeps the room of what is gone: there is none to write it anew",
            database=str(database),
            error=str(error),
        )
        return
    log.info("Wrote the database anew, so that it can give room back", database=str(database), bytes=size)


def give_back(db: apsw.Connection) -> bool:
    """Give back the room of at most `STEP_PAGES`, or, where little is left, empty the log; True: there is more."""
    free, pages = db.pragma("freelist_count"), db.pragma("page_count")
    if free * SPARED > pages and db.pragma("auto_vacuum") == INCREMENTAL:
        for _ in db.execute(f"PRAGMA incremental_vacuum({STEP_PAGES})"):
            pass
        return True
    _empty_log(db)
    return False


def _empty_log(db: apsw.Connection) -> None:
    """Bring the log into the file and cut it to nothing, unless somebody reads: then another time."""
    waits_ms = db.pragma("busy_timeout")
    db.set_busy_timeout(0)
    try:
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        pass
    finally:
        db.set_busy_timeout(waits_ms)
