"""Removal: taking files out of the library again, only those that a job brought and nobody has touched since.

A file goes when it is still the one that was committed (its name, size and inode) and nothing was written to it since.
Anything else stays, and the answer says why. Folders that became empty go too, up to the library, which stays; a
folder cover that came while the job ran does not keep its folder alive. All happens by folder descriptors, so no link
leads out of the library. Whether another job names a file, the store knows. The argument is in docs/adr/0016.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

from tonearm.errors import DiskError
from tonearm.library import folders
from tonearm.library.foldercover import COVERS
from tonearm.library.naming import resolve
from tonearm.model import Publication
from tonearm.volume import sync

_COARSE_MS = 2_000
"""How coarse the times of some file systems are (FAT), milliseconds."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was not removed, relative to the library, and the reason for people."""

    path: str
    why: str


@dataclass(slots=True)
class Removal:
    """What came of some files: *removed* by this call, *kept*, and how many were *missing*, that is gone before."""

    removed: list[str] = field(default_factory=list[str])
    kept: list[Kept] = field(default_factory=list[Kept])
    missing: int = 0

    def keep(self, path: str, why: str) -> None:
        """Say of a file that it stays, and why."""
        self.kept.append(Kept(path, why))

    def add(self, other: Removal) -> None:
        """Add what came of more files."""
        self.removed += other.removed
        self.kept += other.kept
        self.missing += other.missing


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a job was submitted and when it ended, wall milliseconds."""

    began: int
    ended: int

    def is_over_at(self, moment_ns: int) -> bool:
        """Whether the job had ended at *moment_ns*, wall nanoseconds."""
        return moment_ns > (self.ended + _COARSE_MS) * 1_000_000

    def has_seen(self, moment_ns: int) -> bool:
        """Whether the job was there at *moment_ns*, wall nanoseconds."""
        return moment_ns >= (self.began - _COARSE_MS) * 1_000_000 and not self.is_over_at(moment_ns)


def has_library(root: Path, stage_dir: Path) -> bool:
    """Whether the library and its stage are here: a machine that only answers need not have their volume."""
    return root.is_dir() and stage_dir.is_dir()


def remove(root: Path, publications: Sequence[Publication], job: Lifetime) -> Removal:
    """Remove published files of the library *root*, and the folders that hold nothing more then.

    A file that was written to after the *job* is somebody's work and stays. Where the library had the very file
    before, the committed inode is that of a copy which was not needed, so the file stays, too. Said again it is
    harmless. After this returns, no removed name comes back with a power cut.

    Cost: a few system calls a file, and a look and a sync a folder.
    """
    removal = Removal()
    for folder, group in groupby(publications, lambda each: each.path.rpartition("/")[0]):
        _remove_files(root, list(group), job, removal)
        if folder:
            _remove_cover(root, folder, job, removal)
            _remove_folders(root, folder)
    return removal


def _remove_files(root: Path, files: Sequence[Publication], job: Lifetime, removal: Removal) -> None:
    """Remove files of one folder."""
    left = list(files)
    try:
        for each in files:
            resolve(root, each.path)
        with folders.opened(root, files[0].path) as (folder, _):
            while left:
                _remove_file(folder, left[0], job, removal)
                left.pop(0)
            sync(folder)
    except FileNotFoundError:
        removal.missing += len(left)
    except (OSError, DiskError) as error:
        for each in left:
            removal.keep(each.path, _reason(error))


def _remove_file(folder: int, publication: Publication, job: Lifetime, removal: Removal) -> None:
    name = publication.path.rpartition("/")[2]
    try:
        why = _changed(os.stat(name, dir_fd=folder, follow_symlinks=False), publication, job)
        if why is None:
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        removal.missing += 1
        return
    except OSError as error:
        why = _reason(error)
    if why is None:
        removal.removed.append(publication.path)
    else:
        removal.keep(publication.path, why)


def _changed(status: os.stat_result, publication: Publication, job: Lifetime) -> str | None:
    """Why what has the name is not the file that was published; None if it is."""
    if not stat.S_ISREG(status.st_mode):
        return "it is not a file any more"
    if status.st_ino != publication.inode:
        return "it is not the file that this job published"
    if status.st_size != publication.size or job.is_over_at(status.st_mtime_ns):
        return "it was changed since it was published"
    return None


def _remove_cover(root: Path, folder: str, job: Lifetime, removal: Removal) -> None:
    """Remove the cover of a folder in which it is all that is left, if it came while the job was there."""
    try:
        with folders.opened(root, f"{folder}/{COVERS[0]}") as (inside, _):
            with os.scandir(inside) as entries:
                names = [entry.name for entry in islice(entries, 2)]
            if len(names) != 1 or names[0] not in COVERS:
                return
            status = os.stat(names[0], dir_fd=inside, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and job.has_seen(status.st_mtime_ns):
                os.unlink(names[0], dir_fd=inside)
                removal.removed.append(f"{folder}/{names[0]}")
    except (OSError, DiskError):
        return


def _remove_folders(root: Path, folder: str) -> None:
    """Remove *folder* and those around it, up to the first that is not empty or cannot be removed."""
    while folder:
        try:
            with folders.opened(root, folder) as (parent, name):
                os.rmdir(name, dir_fd=parent)
                sync(parent)
        except FileNotFoundError:
            pass
        except (OSError, DiskError):
            return
        folder = folder.rpartition("/")[0]


def _reason(error: OSError | DiskError) -> str:
    return error.message if isinstance(error, DiskError) else error.strerror or str(error)
