"""Archives: files of the library as one ZIP that is sent while it is read, its length known before the first byte.

The files are looked at first, one after the other, and held open one at a time while they are sent; both by folder
descriptors, so that no link leads out of the library. Nothing is compressed: music does not become smaller. In memory
lies what a ZIP needs of each entry until its end (name, length, checksum), about 1.5 kB a file, and one piece of
one file. The format is that of `zipstream`, with ZIP64 where it is needed (APPNOTE.TXT 6.3, sections 4.3 and 4.5).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zipstream  # type: ignore[import-untyped]  # it has no types; nothing but this module names it

from tonearm.errors import DiskError, FileUnavailable
from tonearm.library import folders
from tonearm.library.naming import resolve

PIECE_BYTES = 512 * 1024
"""About how much is read and sent at a time."""

_MISCOUNTED = 0xFFFF
"""With exactly so many entries, zipstream-ng 1.9 announces 76 bytes less than it sends."""

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # O_NONBLOCK: a pipe must not keep us waiting


class Archive:
    """The ZIP of files of the library *root*. All calls block, one at a time; first `add`, then `size`, then `pieces`.

    The entries have the files' names relative to the library, so that unpacking makes the same folders again.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._zip: Any = zipstream.ZipStream(sized=True)
        self.count = 0
        """How many files were added."""
        self._folder = ""
        self._sealed = False

    def add(self, paths: Iterable[str]) -> None:
        """Add files by their names relative to the library.

        Raises:
            FileUnavailable: one of them is not there, is no regular file, or cannot be read; names it.

        Cost: a few system calls a file.
        """
        for path in paths:
            with _opened(self._root, path) as (_, status):
                entry = _Entry(self._root, path, status.st_size, status.st_mtime_ns, status.st_ino)
            self._zip.add(entry, path, size=entry.size)
            self._folder = path.rpartition("/")[0]
            self.count += 1

    @property
    def size(self) -> int:
        """The length of the whole ZIP in bytes; nothing can be added any more."""
        self._seal()
        return len(self._zip)

    def pieces(self) -> Generator[bytes]:
        """The ZIP, once, in pieces of about `PIECE_BYTES`. Closing the iterator closes the file that is being read.

        Raises:
            FileUnavailable: a file is not the one that was added any more; what came so far is no ZIP.
        """
        self._seal()
        gathered: list[bytes] = []
        room = PIECE_BYTES
        for part in self._zip:
            gathered.append(part)
            room -= len(part)
            if room <= 0:
                yield b"".join(gathered)
                gathered, room = [], PIECE_BYTES
        yield b"".join(gathered)

    def _seal(self) -> None:
        if not self._sealed and self.count == _MISCOUNTED:
            self._zip.mkdir(self._folder or "music")  # one entry more, a folder, is counted rightly
        self._sealed = True


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file as it was when it was added. Iterating reads it, if it is still the same."""

    root: Path
    path: str
    size: int
    mtime_ns: int
    inode: int

    def __iter__(self) -> Iterator[bytes]:
        with _opened(self.root, self.path) as (descriptor, status):
            self._require_same(status)
            left = self.size
            while left:
                piece = os.read(descriptor, min(left, PIECE_BYTES))
                if not piece:
                    break
                left -= len(piece)
                yield piece
            self._require_same(os.fstat(descriptor))

    def _require_same(self, status: os.stat_result) -> None:
        if (status.st_size, status.st_mtime_ns, status.st_ino) != (self.size, self.mtime_ns, self.inode):
            raise FileUnavailable(self.path, "it was changed meanwhile")


@contextmanager
def _opened(root: Path, path: str) -> Iterator[tuple[int, os.stat_result]]:
    """Open a regular file of the library, no link followed; gives its descriptor and status.

    Raises:
        FileUnavailable: this, or reading it inside the block, failed.
    """
    try:
        resolve(root, path)
        with folders.opened(root, path) as (folder, name):
            descriptor = os.open(name, _FILE, dir_fd=folder)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise FileUnavailable(path, "it is not a regular file")
            yield descriptor, status
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise FileUnavailable(path, "it is not there any more") from error
    except (OSError, DiskError) as error:
        raise FileUnavailable(path, str(getattr(error, "strerror", None) or error)) from error
