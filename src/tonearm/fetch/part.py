"""The part: the bytes of an unfinished download, and the sidecar that says what they are bytes of.

`part` holds the bytes, `part.json` beside it where they came from. The sidecar is on disk before the first byte, and a
new one only after the old bytes are gone, so the two belong together whenever the process dies. Nothing here is
fsynced: a kill loses nothing that was written, and after a power cut the boot id disowns it all.
Everything here blocks; it runs on the writer's thread.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import msgspec
from yarl import URL

from tonearm.clock import Clock, SystemClock
from tonearm.errors import BadAnswer
from tonearm.fetch.hosts import HostPort
from tonearm.fetch.limits import MIB
from tonearm.model import Media
from tonearm.stopping import checkpoint

PART = "part"
SIDECAR = "part.json"
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}")
_MOST_PIECES = 512  # in one writev; Linux and macOS take 1024


Room = Callable[[int | None, int], None]
"""Told before each write, on its thread, the size of the whole file (None: unknown) and how many bytes of it will be on
disk; raises DiskFull where they must not."""


def any_room(size: int | None, done: int) -> None:
    """The `Room` that refuses nothing."""


class Sidecar(msgspec.Struct, frozen=True):
    """What the bytes of a part belong to."""

    source: str
    """Scheme, host, port and path of the media URL as the catalog gave it."""
    checksum: str | None
    validator: str | None
    """Strong, for If-Range; without one the bytes are never continued."""
    size: int | None
    """Of the whole file."""
    boot: str

    def may_continue(self, wanted: Self) -> bool:
        """Tell whether bytes under this sidecar are a beginning of what *wanted* describes."""
        if self.boot != wanted.boot or wanted.size not in (None, self.size):
            return False
        if self.checksum and wanted.checksum:
            return self.checksum == wanted.checksum
        return self.source == wanted.source


# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_SIDECARS = msgspec.json.Decoder(Sidecar)


def describe(media: Media, url: URL, boot: str) -> Sidecar:
    """Say what *media* is before anything was asked."""
    source = f"{url.scheme}://{HostPort.of(url)}{url.raw_path}"
    return Sidecar(source=source, checksum=_checksum(media), validator=None, size=media.size_bytes, boot=boot)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Bytes on disk that may be continued: those before *offset*, if the server still has the file of *validator*."""

    sidecar: Sidecar
    offset: int
    validator: str


def find(folder: Path, wanted: Sidecar) -> Beginning | None:
    """Find a part in *folder* that may be continued. Of a whole file the last byte is left to be asked for."""
    old, size = _read(folder), _size(folder)
    if old is None or old.validator is None or old.size is None or not old.may_continue(wanted):
        return None
    offset = min(size, old.size - 1)
    return Beginning(old, offset, old.validator) if size <= old.size and offset > 0 else None


def mark_of(folder: Path, *, clock: Clock | None = None) -> int:
    """Tell how many bytes of a part lie in *folder*; 0 if there is none, or it was written before this boot.

    Blocks. For the recovery at start, which tells the store how far a dead worker had come.
    """
    sidecar = _read(folder)
    if sidecar is None or sidecar.boot != (clock or SystemClock()).boot_id():
        return 0
    return _size(folder)


def drop(folder: Path) -> None:
    """Remove the part and its sidecar, the bytes first."""
    for name in (PART, SIDECAR):
        (folder / name).unlink(missing_ok=True)


class PartFile:
    """The part as it is being written, by one thread at a time."""

    def __init__(self, folder: Path, algorithm: str | None, *, total: int | None = None, room: Room = any_room) -> None:
        self.path = folder / PART
        self._room = partial(room, total)
        self._descriptor: int | None = None
        self._hash = hashlib.new(algorithm, usedforsecurity=False) if algorithm else None
        self.written = 0
        """Bytes of the file on disk."""

    def open(self, offset: int, sidecar: Sidecar) -> None:
        """Keep the first *offset* bytes (0: start anew, under *sidecar*) and stand at their end."""
        self._room(offset)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        # Its mode is that of any new file: the library publishes this very file for others to read.
        self._descriptor = os.open(self.path, flags, 0o666)
        os.ftruncate(self._descriptor, offset)
        if offset == 0:
            _write_sidecar(self.path.parent, sidecar)
        elif self._hash is not None:
            self._hash_old(offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        self.written = offset

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append *pieces* in one call of the system, wherever it takes them whole."""
        assert self._descriptor is not None, "the part is not open"
        batch = pieces if len(pieces) <= _MOST_PIECES else [b"".join(pieces)]
        left = sum(map(len, pieces))
        self._room(self.written + left)
        done = os.writev(self._descriptor, batch)
        if done < left:
            rest = memoryview(b"".join(pieces))[done:]
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        self.written += left
        if self._hash is not None:
            for piece in pieces:
                self._hash.update(piece)

    def close(self) -> None:
        """Close the file; again is harmless."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def checksum(self) -> str | None:
        """Give `algorithm:hex` of all bytes, if one was asked for."""
        return f"{self._hash.name}:{self._hash.hexdigest()}" if self._hash is not None else None

    def _hash_old(self, offset: int) -> None:
        assert self._descriptor is not None
        assert self._hash is not None
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        while offset > 0:
            checkpoint()
            old = os.read(self._descriptor, min(offset, MIB))
            if not old:
                raise OSError("the part became shorter while it was read")
            self._hash.update(old)
            offset -= len(old)


def algorithm_of(media: Media) -> str | None:
    """Name the hash that proves the whole file, if the catalog gave a checksum."""
    return media.checksum.partition(":")[0].lower() if media.checksum else None


def _checksum(media: Media) -> str | None:
    if media.checksum is None:
        return None
    checksum = media.checksum.lower()
    if not _CHECKSUM.fullmatch(checksum):
        raise BadAnswer("The catalog gave a checksum that is neither sha256:… nor md5:…")
    return checksum


def _write_sidecar(folder: Path, sidecar: Sidecar) -> None:
    fresh = folder / f"{SIDECAR}.new"
    fresh.write_bytes(msgspec.json.encode(sidecar))
    fresh.replace(folder / SIDECAR)


def _read(folder: Path) -> Sidecar | None:
    try:
        return _SIDECARS.decode((folder / SIDECAR).read_bytes())
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _size(folder: Path) -> int:
    try:
        return (folder / PART).stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0
