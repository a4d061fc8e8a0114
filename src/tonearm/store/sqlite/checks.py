"""Checks of a database file: whether it is ours and sound. The file is not changed, and one in use is left alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw

from tonearm.errors import DatabaseInUse, SetupError, StoreDamaged, TonearmError
from tonearm.store.checks import Check, Verdict, audited
from tonearm.store.sqlite.audit import audit
from tonearm.store.sqlite.file import VERSION, FileLock, connect, trouble_of, version_of
from tonearm.store.sqlite.unit import Unit

ByHolder = Callable[[Path], tuple[str, ...] | None]
"""Has the process that holds the queue in this file audit it: the differences; None: it cannot be asked."""


async def look(database: Path, by_holder: ByHolder) -> AsyncIterator[Check]:
    """Look at the queue in this file, and audit it, or have it audited by the server that has it."""
    known = f"SQLite {apsw.sqlite_lib_version()}; the newest queue that it knows here is of version {VERSION}."
    yield Check("sqlite", Verdict.WELL, known)
    try:
        version = await asyncio.to_thread(version_of, database)
    except SetupError as error:
        yield Check("file", Verdict.WRONG, str(error))
        return
    if version is None:
        yield Check("file", Verdict.WELL, f"There is no queue yet: {database} is made at the first start.")
        return
    about = await asyncio.to_thread(database.stat)
    yield Check("file", Verdict.WELL, f"{database} holds a queue of version {version}, {about.st_size / 1e6:.1f} MB.")
    if about.st_uid != os.geteuid():  # files that we make beside it would keep its owner out
        yield Check("audit", Verdict.WARNING, "The file is another user's: as that user it can be audited.")
    elif version < VERSION:
        yield Check("audit", Verdict.WELL, f"The next start brings the queue to version {VERSION}; audit it then.")
    else:
        for check in await asyncio.to_thread(_audit, database, by_holder):
            yield check


def _audit(database: Path, by_holder: ByHolder) -> tuple[Check, ...]:
    """Audit the queue. If nobody has it, no server can begin with it meanwhile."""
    try:
        lock = FileLock(database)
    except DatabaseInUse:
        return _audit_by_holder(database, by_holder)
    except SetupError as error:
        return (Check("lock", Verdict.WRONG, str(error)),)
    try:
        with closing(connect(database, writes=False)) as db:
            return (Check("lock", Verdict.WELL, "Nobody else has the queue open."), *audited(audit(Unit(db, 0, 0))))
    except apsw.Error as error:
        return (Check("audit", Verdict.WRONG, f"The database {trouble_of(error, 'cannot be read')}"),)
    finally:
        lock.release()


def _audit_by_holder(database: Path, by_holder: ByHolder) -> tuple[Check, ...]:
    held = Check("lock", Verdict.WELL, "A server has the queue open.")
    try:
        differences = by_holder(database)
    except StoreDamaged as error:
        return (held, Check("audit", Verdict.WRONG, str(error)))
    except TonearmError as error:
        return (held, Check("audit", Verdict.WARNING, str(error)))
    if differences is None:
        return (replace(held, text=f"{held.text} Stop it to have the queue audited."),)
    return (replace(held, text=f"{held.text} It was asked for the audit."), *audited(differences))
