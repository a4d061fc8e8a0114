"""RIFF INFO: the older tags of a WAVE file, kept from contradicting the ID3 ones.

A WAVE file can say its title twice, in an ID3 chunk and in a LIST chunk of type INFO (Multimedia Programming Interface
and Data Specifications 1.0, chapter 2), and some programs believe the second. Where a file has one, what the catalog
says replaces what it said of the same thing; a file without one gets none. Everything else in it stays, byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from tonearm.library.tagforms import Tags, agrees

_MOST_CHUNKS = 10_000
_MOST_BYTES = 1024 * 1024
_LARGEST = 2**32 - 1
_FILLER = b"JUNK"


def correct(path: Path, tags: Tags) -> None:
    """Let the INFO chunks of the WAVE file at *path* say what *tags* say.

    One that changes becomes filler where it is, and is written anew at the end, so that the audio need not move. One
    that is not well formed is left alone.

    Raises:
        ValueError: the file would be larger than RIFF can say.
        OSError: the disk refused.
    """
    with path.open("r+b") as file:
        for offset, size in list(_info_chunks(file)):
            file.seek(offset + 12)
            fields = _fields(file.read(size - 4))
            if fields is None or (corrected := _merged(fields, tags)) == fields:
                continue
            file.seek(offset)
            file.write(_FILLER)
            _append(file, corrected)


def _info_chunks(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Where the LIST INFO chunks begin, and their sizes without the eight bytes before."""
    offset = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(offset)
        header = file.read(12)
        if len(header) < 8:
            return
        size = int.from_bytes(header[4:8], "little")
        if header[:4] == b"LIST" and header[8:] == b"INFO" and 4 <= size <= _MOST_BYTES:
            yield offset, size
        offset += 8 + size + size % 2


def _fields(body: bytes) -> list[tuple[bytes, bytes]] | None:
    """The fields of an INFO chunk in their order; None if it is not made of fields."""
    fields: list[tuple[bytes, bytes]] = []
    at = 0
    while at < len(body):
        size = int.from_bytes(body[at + 4 : at + 8], "little")
        value = body[at + 8 : at + 8 + size]
        if len(value) < size or at + 8 > len(body):
            return None
        fields.append((body[at : at + 4], value))
        at += 8 + size + size % 2
    return fields


def _merged(fields: list[tuple[bytes, bytes]], tags: Tags) -> list[tuple[bytes, bytes]]:
    wanted: Mapping[bytes, str | int | None] = {
        b"INAM": tags.title,
        b"IART": tags.artist,
        b"IPRD": tags.album,
        b"IPRT": tags.track_number,
        b"ITRK": tags.track_number,
        b"ICRD": tags.year,
    }
    merged: list[tuple[bytes, bytes]] = []
    for key, old in fields:
        value = wanted.get(key)
        said = old.rstrip(b"\0").decode("utf-8", "replace")
        keeps = value is None or said == str(value) or (key == b"ICRD" and agrees([said], int(value)))
        merged.append((key, old if keeps else f"{value}\0".encode()))
    return merged


def _append(file: BinaryIO, fields: list[tuple[bytes, bytes]]) -> None:
    body = b"INFO" + b"".join(key + _sized(value) for key, value in fields)
    end = file.seek(0, 2)
    file.write(b"\0" * (end % 2) + b"LIST" + _sized(body))
    size = file.tell() - 8
    if size > _LARGEST:
        raise ValueError("a WAVE file of more than 4 GiB")
    file.seek(4)
    file.write(size.to_bytes(4, "little"))


def _sized(content: bytes) -> bytes:
    """The content behind its length, filled up to an even one."""
    return len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
