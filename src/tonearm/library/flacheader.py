"""FLAC headers: new metadata for a file without touching its audio.

Where the new header fits into the room of the old one (encoders leave padding for that), the downloaded file itself is
renamed to the target and its header overwritten: no audio is copied, and it goes to disk once (docs/adr/0004 has the
measurement). Where it does not fit, the header is written once and the audio copied behind it by the kernel.

The download must stay resumable until the commit. A copy leaves it alone; the rename keeps an *undo* beside it, the old
header under `<source>.undo`, written before anything changes. `restore` brings a half or wholly rewritten file back to
the bytes that were received. A file that the library already shares (two links) is never written to again. After a
power cut the received bytes are disowned anyway, so nothing is fsynced here.
"""

from __future__ import annotations

import errno
import os
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import mutagen.flac

from tonearm.errors import Stopped
from tonearm.library import flac
from tonearm.library.pictures import Picture
from tonearm.library.tagforms import FRONT_COVER, Tags, into_comments, picture_block
from tonearm.stopping import PIECE, checkpoint

UNDO = ".undo"
NEW_PADDING = 4096
"""Bytes of room that a new header leaves for the next editor of the tags."""

_VENDOR = "tonearm"
_mutagen_flac: Any = mutagen.flac  # typed only in part
_CHUNK = 1024 * 1024
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM})


def write(source: Path, target: Path, tags: Tags, cover: Picture | None) -> None:
    """Make *target* the audio of *source* under a header with *tags*. *source* is gone if no copy was needed.

    Raises:
        Corrupt, OSError, ValueError or what mutagen raises over hostile comments: *source* is as it was.
    """
    with source.open("rb") as file:
        metadata = flac.read_metadata(file, os.fstat(file.fileno()).st_size)
        blocks = _blocks(metadata, tags, cover)
        room = metadata.audio_offset
        padding = _padding(room - _length(blocks))
        if padding is not None:
            file.seek(0)
            _replace(source, target, file.read(room), _header(blocks, padding))
        else:
            _copy(file.fileno(), room, target, _header(blocks, NEW_PADDING))


def restore(folder: Path) -> None:
    """Bring files of *folder* that `write` renamed back to the bytes and the name that they had. Again is harmless.

    Only for a folder that nobody else works in any more.
    """
    for undo in folder.glob("*" + UNDO):
        name, _, header = undo.read_bytes().partition(b"\n")
        source, target = undo.with_name(undo.name.removesuffix(UNDO)), folder / os.fsdecode(name)
        if not source.exists() and target.is_file() and target.stat().st_nlink == 1:
            with target.open("r+b", buffering=0) as file:
                _write_all(file.fileno(), header)
            target.rename(source)
        undo.unlink()


def copy(source: Path, target: Path) -> None:
    """Make *target* a copy of *source*."""
    with source.open("rb") as file:
        _copy(file.fileno(), 0, target, b"")


def _blocks(metadata: flac.Metadata, tags: Tags, cover: Picture | None) -> list[flac.Block]:
    """The new metadata: all that the file has but padding, with new comments and, where there is one, the cover."""
    comments = _mutagen_flac.VCFLACDict()
    comments.vendor = _VENDOR
    kept: list[flac.Block] = []
    for block in metadata.blocks:
        if block.type == flac.VORBIS_COMMENT:
            comments.load(BytesIO(block.content))
        elif block.type != flac.PADDING and not (cover and _is_front(block)):
            kept.append(block)
    into_comments(comments, tags)
    kept.append(flac.Block(flac.VORBIS_COMMENT, comments.write(framing=False)))
    if cover is not None:
        kept.append(flac.Block(flac.PICTURE, picture_block(cover)))
    return kept


def _is_front(block: flac.Block) -> bool:
    return block.type == flac.PICTURE and block.content[:4] == FRONT_COVER.to_bytes(4, "big")


def _length(blocks: list[flac.Block]) -> int:
    return len(flac.MAGIC) + sum(4 + len(block.content) for block in blocks)


def _padding(left: int) -> int | None:
    """Bytes inside the padding block that fills *left* bytes, -1 where none is needed, None where none fits."""
    if left == 0:
        return -1
    return left - 4 if 4 <= left <= flac.MAX_BLOCK_BYTES else None


def _header(blocks: list[flac.Block], padding: int) -> bytes:
    """The bytes of *blocks*, the last one marked."""
    if padding >= 0:
        blocks = [*blocks, flac.Block(flac.PADDING, bytes(padding))]
    parts = [flac.MAGIC]
    for index, block in enumerate(blocks, 1):
        if len(block.content) > flac.MAX_BLOCK_BYTES:
            raise ValueError("a metadata block is larger than FLAC allows")
        last = 0x80 if index == len(blocks) else 0
        parts += struct.pack(">I", (last | block.type) << 24 | len(block.content)), block.content
    return b"".join(parts)


def _replace(source: Path, target: Path, old: bytes, new: bytes) -> None:
    undo = source.with_name(source.name + UNDO)
    undo.write_bytes(os.fsencode(target.name) + b"\n" + old)
    source.rename(target)
    try:
        with target.open("r+b", buffering=0) as file:
            _write_all(file.fileno(), new)
    except OSError:
        restore(target.parent)
        raise


def _copy(source: int, offset: int, target: Path, header: bytes) -> None:
    target.unlink(missing_ok=True)  # never through an old link into what is published
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _write_all(descriptor, header)
        _copy_rest(source, offset, descriptor)
    except (OSError, Stopped):
        target.unlink()
        raise
    finally:
        os.close(descriptor)


def _copy_rest(source: int, offset: int, target: int) -> None:
    """Append all of *source* from *offset* on, in the kernel where it can."""
    while hasattr(os, "copy_file_range"):
        checkpoint()
        try:
            done = os.copy_file_range(source, target, PIECE, offset)
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
            break
        if not done:
            return
        offset += done
    while chunk := os.pread(source, _CHUNK, offset):
        checkpoint()
        _write_all(target, chunk)
        offset += len(chunk)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
