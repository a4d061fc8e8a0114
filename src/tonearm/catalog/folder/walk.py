"""Walking the folder: which music files are there now, and which were passed over.

Hidden files and folders are not music. Links are not followed: what they point to is served where it lies, if that is
inside the folder. Only names and stamps are read here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from tonearm.catalog.folder.beneath import Stamp
from tonearm.catalog.folder.names import readable
from tonearm.catalog.folder.pictures import folder_picture
from tonearm.catalog.folder.tags import SUFFIXES
from tonearm.errors import SetupError


@dataclass(frozen=True, slots=True)
class Found:
    """A file with a music name. Paths are relative to the folder; *cover* is the picture lying beside it."""

    path: bytes
    stamp: Stamp
    cover: bytes | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that is not served, and why, for people."""

    path: str
    reason: str


def walk(folder: bytes) -> Iterator[Found | Skipped]:
    """Everything with a music name below *folder*, folder by folder, names in order.

    Raises:
        SetupError: *folder* itself is not there or cannot be listed.
    """
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise SetupError(f"The music folder {readable(folder)} cannot be read: {error.strerror}") from error
    failed: list[OSError] = []
    for here, folders, names, descriptor in os.fwalk(folder, onerror=failed.append):
        folders[:] = sorted(name for name in folders if not name.startswith(b"."))
        inside = os.path.relpath(here, folder)
        prefix = b"" if inside == b"." else inside + b"/"
        cover = folder_picture(names)
        for name in sorted(names):
            if name.startswith(b".") or name.rpartition(b".")[2].lower() not in SUFFIXES:
                continue
            yield _look(descriptor, name, prefix, cover)
    for failure in failed:
        yield Skipped(_relative(failure.filename, folder), failure.strerror or "cannot be listed")


def _look(folder: int, name: bytes, prefix: bytes, cover: bytes | None) -> Found | Skipped:
    path = prefix + name
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        return Skipped(readable(path), error.strerror or "cannot be read")
    if stat.S_ISLNK(status.st_mode):
        return Skipped(readable(path), "a link; links are not followed")
    if not stat.S_ISREG(status.st_mode):
        return Skipped(readable(path), "not a regular file")
    return Found(path=path, stamp=Stamp.of(status), cover=prefix + cover if cover else None)


def _relative(name: bytes | str | None, folder: bytes) -> str:
    path = os.fsencode(name) if name else folder
    return readable(os.path.relpath(path, folder))
