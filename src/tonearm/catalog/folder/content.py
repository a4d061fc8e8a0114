"""Recognising a file by its sound, whatever its name and tags.

The fingerprint covers the audio alone, so editing tags keeps it, and it reads little: FLAC carries the digest of its
own samples; of the others the length and three pieces of the audio are hashed. It tells the files of one collection
apart; it is no proof of integrity.
"""

from __future__ import annotations

import hashlib
import struct
from typing import BinaryIO

from mutagen import FileType
from mutagen.flac import FLAC
from mutagen.mp4 import MP4

from tonearm.catalog.folder.reading import Format

_PIECE = 65_536
_OGG_HEADER = 27
_NO_POSITION = bytes(8)  # the pages of an Ogg file that hold headers and tags, not sound


def fingerprint(file: BinaryIO, kind: Format, parsed: FileType) -> bytes:
    """16 bytes that stay the same while the sound of *file* does. *parsed* is what mutagen made of it.

    Cost: at most four reads of 64 KiB.
    """
    digest = hashlib.blake2b(kind.encode(), digest_size=16)
    if isinstance(parsed, FLAC) and parsed.info.md5_signature:
        digest.update(parsed.info.md5_signature.to_bytes(16, "big") + parsed.info.total_samples.to_bytes(8, "big"))
        return digest.digest()
    if kind is Format.OGG:
        for piece in _ogg_tail(file):
            digest.update(piece)
        return digest.digest()
    start, end = _audio_span(file, kind, parsed)
    digest.update(struct.pack("<Q", end - start))
    for offset in (start, (start + end - _PIECE) // 2, end - _PIECE):
        file.seek(max(offset, start))
        digest.update(_read(file, min(_PIECE, end - start)))
    return digest.digest()


def _audio_span(file: BinaryIO, kind: Format, parsed: FileType) -> tuple[int, int]:
    """Where the audio of *file* begins and ends, in bytes; the whole file where that cannot be told."""
    size = file.seek(0, 2)
    span = (0, size)
    if kind is Format.MP3:
        span = _between_tags(file, size)
    elif kind is Format.WAV:
        span = _riff_chunk(file, b"data", size)
    elif isinstance(parsed, MP4):
        span = _mp4_atom(file, b"mdat", size)
    elif kind is Format.FLAC:
        span = (_after_flac_blocks(file), size)
    start, end = span
    return (start, min(end, size)) if 0 <= start < end else (0, size)


def _between_tags(file: BinaryIO, size: int) -> tuple[int, int]:
    """The part of an MP3 file between an ID3v2 tag before it and ID3v1 and APE tags behind it."""
    file.seek(0)
    head = _read(file, 10)
    start, end = 0, size
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    if size >= 128:
        file.seek(size - 128)
        end -= 128 if _read(file, 3) == b"TAG" else 0
    if end >= 32:
        file.seek(end - 32)
        foot = _read(file, 32)
        if foot[:8] == b"APETAGEX":
            length, _, flags = struct.unpack("<III", foot[12:24])
            end -= length + (32 if flags & 0x8000_0000 else 0)
    return start, end


def _riff_chunk(file: BinaryIO, name: bytes, size: int) -> tuple[int, int]:
    offset = 12
    while offset + 8 <= size:
        file.seek(offset)
        found, length = struct.unpack("<4sI", _read(file, 8))
        if found == name:
            return offset + 8, offset + 8 + length
        offset += 8 + length + (length & 1)
    return 0, size


def _mp4_atom(file: BinaryIO, name: bytes, size: int) -> tuple[int, int]:
    offset = 0
    while offset + 16 <= size:
        file.seek(offset)
        length, found, long_length = struct.unpack(">I4sQ", _read(file, 16))
        header = 8
        if length == 1:
            length, header = long_length, 16
        elif length == 0:
            length = size - offset
        if found == name:
            return offset + header, offset + length
        offset += max(length, 8)
    return 0, size


def _after_flac_blocks(file: BinaryIO) -> int:
    file.seek(0)
    offset = 4 if _read(file, 4) == b"fLaC" else 0
    last = offset == 0
    while not last:
        file.seek(offset)
        header = _read(file, 4)
        if len(header) < 4:
            return 0
        last = bool(header[0] & 0x80)
        offset += 4 + int.from_bytes(header[1:], "big")
    return offset


def _ogg_tail(file: BinaryIO) -> list[bytes]:
    """Serial number, position and contents of the last pages: what new tags in an Ogg file leave as it was.

    Page numbers and checksums are left out, for a longer comment shifts them (RFC 3533, section 6).
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - 2 * _PIECE))
    tail = _read(file, 2 * _PIECE)
    pieces: list[bytes] = []
    offset = tail.rfind(b"OggS")
    kept = 0
    while offset >= 0 and kept < _PIECE:
        header = tail[offset : offset + _OGG_HEADER]
        if len(header) < _OGG_HEADER:
            break
        lacing = tail[offset + _OGG_HEADER : offset + _OGG_HEADER + header[26]]
        body = offset + _OGG_HEADER + header[26]
        if header[6:14] != _NO_POSITION:
            pieces.append(header[6:18] + tail[body : body + sum(lacing)])
            kept += sum(lacing)
        offset = tail.rfind(b"OggS", 0, offset)
    return pieces


def _read(file: BinaryIO, length: int) -> bytes:
    """Up to *length* bytes, fewer only at the end of the file."""
    pieces: list[bytes] = []
    while length > 0 and (piece := file.read(length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)
