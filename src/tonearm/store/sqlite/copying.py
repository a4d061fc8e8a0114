"""Copying: a whole database into a file of its own, as it stands at one moment, while others write.

The pages go in bounded steps inside one read transaction, so the copy is of the moment at which it began, and a writer
keeps nobody from coming to an end. Meanwhile the log beside the database cannot be begun anew, and grows. A copy needs
no log: it is one file. What may be copied, and where to, is decided elsewhere.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from tonearm.errors import SetupError
from tonearm.stopping import checkpoint
from tonearm.store.sqlite.file import REPLACE, SALVAGE, damage_of

STEP_PAGES = 256
"""Pages of one step, 1 MiB: between two the work can be stopped."""


def copy(source: apsw.Connection, target: Path) -> None:
    """Write a copy to *target*, a file that is empty or not there, and have it on the disk; nothing is left if that
    fails.

    Raises:
        SetupError: the disk, or what is read, does not allow it.
        Stopped: nobody wants it any more.
    """
    try:
        target.touch(mode=0o600)
    except OSError as error:
        raise SetupError(f"{target} cannot be written: {error.strerror}") from error
    if target.stat().st_size:
        raise SetupError(f"{target} is there already.")
    journal = target.with_name(f"{target.name}-journal")
    journal.unlink(missing_ok=True)  # of a copy that was killed: SQLite would take it for this one's
    try:
        _fill(source, target)
    except BaseException as error:
        for path in (target, journal):
            path.unlink(missing_ok=True)
        if (damage := damage_of(error)) is not None:  # a new file has nothing that could be
            raise SetupError(f"The database {source.filename} is damaged: {damage}") from error
        if isinstance(error, apsw.Error):
            why = "The disk is full" if isinstance(error, apsw.FullError) else error  # of a copy, SQLite has no words
            raise SetupError(f"The copy {target} cannot be written: {why}") from error
        raise


def _fill(source: apsw.Connection, target: Path) -> None:
    with closing(apsw.Connection(str(target))) as db:
        source.execute("BEGIN")
        try:
            source.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()  # the moment begins with the first read
            with db.backup("main", source, "main") as pages:
                while not pages.done:
                    checkpoint()
                    pages.step(STEP_PAGES)
        finally:
            source.execute("ROLLBACK")
    with closing(apsw.Connection(str(target))) as db:
        db.pragma("journal_mode", "DELETE")


def check(database: Path, source: Path | None = None) -> None:
    """Read a database that nobody uses whole, and see that its pages, its rows and its indexes fit together.

    Where it was just copied from *source*, that is to blame.

    Raises:
        SetupError: they do not.
    """
    try:
        with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            found = [str(text) for (text,) in db.execute("PRAGMA integrity_check(5)")]
    except apsw.Error as error:
        found = [str(error)]
    if found == ["ok"]:
        return
    faults = "; ".join(" ".join(text.split()) for text in found)
    if source is None:
        raise SetupError(f"{database} is damaged: {faults}")
    raise SetupError(f"The database {source} is damaged: {faults}. {REPLACE} {SALVAGE}")
