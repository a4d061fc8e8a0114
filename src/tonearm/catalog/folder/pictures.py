"""Pictures: the one inside a music file, and the one lying beside it.

A picture counts by its first bytes, never by what it is called or declared; anything but JPEG, PNG, GIF and WebP is no
picture. Nothing is decoded here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator

from mutagen import FileType, MutagenError
from mutagen.flac import Picture
from mutagen.id3 import ID3
from mutagen.mp4 import MP4Tags

MAX_PICTURE = 16 * 2**20
"""Bytes of the largest picture that is served."""

_FRONT = 3  # the picture type "cover (front)" of ID3 and FLAC
_STEMS = (b"cover", b"folder", b"front", b"album")
_SUFFIXES = (b".jpg", b".jpeg", b".png", b".webp")


def folder_picture(names: Iterable[bytes]) -> bytes | None:
    """Which of the file *names* of a folder is its cover: `cover`, `folder`, `front`, `album`, in this order."""
    by_stem: dict[bytes, bytes] = {}
    for name in sorted(names):
        stem, dot, suffix = name.lower().rpartition(b".")
        if dot + suffix in _SUFFIXES:
            by_stem.setdefault(stem, name)
    return next((by_stem[stem] for stem in _STEMS if stem in by_stem), None)


def picture_type(content: bytes) -> str | None:
    """The media type of a picture by its first bytes, or None when it is none that we know."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def embedded_picture(parsed: FileType) -> bytes | None:
    """The picture in the tags that *parsed* holds: the front cover, else the first one that can be served."""
    usable = [
        (kind != _FRONT, place, content)
        for place, (kind, content) in enumerate(_embedded(parsed))
        if len(content) <= MAX_PICTURE and picture_type(content)
    ]
    return min(usable)[2] if usable else None


def _embedded(parsed: FileType) -> Iterator[tuple[int, bytes]]:
    tags = parsed.tags
    for picture in getattr(parsed, "pictures", ()):
        yield picture.type, picture.data
    if isinstance(tags, ID3):
        for frame in tags.getall("APIC"):
            yield int(frame.type), frame.data
    elif isinstance(tags, MP4Tags):
        for cover in tags.get("covr", ()):
            yield _FRONT, bytes(cover)
    elif tags is not None:
        for text in tags.get("metadata_block_picture", ()):
            try:
                picture = Picture(base64.b64decode(text))
            except (binascii.Error, ValueError, MutagenError):
                continue
            yield picture.type, picture.data
