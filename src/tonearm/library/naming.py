"""Names: what a file of the library is called, whatever the catalog calls the music.

A template is filled with sanitised values and gives a `Name`: a path relative to the library without its extension,
valid on every common file system, and a *key* by which two names are compared as the most tolerant of those would.
Numbers (" (2)") keep twins apart; which is free is known to the store and the disk. Nothing here touches a disk.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from wcwidth import iter_graphemes

from tonearm.errors import DiskError, SetupError
from tonearm.model import AlbumInfo, Quality, Track

DEFAULT_TEMPLATE = "{albumartist|artist}/{album}/{disc-}{track:02} {title}.{ext}"

PART_BYTES = 255
"""What file systems allow one part of a path, in bytes."""

LONGEST_EXTENSION = len(".opus")
"""Bytes kept free in the file's part for any extension that we file."""

_NUMBER_ROOM = len(" (99)")
_FILE_BYTES = PART_BYTES - LONGEST_EXTENSION
_SUBSTITUTE = "_"
_UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
# Default_Ignorable_Code_Point of DerivedCoreProperties.txt, Unicode 16: file systems that fold names drop these.
_IGNORABLE = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_IGNORED_IN_KEYS = re.compile(f"[{_IGNORABLE}]")
# Joiners and variation selectors shape scripts and emoji; every other invisible character only deceives.
_SHAPING = r"\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb\ufdd0-\ufdef" + "".join(
    rf"\U{plane << 16 | 0xFFFE:08x}\U{plane << 16 | 0xFFFF:08x}" for plane in range(17)
)
_INVISIBLE = re.compile(f"(?![{_SHAPING}])[{_IGNORABLE}{_CONTROLS}]")
_UNKNOWN = {
    "albumartist": "Unknown Artist",
    "artist": "Unknown Artist",
    "album": "Unknown Album",
    "title": "Unknown Title",
}
_FIELDS = frozenset({*_UNKNOWN, "track", "disc", "year", "quality", "id"})
_FIELD = re.compile(r"(?P<names>[a-z]+(?:\|[a-z]+)*)(?::0(?P<width>[1-9]))?(?P<suffix>[^a-z|:{}][^{}]*)?")


@dataclass(frozen=True, slots=True)
class Name:
    """A place in the library: *stem* is relative, '/'-separated, without extension; *key* is what it is compared by."""

    stem: str
    key: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """One piece of a template: a literal text, or the first of *names* that has a value, padded, with its suffix."""

    literal: str = ""
    names: tuple[str, ...] = ()
    width: int = 0
    suffix: str = ""

    def fill(self, values: dict[str, str]) -> str:
        if not self.names:
            return self.literal
        value = next((values[name] for name in self.names if values.get(name)), "")
        if not value:
            value = "" if self.suffix else _UNKNOWN.get(self.names[-1], "")
        return value and value.rjust(self.width, "0") + self.suffix


class Template:
    """How names are made, such as `{albumartist|artist}/{album}/{disc-}{track:02} {title}.{ext}`.

    `a|b` takes the first that is known, `:02` pads with zeros, and what follows the name (`{disc-}`) is shown only
    with a value. Fields: albumartist, artist, album, title, track, disc, year, quality, id, and ext, which stands at
    the end. The disc has a value only when there is more than one.

    Raises:
        SetupError: the template cannot work; the message says why.
    """

    def __init__(self, text: str = DEFAULT_TEMPLATE) -> None:
        self.text = text
        if not text.endswith(".{ext}"):
            raise self._wrong("it must end in .{ext}")
        body = text.removesuffix(".{ext}")
        self._pieces = tuple(self._parse(body))
        folders, _, file = body.rpartition("/")
        if body.startswith("/"):
            raise self._wrong("it must not start with a slash: names are relative to the library")
        known = "".join(piece.fill(dict.fromkeys(_FIELDS, "x")) for piece in self._pieces)
        if not all(part.strip(" .") for part in (*body.split("/"), *known.split("/"))):
            raise self._wrong("a part between two slashes is empty, or only dots")
        if not re.search(r"[{|](title|track|id)\b", file):
            raise self._wrong("the file's own name needs {title}, {track} or {id}")
        self.by_album = re.search(r"[{|]album\b", folders) is not None
        """Whether each album has folders of its own."""
        if any(part.startswith(".") for part in (*folders.split("/"), file)):
            raise self._wrong("no part may start with a dot")

    def name(self, track: Track, album: AlbumInfo | None, position: int | None, quality: Quality) -> Name:
        """The name of *track*; *album* and *position* (from 1) of its album job come first where both know better."""
        values = {field: _clean(value) for field, value in _values(track, album, position, quality).items()}
        parts = "".join(piece.fill(values) for piece in self._pieces).split("/")
        folders = [_part(part, PART_BYTES) for part in parts[:-1]]
        return _named("/".join((*folders, _part(parts[-1], _FILE_BYTES - _NUMBER_ROOM))))

    def _parse(self, body: str) -> list[_Piece]:
        pieces: list[_Piece] = []
        for index, text in enumerate(re.split(r"\{([^{}]*)\}", body)):
            if index % 2:
                pieces.append(self._field(text))
            elif "{" in text or "}" in text:
                raise self._wrong("a brace is not closed, or not opened")
            elif found := _FORBIDDEN.search(text.replace("/", "")) or _INVISIBLE.search(text):
                raise self._wrong(f"{found.group()!r} cannot stand in a name")
            else:
                pieces.append(_Piece(literal=text))
        return pieces

    def _field(self, text: str) -> _Piece:
        match = _FIELD.fullmatch(text)
        if match is None:
            raise self._wrong(f"{{{text}}} is not a field")
        names = tuple(match["names"].split("|"))
        for name in names:
            if name not in _FIELDS:
                raise self._wrong(
                    f"{{{name}}} is not known; there are {', '.join(sorted(_FIELDS))}, and ext at the end"
                )
        suffix = match["suffix"] or ""
        if _FORBIDDEN.search(suffix.replace("/", "")) or _INVISIBLE.search(suffix):
            raise self._wrong(f"{suffix!r} cannot stand in a name")
        return _Piece(names=names, width=int(match["width"] or 0), suffix=suffix)

    def _wrong(self, why: str) -> SetupError:
        return SetupError(f"QUEUE_NAME_TEMPLATE {self.text!r}: {why}")


def numbered(name: Name, n: int) -> Name:
    """The *n*th twin of a name: 1 is the name itself, 2 ends in " (2)" and so on, cut to fit."""
    if n <= 1:
        return name
    folders, slash, file = name.stem.rpartition("/")
    number = f" ({n})"
    return _named(folders + slash + _cut(file, _FILE_BYTES - len(number)) + number)


def file_name(text: str, extension: str) -> str:
    """The name of a file that is called *text*, whatever that is: one part of a path that every file system takes."""
    return f"{_part(_clean(text), PART_BYTES - len(f'.{extension}'))}.{extension}"


def resolve(root: Path, relative: str) -> Path:
    """The path of a library file, always under *root*. Links on the way are not looked at: that is for who opens it.

    Raises:
        DiskError: *relative* is no name of this module's making (absolute, empty or dotted parts, control characters).
    """
    for part in relative.split("/"):
        if not part or part.startswith(".") or _UNNAMEABLE.search(part) or _size(part) > PART_BYTES:
            raise DiskError(f"Not a path inside the library: {ascii(relative)[:200]}")
    return root.joinpath(relative)


def fold(text: str) -> str:
    """What *text* is compared by: equal for all that any case-folding or normalising file system takes for the same."""
    text = unicodedata.normalize("NFD", _IGNORED_IN_KEYS.sub("", text))
    # Upper case first: it joins what simple upper-casing file systems join (dotless i) and case folding alone does not.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text.upper()).casefold())


def readable(text: str) -> str:
    """*text* as valid Unicode in NFC, without control or invisible characters, white space as single spaces."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _INVISIBLE.sub("", " ".join(text.split()))
    return " ".join(unicodedata.normalize("NFC", text).split())


def _named(stem: str) -> Name:
    return Name(stem, fold(stem))


def _values(track: Track, album: AlbumInfo | None, position: int | None, quality: Quality) -> dict[str, str]:
    artist = track.album_artist
    title, year, discs = track.album, track.year, track.disc_count
    if album is not None:
        artist = album.album_artist or artist or album.artist
        title, year, discs = album.title or title, album.year or year, album.disc_count or discs
    disc = track.disc_number or 0
    return {
        "albumartist": artist or "",
        "artist": track.artist,
        "album": title,
        "title": track.title,
        "track": _number(track.track_number or position),
        "disc": _number(disc) if max(discs or 0, disc) > 1 else "",
        "year": _number(year),
        "quality": quality.value,
        "id": str(track.id),
    }


def _number(value: int | None) -> str:
    return str(value) if value is not None and value > 0 else ""


def _clean(value: str) -> str:
    return _FORBIDDEN.sub(_SUBSTITUTE, readable(value)).strip(" .")


def _part(text: str, limit: int) -> str:
    """One part of a path: no reserved name, no dot or space at its ends, at most *limit* bytes, never empty."""
    text = unicodedata.normalize("NFC", " ".join(text.split())).strip(" .") or "Unknown"
    if _RESERVED.match(text):
        text = _SUBSTITUTE + text
    return _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    """*text* in at most *limit* bytes, cut between graphemes; inside one only where the first alone is too long."""
    if _size(text) <= limit:
        return text
    kept, room = "", limit
    for grapheme in iter_graphemes(text):
        room -= _size(grapheme)
        if room < 0:
            break
        kept += grapheme
    whole = kept.strip(" .")
    return whole or text.encode()[:limit].decode(errors="ignore").strip(" .")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
