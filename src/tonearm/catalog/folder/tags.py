"""Reading one music file: format, quality and tags, with the path's words where tags are missing.

mutagen parses; here its many shapes become one `Reading`. Nothing here decodes sound or writes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import Any, BinaryIO

import mutagen
from mutagen import FileType, MutagenError
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Tags
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from tonearm.catalog.folder.content import fingerprint
from tonearm.catalog.folder.names import UNKNOWN_ARTIST, guess, readable, tidy
from tonearm.catalog.folder.pictures import embedded_picture
from tonearm.catalog.folder.reading import Format, Reading

SUFFIXES = frozenset({b"flac", b"mp3", b"m4a", b"mp4", b"ogg", b"oga", b"opus", b"wav", b"wave"})
"""The file name extensions that are looked into, lower case."""

_KINDS: dict[type[FileType], Format] = {
    FLAC: Format.FLAC,
    MP3: Format.MP3,
    MP4: Format.MP4,
    OggVorbis: Format.OGG,
    OggOpus: Format.OGG,
    OggFLAC: Format.OGG,
    WAVE: Format.WAV,
}
_ID3_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "albumartist": "TPE2",
    "track": "TRCK",
    "disc": "TPOS",
    "date": "TDRC",
    "isrc": "TSRC",
    "compilation": "TCMP",
    "license": "TXXX:LICENSE",
}
_MP4_ATOMS = {
    "title": "\xa9nam",
    "artist": "\xa9ART",
    "album": "\xa9alb",
    "albumartist": "aART",
    "date": "\xa9day",
    "isrc": "----:com.apple.iTunes:ISRC",
    "license": "----:com.apple.iTunes:LICENSE",
}
_COMMENTS = {
    "title": ("title",),
    "artist": ("artist",),
    "album": ("album",),
    "albumartist": ("albumartist", "album artist"),
    "track": ("tracknumber",),
    "tracks": ("tracktotal", "totaltracks"),
    "disc": ("discnumber",),
    "discs": ("disctotal", "totaldiscs"),
    "date": ("date", "year"),
    "isrc": ("isrc",),
    "license": ("license",),
    "compilation": ("compilation",),
}
_NUMBERS = re.compile(r"\s*(\d{1,6})?(?:\s*/\s*(\d{1,6}))?", re.ASCII)
_YEAR = re.compile(r"\b(\d{4})\b|^(\d{4})", re.ASCII)


class Unreadable(Exception):
    """A file that looks like music and is not; the text is the reason for people."""


def read_music(file: BinaryIO, path: bytes) -> Reading:
    """Read the music *file*, which lies at *path* below the folder.

    Raises:
        Unreadable: it cannot be read as the music that its name promises.
    """
    try:
        return _reading(file, path, parse(file, path))
    except OSError as error:
        raise Unreadable(error.strerror or "cannot be read") from error
    except MutagenError as error:
        raise Unreadable(tidy(str(error), 200) or "damaged") from error
    except (ArithmeticError, EOFError, LookupError, TypeError, ValueError, struct.error) as error:
        raise Unreadable(f"damaged ({type(error).__name__})") from error


def parse(file: BinaryIO, path: bytes) -> FileType:
    """What mutagen makes of *file*.

    Raises:
        MutagenError: mutagen refuses it. (Really damaged files make it raise other errors too.)
        Unreadable: it holds no sound that we serve.
    """
    parsed: FileType | None = mutagen.File(fileobj=file, filename=readable(path), options=list(_KINDS))
    if parsed is None:
        raise Unreadable("no music that we know")
    if not _seconds(parsed) > 0:
        raise Unreadable("no sound in it")
    return parsed


def _reading(file: BinaryIO, path: bytes, parsed: FileType) -> Reading:
    kind = next(kind for shape, kind in _KINDS.items() if isinstance(parsed, shape))
    tags = _tags(parsed)
    guessed = guess(path)
    track, tracks = _pair(tags.get("track"), tags.get("tracks"))
    disc, discs = _pair(tags.get("disc"), tags.get("discs"))
    year = _YEAR.search(tags.get("date", ""))
    return Reading(
        format=kind,
        lossless=_lossless(parsed),
        bitrate=_bitrate(file, parsed),
        content=fingerprint(file, kind, parsed),
        title=tags.get("title") or guessed.title,
        artist=tags.get("artist") or guessed.artist or tags.get("albumartist") or UNKNOWN_ARTIST,
        album=tags.get("album") or guessed.album or "",
        tagged_title="title" in tags,
        tagged_album="album" in tags,
        duration_seconds=round(_seconds(parsed), 3),
        album_artist=tags.get("albumartist"),
        track_number=track or (None if "title" in tags else guessed.track_number),
        track_count=tracks,
        disc_number=disc or guessed.disc_number,
        disc_count=discs,
        year=int(year[1] or year[2]) or None if year else None,
        isrc=tags.get("isrc"),
        license=tags.get("license"),
        compilation=tags.get("compilation", "0") not in ("0", "False"),
        picture=embedded_picture(parsed) is not None,
    )


def _seconds(parsed: FileType) -> float:
    return float(getattr(parsed.info, "length", 0))


def _lossless(parsed: FileType) -> bool:
    if isinstance(parsed, MP4):
        return getattr(parsed.info, "codec", "") == "alac"
    return isinstance(parsed, FLAC | OggFLAC | WAVE)


def _bitrate(file: BinaryIO, parsed: FileType) -> int:
    """Bits per second: what the stream says, else what its size comes to (Opus says nothing)."""
    said = int(getattr(parsed.info, "bitrate", 0) or 0)
    return said if said > 0 else int(file.seek(0, 2) * 8 / _seconds(parsed))


def _tags(parsed: FileType) -> dict[str, str]:
    """The tags that have something to say, by our names for them."""
    tags = parsed.tags
    if tags is None:
        return {}
    if isinstance(tags, ID3):
        raw = {name: _id3_text(tags, frame) for name, frame in _ID3_FRAMES.items()}
    elif isinstance(tags, MP4Tags):
        raw = _mp4_texts(tags)
    else:
        raw = {
            name: next((value for key in keys if (value := _joined(tags.get(key, ())))), "")
            for name, keys in _COMMENTS.items()
        }
    return {name: text for name, value in raw.items() if (text := tidy(value))}


def _id3_text(tags: Any, frame: str) -> str:
    return _joined(text for found in tags.getall(frame)[:1] for text in found.text)


def _mp4_texts(tags: Any) -> dict[str, str]:
    raw = {name: _joined(tags.get(atom, ())) for name, atom in _MP4_ATOMS.items()}
    for name, atom in (("track", "trkn"), ("disc", "disk")):
        raw[name] = "/".join(str(number) for number in next(iter(tags.get(atom, ())), ()))
    raw["compilation"] = "1" if tags.get("cpil") else "0"
    return raw


def _joined(values: Iterable[Any]) -> str:
    """Several values of one tag as one text."""
    texts = (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values)
    return ", ".join(text for text in texts if text)


def _pair(number: str | None, total: str | None) -> tuple[int | None, int | None]:
    """Number and total out of "3/12", or "3" and "12"; 0 says nothing."""
    found = _NUMBERS.match(number or "")
    first, second = (found[1], found[2]) if found else (None, None)
    if second is None and total and (alone := _NUMBERS.match(total)):
        second = alone[1]
    return int(first or 0) or None, int(second or 0) or None
