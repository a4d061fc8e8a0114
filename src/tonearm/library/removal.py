"""Removal: taking files out of the library again, only those that a job brought and nobody has touched since.

A file goes when it is still the one that was committed (its name, size and inode) and nothing was written to it since.
Anything else stays, and the answer says why. Folders that became empty go too, up to the library, which stays. All
happens by folder descriptors, so no link leads out of the library. Whether another job names the file, the store knows.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from tonearm.errors import DiskError
from tonearm.library import folders
from tonearm.library.naming import resolve
from tonearm.model import Publication

_COARSE_MS = 2_000
"""How coarse the times of some file systems are (FAT), milliseconds."""


@dataclass(frozen=True, slots=True)
class Stayed:
    """A file that was not removed, relative to the library, and the reason for people."""

    path: str
    why: str


def remove(root: Path, publication: Publication, until_ms: int) -> Stayed | None:
    """Remove a published file of the library *root*, and the folders that are empty then; None when it is gone.

    *until_ms*: when its job ended, wall milliseconds; a file that was written to later is somebody's work.
    A file that is not there any more counts as gone; saying it again is harmless. Where the library had the very file
    before, the committed inode is that of a copy which was not needed, so the file stays. After this returns, the name
    does not come back with a power cut.

    Cost: a few system calls.
    """
    path = publication.path
    try:
        resolve(root, path)
        with folders.opened(root, path) as (folder, name):
            if why := _changed(os.stat(name, dir_fd=folder, follow_symlinks=False), publication, until_ms):
                return Stayed(path, why)
            os.unlink(name, dir_fd=folder)
            folders.sync(folder)
    except FileNotFoundError:
        pass
    except (OSError, DiskError) as error:
        return Stayed(path, str(getattr(error, "strerror", None) or error))
    _remove_empty(root, path)
    return None


def _changed(status: os.stat_result, publication: Publication, until_ms: int) -> str | None:
    """Why what has the name is not the file that was published; None if it is."""
    if not stat.S_ISREG(status.st_mode):
        return "It is not a file any more"
    if status.st_ino != publication.inode:
        return "It is not the file that this job published"
    if status.st_size != publication.size or status.st_mtime_ns > (until_ms + _COARSE_MS) * 1_000_000:
        return "It was changed since it was published"
    return None


def _remove_empty(root: Path, path: str) -> None:
    """Remove the folders of *path* from the inside out, up to the first that is not empty or cannot be removed."""
    folder = path.rpartition("/")[0]
    while folder:
        try:
            with folders.opened(root, folder) as (parent, name):
                os.rmdir(name, dir_fd=parent)
                folders.sync(parent)
        except FileNotFoundError:
            pass
        except (OSError, DiskError):
            return
        folder = folder.rpartition("/")[0]
