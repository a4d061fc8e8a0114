"""A database file that went wrong: pages that hold nothing any more, and a file that its own process cannot read."""

from __future__ import annotations

import contextlib
import os
from contextlib import closing
from pathlib import Path

import apsw


def spoil(database: Path, table: str) -> None:
    """Let every page of a table, or of an index, hold nothing; the log is brought into the file before."""
    with closing(apsw.Connection(str(database))) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        size = int(db.pragma("page_size"))
        pages = [int(str(number)) for (number,) in db.execute("SELECT pageno FROM dbstat WHERE name = ?", (table,))]
    with database.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(bytes(size))


def forbid_reading(database: Path) -> None:
    """Let each read of this process in the open file fail from now on (EBADF), as on a disk that does not give it."""
    unreadable = os.open(database, os.O_WRONLY)
    try:
        for opened in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # that of the list itself
                if int(opened.name) != unreadable and opened.samefile(database):
                    os.dup2(unreadable, int(opened.name))
    finally:
        os.close(unreadable)
