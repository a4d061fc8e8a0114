"""Folders: walking below the library by descriptor, so that no link can lead a file out of it.

Each part of a path is opened in the folder before it, and a symbolic link is refused. The library itself may be a link:
that is the operator's choice. New folders get the operator's mode and are on disk before anything is put into them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tonearm.errors import DiskError
from tonearm.stopping import PIECE, checkpoint
from tonearm.volume import sync

_WRITE_AND_WAIT = 7  # all three flags of sync_file_range(2)
_sync_file_range = getattr(ctypes.CDLL(None, use_errno=True), "sync_file_range", None)
if _sync_file_range is not None:
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Whoever finds a folder that another thread has just made may rely on it: it is made and synced under this lock.
_making = threading.Lock()


@contextmanager
def opened(root: Path, relative: str) -> Iterator[tuple[int, str]]:
    """Open the folder that holds the file *relative*; gives its descriptor and the file's own name.

    Raises:
        FileNotFoundError: a folder on the way is not there.
        DiskError: a link or a file stands in the way.
    """
    *folders, name = relative.split("/")
    descriptor = os.open(root, _FOLDER)
    try:
        for part in folders:
            descriptor = _enter(descriptor, part)
        yield descriptor, name
    finally:
        os.close(descriptor)


def make(root: Path, relative: str, umask: int) -> None:
    """Make the folders that the file *relative* needs, 0777 less *umask*, each one synced into its parent.

    Raises:
        DiskError: a link or a file stands in the way.
        OSError: the disk refused.
    """
    with _making:
        descriptor = os.open(root, _FOLDER)
        try:
            for part in relative.split("/")[:-1]:
                if _made(descriptor, part, umask):
                    sync(descriptor)
                descriptor = _enter(descriptor, part)
        finally:
            os.close(descriptor)


def own_umask() -> int:
    """The umask of this process; the system tells it only in exchange for another one."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def sync_all(root: Path, relative: str) -> None:
    """Sync every folder from the one of the file *relative* up to the library."""
    for depth in range(relative.count("/") + 1, 0, -1):
        with opened(root, "/".join(relative.split("/")[:depth])) as (descriptor, _):
            sync(descriptor)


def sync_file(descriptor: int) -> None:
    """Return when the file is on the medium. A large one goes there in pieces where the system can (Linux).

    Raises:
        Stopped: nobody wants it any more.
        OSError: the disk refused.
    """
    for offset in range(0, os.fstat(descriptor).st_size - PIECE, PIECE):
        checkpoint()
        if not _synced(descriptor, offset):
            break
    checkpoint()
    sync(descriptor)


def _synced(descriptor: int, offset: int) -> bool:
    """Write one piece of the file to the medium, so that a sync finds less to do; False where that cannot be had."""
    if _sync_file_range is None:
        return False
    if _sync_file_range(descriptor, offset, PIECE, _WRITE_AND_WAIT) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(code, os.strerror(code))  # told once: a sync that follows would not hear of it any more


def _enter(parent: int, part: str) -> int:
    """Exchange the open folder *parent* for its folder *part*."""
    try:
        child = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise DiskError(f"In the library, {part!r} is a link or a file where a folder is needed") from error
        raise
    os.close(parent)
    return child


def _made(parent: int, part: str, umask: int) -> bool:
    """Make *part* in *parent*; False if something of that name is there."""
    try:
        os.mkdir(part, 0o777, dir_fd=parent)
    except FileExistsError:
        return False
    child = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    try:
        # The process has a umask of its own, and a setgid parent has handed its bit on.
        mode = stat.S_IMODE(os.fstat(child).st_mode)
        wanted = (0o777 & ~umask) | (mode & stat.S_ISGID)
        if mode != wanted:
            os.fchmod(child, wanted)
    finally:
        os.close(child)
    return True
