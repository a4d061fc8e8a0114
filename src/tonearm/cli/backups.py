"""`tonearm backup` and `restore`: the whole queue of this machine as one file, and that file in its place again.

A queue in Redis has no file: its jobs are written down by `tonearm export`.
"""

from __future__ import annotations

from pathlib import Path

from tonearm.cli.reaching import ask_holder, in_use, settings_of_queue, stop_first
from tonearm.cli.target import STANDARD, whole, written
from tonearm.cli.terminal import out
from tonearm.cli.wording import size
from tonearm.errors import DatabaseInUse, SetupError
from tonearm.ops import logs
from tonearm.ops.hatch import Order
from tonearm.settings import Settings, load
from tonearm.store.sqlite import backups
from tonearm.store.sqlite.backups import Contents

SHARED = (
    "The queue is in Redis, and has no file of ours. `tonearm export FILE` writes all of its jobs into one, "
    "`tonearm import FILE` brings them back."
)


def back_up(target: Path) -> None:
    """Write the whole queue to *target*, which has its name only when it is whole, checked and on the disk.

    Raises:
        SetupError: a setting, the queue or the file is not as it has to be.
    """
    settings = settings_of_queue()
    if settings.shared_queue() is not None:
        raise SetupError(SHARED)
    if target == STANDARD:
        raise SetupError("A backup is read again and checked before it gets its name, so it has to be a file.")
    found: list[Contents] = []

    def check(part: Path) -> None:
        found.append(backups.contents(part, settings.database))

    with whole(target, check) as file, written(file) as take:
        if ask_holder(settings, Order("backup"), take) is None:  # no process has the queue
            _take(settings, Path(file.name))
    length = target.stat().st_size
    out.document({"success": True, "file": str(target), "size": length, **_counts(found[0])})
    out.line(f"{_told(found[0])} are in {target}, {size(length)}")


def _take(settings: Settings, part: Path) -> None:
    try:
        backups.take(settings.database, part)
    except DatabaseInUse as error:
        raise SetupError(in_use(settings)) from error


def restore(source: Path, *, replace: bool) -> None:
    """Put a backup in the place of the queue; what was there stays beside it.

    Raises:
        SetupError: the backup, or the queue, is not as it has to be; nothing was changed.
    """
    settings = load()
    logs.set_up(settings)
    if settings.shared_queue() is not None:
        raise SetupError(SHARED)
    try:
        found, before = backups.restore(source, settings.database, replace=replace)
    except DatabaseInUse as error:
        raise SetupError(stop_first(settings)) from error
    out.document({"success": True, "before": None if before is None else str(before), **_counts(found)})
    out.line(f"{_told(found)} are in {settings.database}")
    if before is not None:
        out.line(f"What was there is in {before}")
    if found.keys:
        out.note("The keys are those of the backup, also such as were revoked since then: tonearm keys list")


def _counts(found: Contents) -> dict[str, int]:
    return {"jobs": found.jobs, "keys": found.keys}


def _told(found: Contents) -> str:
    return " and ".join(
        f"{count:,} {things if count != 1 else things[:-1]}" for things, count in _counts(found).items()
    )
