"""Opening files below a folder, and nowhere else.

Paths are bytes, relative to the folder, separated by slashes. Every step is opened through the descriptor of the one
before it and no link is followed, so that neither a link nor a folder swapped for one at the wrong moment leads out.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file's bytes do: inode, size in bytes, and the times of contents and inode, nanoseconds.

    The inode's own time cannot be set back, so a tag editor that restores the modification time is seen too.
    """

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp in *status*; inode numbers beyond SQLite's 63 bits are folded."""
        return cls(status.st_ino & (2**63 - 1), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def open_beneath(folder: bytes, path: bytes) -> BinaryIO:
    """Open the regular file at *path* below *folder* for reading.

    Raises:
        OSError: not there, not a regular file, not readable, or a link on the way.
        ValueError: the path has an empty part, `.` or `..`.
    """
    *inner, name = parts = path.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts):
        raise ValueError("a path below the folder has no empty part, '.' or '..'")
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in inner:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        return open_here(here, name)
    finally:
        os.close(here)


def open_here(folder: int, name: bytes) -> BinaryIO:
    """Open the regular file *name* for reading, in the folder with this descriptor.

    Raises:
        OSError: as in `open_beneath`.
    """
    # Without O_NONBLOCK, a pipe among the music would hold us until somebody writes into it.
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "not a regular file")
    return os.fdopen(descriptor, "rb")
