"""Publishing: the one step that makes a file of the library, all of it or nothing.

`prepare` brings the staged file to the medium; then the store records it (the commit point); then `publish` gives it
its name and syncs its folder. Nothing is replaced unless that was asked for, and no link below the library is followed.
A crash after the commit leaves either no file or the whole one under its final name; `published` tells which, by
inode and size, and the next holder adopts it. The argument is in docs/adr/0004.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from pathlib import Path

from tonearm.errors import DiskError
from tonearm.library import folders
from tonearm.library.naming import fold, resolve
from tonearm.model import Publication
from tonearm.volume import disk_failures, sync

_CHUNK = 1024 * 1024
_ATTEMPTS = 20
"""How often a folder may be removed under a file that is to come into it; each takes another file's removal."""

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class NameTaken(DiskError):
    """Another file has the name already; nothing was changed."""


def prepare(staged: Path, *, umask: int) -> tuple[int, int]:
    """Make the staged file readable for others (0666 less *umask*) and durable; returns its size and inode.

    Raises:
        DiskFull, DiskError: the disk refused; the file must not be published.
    """
    with disk_failures("bringing the file to disk", staged):
        descriptor = os.open(staged, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, 0o666 & ~umask)
            folders.sync_file(descriptor)
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    return status.st_size, status.st_ino


def publish(staged: Path, root: Path, relative: str, *, umask: int, replace: bool = False) -> None:
    """Give the prepared file *staged* its name *relative* in the library *root*; afterwards it survives a power cut.

    Folders that are missing are made, 0777 less *umask*; below a setgid folder everything takes its group. Said again
    after a crash, it finishes what was begun. *replace* puts the file in place of one that has the name.

    Raises:
        NameTaken: another file has the name, and *replace* is not set.
        DiskFull, DiskError: the disk refused, a link or a file stands in the way, or *staged* is on another volume.
    """
    resolve(root, relative)
    with disk_failures("publishing", root):
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                _publish_into(staged, root, relative, umask=umask, replace=replace)
                break
            except FileNotFoundError:  # of a folder: it was empty, and `removal` took it after it was made
                if attempt == _ATTEMPTS or not staged.exists():
                    raise
        staged.unlink(missing_ok=True)


def _publish_into(staged: Path, root: Path, relative: str, *, umask: int, replace: bool) -> None:
    folders.make(root, relative, umask)
    with folders.opened(root, relative) as (folder, name):
        _take_group(staged, folder)
        try:
            _place(staged, folder, name, replace=replace)
        except FileExistsError:
            if not _same(staged, folder, name):
                raise NameTaken(f"The library has a file of this name: {relative}") from None
        sync(folder)


def published(root: Path, publication: Publication) -> bool:
    """Whether the recorded file is in the library: its name, size and inode. If it is, its folders are synced now.

    Raises:
        DiskError: the library cannot be read.
    """
    with disk_failures("looking for the published file", root):
        status = _status(root, publication.path)
        if status is None or not stat.S_ISREG(status.st_mode):
            return False
        if (status.st_size, status.st_ino) != (publication.size, publication.inode):
            return False
        folders.sync_all(root, publication.path)
        return True


def has_twin(root: Path, relative: str) -> bool:
    """Whether the folder of *relative* holds another name that a case-folding or normalising file system takes for it.

    The very same name is no twin: `publish` finds out about that by itself.

    Raises:
        DiskError: the library cannot be read.

    Cost: a look at every name of the folder.
    """
    resolve(root, relative)
    with disk_failures("looking at the names of a folder", root):
        try:
            with folders.opened(root, relative) as (folder, name), os.scandir(folder) as entries:
                key = fold(name)
                return any(entry.name != name and fold(entry.name) == key for entry in entries)
        except FileNotFoundError:
            return False


def identical(first: Path, second: Path) -> bool:
    """Whether both are regular files with the same bytes. A file that is not there is not identical.

    Raises:
        DiskError: one of them cannot be read.
    """
    with disk_failures("comparing files", first):
        try:
            one, other = first.lstat(), second.lstat()
            if not (stat.S_ISREG(one.st_mode) and stat.S_ISREG(other.st_mode)) or one.st_size != other.st_size:
                return False
            if os.path.samestat(one, other):
                return True
            with first.open("rb", buffering=0) as left, second.open("rb", buffering=0) as right:
                while chunk := left.read(_CHUNK):
                    if chunk != right.read(_CHUNK):
                        return False
        except FileNotFoundError:
            return False
    return True


def _status(root: Path, relative: str) -> os.stat_result | None:
    resolve(root, relative)
    try:
        with folders.opened(root, relative) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _take_group(staged: Path, folder: int) -> None:
    """Give the file the group of a setgid folder, as one made there would have; where we may not, it keeps its own."""
    parent = os.fstat(folder)
    if not parent.st_mode & stat.S_ISGID or staged.stat(follow_symlinks=False).st_gid == parent.st_gid:
        return
    descriptor = os.open(staged, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, -1, parent.st_gid)
        sync(descriptor)
    except PermissionError:
        pass
    finally:
        os.close(descriptor)


def _place(staged: Path, folder: int, name: str, *, replace: bool) -> None:
    """Link or rename *staged* to *name* in *folder*, atomically, refusing a name that exists."""
    if replace:
        os.rename(staged, name, dst_dir_fd=folder)
        return
    try:
        os.link(staged, name, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_exclusively(staged, folder, name)


def _same(staged: Path, folder: int, name: str) -> bool:
    """Whether the name already leads to the staged file itself: a publish that a crash interrupted."""
    there = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return os.path.samestat(there, staged.stat(follow_symlinks=False))


_AT_FDCWD = -2 if sys.platform == "darwin" else -100
_RENAME_NOREPLACE = 4 if sys.platform == "darwin" else 1  # RENAME_EXCL there


def _rename_exclusively(staged: Path, folder: int, name: str) -> None:
    """For volumes without hard links (exFAT, some network mounts): a rename that refuses an existing name."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameatx_np" if sys.platform == "darwin" else "renameat2")
    if call(_AT_FDCWD, os.fsencode(staged), folder, os.fsencode(name), _RENAME_NOREPLACE) == 0:
        return
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code), name)
