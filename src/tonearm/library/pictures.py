"""Pictures: whether received bytes are a whole JPEG or PNG of a bearable size, told without decoding them.

The type comes from the content, width and height from its header, and that it is whole from its own structure: a JPEG
goes through its segments and scans to the end marker (ITU-T T.81, annex B), a PNG through chunks whose checksums are
right to IEND (RFC 2083, chapter 3). So a picture that was cut, an error page and a decompression bomb all stay out of
the files, at the cost of one walk over the bytes.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from tonearm.errors import FailureCode, FetchError
from tonearm.volume import in_mb

MAX_PICTURE_BYTES = 8 * 1024 * 1024
"""A larger picture is neither embedded nor filed."""

MAX_PICTURE_PIXELS = 40_000_000
"""Neither is one of more pixels, width times height: a decoder takes at least three bytes for each."""

JPEG, PNG = "image/jpeg", "image/png"

_JPEG_START = b"\xff\xd8\xff"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_END_OF_IMAGE, _START_OF_SCAN, _TEMPORARY = 0xD9, 0xDA, 0x01
_RESTARTS = range(0xD0, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Inside a scan, FF 00 is a byte of data, and restart markers and fill bytes belong to it.
_MARKER_AFTER_SCAN = re.compile(rb"\xff(?=[^\x00\xd0-\xd7\xff])")


class BadPicture(FetchError):
    """The bytes are no picture that we file; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureCode.INTEGRITY, message, retryable=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole picture: its content, the type that it has, and its size in pixels. Made by `of`."""

    content: bytes
    mime: str
    width: int
    height: int

    @staticmethod
    def of(content: bytes) -> Picture:
        """The picture that *content* is.

        Raises:
            BadPicture: it is none, not whole, or larger than the limits.
        """
        if len(content) > MAX_PICTURE_BYTES:
            raise BadPicture(f"The picture is larger than {in_mb(MAX_PICTURE_BYTES)}")
        if content.startswith(_JPEG_START):
            mime, size = JPEG, _jpeg_size(content)
        elif content.startswith(_PNG_START):
            mime, size = PNG, _png_size(content)
        else:
            raise BadPicture("The picture is neither JPEG nor PNG")
        if size is None:
            raise BadPicture(f"The picture is a {mime.rpartition('/')[2].upper()} that is cut off or damaged")
        width, height = size
        if width * height > MAX_PICTURE_PIXELS:
            limit = MAX_PICTURE_PIXELS // 1_000_000
            raise BadPicture(f"The picture has {width} x {height} pixels, more than {limit} million")
        return Picture(content, mime, width, height)

    @property
    def extension(self) -> str:
        """The ending of a file name, without its dot."""
        return "jpg" if self.mime == JPEG else "png"


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG that goes on to its end marker; None if it does not, or does not say."""
    size: tuple[int, int] | None = None
    at, end, scanned = 2, len(content), False
    while at < end and content[at] == 0xFF:
        while at < end and content[at] == 0xFF:
            at += 1
        marker = content[at] if at < end else 0
        at += 1
        if marker == _END_OF_IMAGE:
            return size if scanned and size and all(size) else None
        if marker == _TEMPORARY or marker in _RESTARTS:
            continue
        length = int.from_bytes(content[at : at + 2], "big")
        if length < 2 or at + length > end:
            return None
        if marker in _FRAMES and length >= 8:
            size = int.from_bytes(content[at + 5 : at + 7], "big"), int.from_bytes(content[at + 3 : at + 5], "big")
        at += length
        if marker == _START_OF_SCAN:
            scanned = True
            following = _MARKER_AFTER_SCAN.search(content, at)
            at = following.start() if following else end
    return None


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG whose chunks are sound to its end; None if they are not."""
    size: tuple[int, int] | None = None
    at, drawn = len(_PNG_START), False
    while True:
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        checksum = content[at + 8 + length : at + 12 + length]
        body = memoryview(content)[at + 4 : at + 8 + length]
        if len(checksum) < 4 or zlib.crc32(body) != int.from_bytes(checksum, "big"):
            return None
        if (kind == b"IHDR") != (size is None):
            return None
        if kind == b"IHDR":
            if length != 13:
                return None
            size = int.from_bytes(body[4:8], "big"), int.from_bytes(body[8:12], "big")
        drawn = drawn or kind == b"IDAT"
        if kind == b"IEND":
            return size if drawn and size and all(size) else None
        at += 12 + length
