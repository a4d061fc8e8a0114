"""The volume: how much room it has, and what it means when the file system refuses something.

For everything that touches files, so that one kind of trouble has one code and one wording wherever it is met. What
follows from it for a job is decided elsewhere.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tonearm.errors import DiskError, DiskFull

MB = 1_000_000

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FAULTS = _FULL | {errno.EIO, errno.EROFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.EACCES}


def in_mb(size: int) -> str:
    """A number of bytes for people, in the unit of QUEUE_DISK_SPACE_MIN_MB."""
    return f"{size / MB:.1f} MB" if size < 10 * MB else f"{size // MB} MB"


def free_bytes(path: Path) -> int:
    """Bytes on the volume of *path* that this user may still take.

    Raises:
        DiskError: the volume does not answer.
    """
    volume = _volume(path)
    return volume.f_bavail * volume.f_frsize


def whole_bytes(path: Path) -> int:
    """Bytes that the volume of *path* has in all, whoever uses them.

    Raises:
        DiskError: the volume does not answer.
    """
    volume = _volume(path)
    return volume.f_blocks * volume.f_frsize


def _volume(path: Path) -> os.statvfs_result:
    try:
        return os.statvfs(path)
    except OSError as error:
        raise DiskError(f"The free space of {path} cannot be read: {error.strerror}") from error


def sync(descriptor: int) -> None:
    """Return when what *descriptor* stands for is on the medium (macOS: also out of the drive's cache)."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when the names in *folder* are on the medium.

    Raises:
        OSError: the disk refused.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def disk_fault(error: BaseException) -> OSError | None:
    """The disk's own refusal in *error* or wrapped in it (mutagen does), None for any other kind of trouble."""
    for found in (error, *error.args[:1]):
        if isinstance(found, OSError) and found.errno in _FAULTS:
            return found
    return None


@contextmanager
def disk_failures(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError of the block into `DiskFull` or `DiskError`; *doing* follows "while" in the message."""
    try:
        yield
    except OSError as error:
        raise disk_failure(error, doing, path) from error


def disk_failure(error: OSError, doing: str, path: Path) -> DiskFull | DiskError:
    """What to raise in place of *error*, that came while *doing* something on the volume of *path*."""
    if error.errno not in _FULL:
        return DiskError(f"{error.strerror or error} while {doing}")
    try:
        free = free_bytes(path)
    except DiskError:
        free = 0
    return DiskFull(f"The disk is full while {doing}: {in_mb(free)} free", free=free, needed=None)
