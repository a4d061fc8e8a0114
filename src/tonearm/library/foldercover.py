"""Folder covers: the picture that players look for beside the music, `cover.jpg` or, by its content, `cover.png`.

It comes into an album's folder the way music does: from the stage, whole, synced, never in place of something that is
there, through no link. It comes once, with whichever track is published first. It is no file of a job: nobody waits for
it, and whoever calls makes of its failure what it is, a warning. Whoever shows an album reads it from there again.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tonearm.errors import DiskError
from tonearm.library import folders
from tonearm.library.naming import fold, resolve
from tonearm.library.pictures import MAX_PICTURE_BYTES, BadPicture, Picture
from tonearm.library.publishing import NameTaken, prepare, publish
from tonearm.volume import disk_failures

COVERS = ("cover.jpg", "cover.png")
"""What it is called."""

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # O_NONBLOCK: a pipe must not keep us waiting
_KEYS = frozenset(fold(name) for name in (*COVERS, "cover.jpeg"))


def add_cover(stage: Path, root: Path, beside: str, picture: Picture, *, umask: int) -> bool:
    """Publish *picture* beside the published file *beside* of the library *root*, by way of the folder *stage*.

    A folder that has a cover keeps it; so does the library itself, which is no album. True if it came now.

    Raises:
        DiskFull, DiskError: the disk refused, or a link or a file stands in the way; nothing half has the name.

    Cost: two looks where there is a cover; else a look at every name of the folder, and what publishing costs.
    """
    name = f"cover.{picture.extension}"
    album, slash, _ = beside.rpartition("/")
    if not slash or _has_cover(root, beside):
        return False
    staged = stage / name
    with disk_failures("writing the cover", stage):
        staged.unlink(missing_ok=True)
        staged.write_bytes(picture.content)
    prepare(staged, umask=umask)
    try:
        publish(staged, root, f"{album}/{name}", umask=umask)
    except NameTaken:
        return False
    return True


def read_cover(root: Path, beside: str) -> Picture | None:
    """The cover beside the published file *beside* of the library *root*; None: there is none that could be shown.

    Whatever has its name but is no whole picture of a bearable size, a link for instance, is none. Blocks.

    Cost: one look and one read of at most `MAX_PICTURE_BYTES`.
    """
    for name in COVERS:
        try:
            resolve(root, beside)
            with folders.opened(root, beside) as (folder, _):
                descriptor = os.open(name, _FILE, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return Picture.of(file.read(MAX_PICTURE_BYTES + 1))
        except (OSError, DiskError, BadPicture):
            continue
    return None


def _has_cover(root: Path, beside: str) -> bool:
    """Whether the folder of *beside* has a cover, under whatever spelling of case; a link or a folder counts too."""
    resolve(root, beside)
    with disk_failures("looking for a cover", root), folders.opened(root, beside) as (folder, _):
        for name in COVERS:
            try:
                os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            return True
        with os.scandir(folder) as entries:
            return any(fold(entry.name) in _KEYS for entry in entries)
