"""What lies in a worker's folder of the stage: stages by their names, with their notes, and what belongs to no task.

A stage is a folder `<task>.<epoch>`, and the note in it says how far its claim has come. Whose the worker's folder is,
and what may be taken from it, is the business of `stage`; the lock in it that of `worklock`.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tonearm.errors import DiskError
from tonearm.library.worklock import BOOT, LOCK
from tonearm.model import Phase

_PHASE = "phase"
_ASIDE = "aside"
_BLOCK = 512  # bytes of st_blocks, whatever the file system's own blocks are
_CLAIM = re.compile(r"(?P<task>[^/.][^/]*)\.(?P<epoch>\d+)")


class Staged(NamedTuple):
    """The *folder* of one claim of a task."""

    folder: Path
    task_id: str
    epoch: int


def stage_name(task_id: str, epoch: int) -> str:
    """The name of a claim's folder.

    Raises:
        DiskError: no folder can be called like this.
    """
    name = f"{task_id}.{epoch}"
    if not _CLAIM.fullmatch(name) or "\0" in name:
        raise DiskError(f"Not the name of a task: {ascii(task_id)[:200]}")
    return name


def staged(worker: Path) -> Iterator[Staged]:
    """The stages in the folder of a worker."""
    for entry in entries(worker):
        match = _CLAIM.fullmatch(entry.name)
        if match is not None and not _is_aside(entry):
            yield Staged(entry, match["task"], int(match["epoch"]))


def leftovers(worker: Path) -> Iterator[Path]:
    """What lies in the folder of a worker and is neither a stage nor the folder's own."""
    for entry in entries(worker):
        if _is_aside(entry) or not (entry.name in (LOCK, BOOT) or _CLAIM.fullmatch(entry.name)):
            yield entry


def aside(worker: Path) -> Path:
    """A new name in the folder of a worker for what is about to be removed; `leftovers` finds what stays under it."""
    return worker / f"{_ASIDE}.{secrets.token_hex(8)}"


def entries(folder: Path) -> list[Path]:
    """What lies in *folder*; nothing if it is gone, or none."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def size_of(entry: Path) -> int:
    """The bytes that a folder, or a file, takes on the disk."""
    inside = entry.rglob("*") if entry.is_dir() and not entry.is_symlink() else [entry]
    return sum(each.stat(follow_symlinks=False).st_blocks for each in inside) * _BLOCK


def moved(old: Path, new: Path) -> bool:
    """Whether *old* was there to be renamed to *new*."""
    try:
        old.rename(new)
    except FileNotFoundError:
        return False
    return True


def remove_entries(found: Iterable[Path]) -> None:
    """Remove files, and folders with all that is in them; one that is gone is passed over."""
    for entry in found:
        try:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        except FileNotFoundError:
            continue


def note_phase(folder: Path, phase: Phase) -> None:
    """Leave a note in a stage that its claim has come as far as *phase*."""
    # One appended byte: a kill leaves either the old note or the new one.
    descriptor = os.open(folder / _PHASE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, b"%d" % phase)
    finally:
        os.close(descriptor)


def phase_of(folder: Path) -> Phase:
    """How far the claim of a stage has come, by its note."""
    try:
        noted = (folder / _PHASE).read_bytes()
    except FileNotFoundError:
        return Phase.CLAIMED
    digit = noted[-1:].decode("ascii", "replace")
    return Phase(int(digit)) if digit in {str(int(phase)) for phase in Phase} else Phase.CLAIMED


def _is_aside(entry: Path) -> bool:
    return entry.name.startswith(f"{_ASIDE}.")
