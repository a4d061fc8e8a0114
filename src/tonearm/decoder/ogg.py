"""Ogg as pages: each follows the one before, with its checksum and its number (RFC 3533).

FFmpeg reports a page with a wrong checksum in its log and plays it all the same. Here it is damage.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO

from tonearm.decoder.damage import Damaged
from tonearm.decoder.mpeg import id3_size

_HEADER = 27
_FIRST_OF_STREAM = 2
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_REST_BYTES = 64 * 1024


def check(file: BinaryIO) -> None:
    """Walk over all pages. *file* stands at its beginning and is buffered.

    Raises:
        Damaged: a page is missing, cut off or damaged, or something that is no page lies between two.

    Cost: one read of the file, about a second for a gigabyte.
    """
    file.seek(id3_size(file.read(10)))
    following: dict[bytes, int] = {}
    place = file.tell()
    while (header := file.read(_HEADER))[:5] == b"OggS\0" and len(header) == _HEADER:
        page = _rest_of_page(file, header, place)
        serial, number = header[14:18], int.from_bytes(header[18:22], "little")
        if not header[5] & _FIRST_OF_STREAM and following.get(serial, number) != number:
            raise Damaged(f"pages are missing before byte {place}")
        following[serial] = number + 1 & 0xFFFF_FFFF
        if checksum(header[:22] + bytes(4) + header[26:] + page) != int.from_bytes(header[22:26], "little"):
            raise Damaged(f"the page at byte {place} has a wrong checksum")
        place += _HEADER + len(page)
    # What people append is an ID3v1 tag or padding.
    rest = header + file.read(_REST_BYTES)
    if not following or (rest[:3] != b"TAG" and rest.strip(b"\0")):
        raise Damaged(f"no page begins at byte {place}, where one should")


def checksum(page: bytes) -> int:
    """The CRC-32 of a page whose own is zero: polynomial 0x04C11DB7, not reflected, from zero.

    zlib's has the same polynomial reflected; so bits are mirrored on the way in and out, and its inversions undone.
    """
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


def _rest_of_page(file: BinaryIO, header: bytes, place: int) -> bytes:
    segments = file.read(header[26])
    body = file.read(sum(segments))
    if len(segments) < header[26] or len(body) < sum(segments):
        raise Damaged(f"the page at byte {place} is cut off")
    return segments + body
