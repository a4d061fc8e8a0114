"""Places: library, stage and database, tried out as a download would use them, and the room on their volumes.

Where a folder is not there yet, it is left so, and the one in which it would be made is looked at. Everything is tried
as the user who asks: whoever asks as root learns nothing of what the server may do.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tonearm.errors import DiskError, SetupError
from tonearm.library import own_umask
from tonearm.library.readiness import check_place, try_out
from tonearm.settings import Settings
from tonearm.store.checks import Check, Verdict
from tonearm.volume import free_bytes, in_mb, whole_bytes

DATABASE_BYTES = 100_000_000
"""Free space on the volume of the database below which people are told."""


def look(settings: Settings) -> Iterator[Check]:
    """Look at the places, at what is free there, and at who may read what."""
    written = _written(settings)
    yield written
    if written.verdict is Verdict.WELL:
        yield _locks(settings)
    yield _room("library", settings.download_dir, settings.disk_space_min_bytes(), "QUEUE_DISK_SPACE_MIN_MB")
    yield _room("database", settings.database, DATABASE_BYTES)
    yield _database(settings.database)
    yield _umask(settings)


def _written(settings: Settings) -> Check:
    """A small file is written, synced and moved from the stage into the library, and removed."""
    library, stage = settings.download_dir, settings.stage_dir
    try:
        check_place(library, stage)
        for name, path in (("library", library), ("stage", stage)):
            if not _is_there(path) and (why := _refusal(path.parent)):
                return Check("library", Verdict.WRONG, f"The {name} {path} cannot be made: {why}. {_advice()}")
        if _nearest(library).stat().st_dev != _nearest(stage).stat().st_dev:
            text = f"The library {library} and the stage {stage} (QUEUE_STAGE_DIR) must lie on the same volume."
            return Check("library", Verdict.WRONG, text)
        if not _is_there(library):
            return Check("library", Verdict.WELL, f"The library {library} is made at the first start.")
        try_out(library, stage if _is_there(stage) else library)
    except (SetupError, OSError) as error:
        return Check("library", Verdict.WRONG, f"{error}. {_advice()}")
    return Check("library", Verdict.WELL, f"Files can be written, synced and moved from {stage} into {library}.")


def _locks(settings: Settings) -> Check:
    """Whether the stage's file system knows locks, by which a worker proves that its folder is its own."""
    with tempfile.TemporaryFile(dir=_nearest(settings.stage_dir)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            text = f"The stage's file system has no locks ({error.strerror}): give each machine a name of its own."
            return Check("locks", Verdict.WARNING, text)
    return Check("locks", Verdict.WELL, "The stage's file system has locks.")


def _room(name: str, path: Path, least: int, setting: str | None = None) -> Check:
    """What is free on the volume of *path*; below *least* bytes something stops, by *setting* a download."""
    place = _nearest(path)
    try:
        free, whole = free_bytes(place), whole_bytes(place)
    except DiskError as error:
        return Check(f"{name} room", Verdict.WRONG, f"{error}. Look at the disk.")
    text = f"{in_mb(free)} of {in_mb(whole)} are free for the {name}"
    if free >= least:
        return Check(f"{name} room", Verdict.WELL, f"{text}.")
    if setting is None:
        return Check(f"{name} room", Verdict.WARNING, f"{text}: when they are used up, no job is taken. Make room.")
    return Check(f"{name} room", Verdict.WRONG, f"{text}, and {in_mb(least)} have to be ({setting}). Make room.")


def _database(database: Path) -> Check:
    """Whether the database can be written, and by us alone read."""
    folder = database.parent
    if why := _refusal(folder):
        return Check("database", Verdict.WRONG, f"{folder} (of QUEUE_DATABASE) cannot be written: {why}. {_advice()}")
    if not _is_there(database):
        return Check("database", Verdict.WELL, f"The database {database} can be made.")
    if not os.access(database, os.R_OK | os.W_OK):
        return Check("database", Verdict.WRONG, f"{database} (QUEUE_DATABASE) cannot be written. {_advice()}")
    if database.stat().st_mode & stat.S_IROTH and folder.stat().st_mode & stat.S_IXOTH:
        text = f"Every user of this machine can read the queue, and who is in it: chmod o-r {database}"
        return Check("database", Verdict.WARNING, text)
    return Check("database", Verdict.WELL, f"{database} can be written.")


def _umask(settings: Settings) -> Check:
    """What other users may do with the files of the library."""
    umask = own_umask() if settings.umask is None else int(settings.umask, 8)
    text = f"New files have the permissions {0o666 & ~umask:03o} (umask {umask:03o})"
    if umask & stat.S_IRWXU:
        return Check("umask", Verdict.WRONG, f"{text}, and not even the server can use them. Set QUEUE_UMASK=022.")
    if not ~umask & (stat.S_IRGRP | stat.S_IROTH):
        return Check(
            "umask", Verdict.WARNING, f"{text}: no other user can play them. QUEUE_UMASK=022 lets all of them."
        )
    return Check("umask", Verdict.WELL, f"{text}.")


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - False where we may not look


def _nearest(path: Path) -> Path:
    """The path itself, or the folder above it that is there."""
    return next(place for place in (path, *path.parents) if _is_there(place))


def _refusal(folder: Path) -> str | None:
    """Why no file can be made in the folder, or in the one above it that is there; a file without a name is tried."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _advice() -> str:
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # in a container any number may be a user
        user = str(os.geteuid())
    return f"Let the user {user} write there, or name another place."
