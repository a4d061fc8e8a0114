"""The catalog contract's answers: from decoded JSON to checked values. No input or output here.

Every field is checked where it crosses the edge: type, range, length, and whether a text can be written down at all.
A wrong value is named and refused; an absent, null or empty optional one is None; unknown fields are ignored.
The contract itself is told in docs/reference/catalog.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec
from msgspec import Meta, Struct

from tonearm.errors import BadAnswer
from tonearm.model import MAX_CATALOG_ID, AlbumInfo, AlbumPage, AlbumTrack, Hit, JobType, Media, Track

MAX_TEXT = 1_000
"""Characters of a title, name or cursor."""

MAX_URL = 8_192
"""Characters of a URL once resolved."""

MAX_HEADERS = 32
"""Headers that a media answer may ask for."""

MAX_SECONDS = 30 * 86_400
"""The longest track, seconds."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSAFE_IN_URL = re.compile("[\x00-\x20\x7f\\\\\ud800-\udfff]")
_UNSAFE_IN_HEADER = re.compile(r"[^\x20-\x7e\t]")
_WHERE = re.compile(r"^(?P<why>.*?) - at `\$\.?(?P<where>.*)`$", re.DOTALL)


class _Name(str):
    """A text that must be there: trimmed, not empty."""

    __slots__ = ()


class _Words(str):
    """A text that may be empty, and then counts as absent."""

    __slots__ = ()


class _Cursor(str):
    """An opaque text of the catalog's own, given back as it came; empty means that there is no next page."""

    __slots__ = ()


class _Checksum(str):
    __slots__ = ()


class _Link(str):
    """An http or https URL, made absolute against the base."""

    __slots__ = ()


class _Seconds(float):
    __slots__ = ()


class _Headers(dict[str, str]):
    __slots__ = ()


_Id = Annotated[int, Meta(ge=1, le=MAX_CATALOG_ID)]
_Count = Annotated[int, Meta(ge=0, le=1_000_000)]
_Year = Annotated[int, Meta(ge=0, le=9_999)]
_Bytes = Annotated[int, Meta(ge=0, le=2**50)]


class _Media(Struct, rename="camel"):
    url: _Link
    content_type: _Words | None = None
    size_bytes: _Bytes | None = None
    checksum: _Checksum | None = None
    headers: _Headers | None = None

    def __post_init__(self) -> None:
        if not self.url:
            raise ValueError("The URL is empty")


class _Track(Struct, rename="camel"):
    id: _Id
    title: _Name
    artist: _Name
    album: _Name
    media: _Media
    album_id: _Id | None = None
    album_artist: _Words | None = None
    track_number: _Count | None = None
    track_count: _Count | None = None
    disc_number: _Count | None = None
    disc_count: _Count | None = None
    year: _Year | None = None
    isrc: _Words | None = None
    duration_seconds: _Seconds | None = None
    cover_url: _Link | None = None
    license: _Words | None = None


class _AlbumTrack(Struct, rename="camel"):
    id: _Id
    title: _Name
    artist: _Words | None = None
    track_number: _Count | None = None
    disc_number: _Count | None = None
    duration_seconds: _Seconds | None = None


class _Album(Struct, rename="camel"):
    id: _Id
    title: _Name
    artist: _Name
    tracks: list[_AlbumTrack]
    album_artist: _Words | None = None
    year: _Year | None = None
    disc_count: _Count | None = None
    cover_url: _Link | None = None
    track_count: _Count | None = None
    next: _Cursor | None = None


class _Hit(Struct, rename="camel"):
    type: JobType
    id: _Id
    title: _Name
    artist: _Words | None = None
    album: _Words | None = None
    year: _Year | None = None
    track_count: _Count | None = None
    cover_url: _Link | None = None


class _Found(Struct):
    results: list[_Hit]


def track_from(answer: object, track_id: int, base: str) -> Track:
    """The track that *answer* describes; relative URLs are resolved against *base*, which ends with a slash.

    Raises:
        BadAnswer: the answer is not the contract's, or not about *track_id*.
    """
    asked = f"track {track_id}"
    wire = _checked(answer, _Track, asked, base)
    _expect_id(wire.id, track_id, asked)
    return Track(
        id=wire.id,
        title=str(wire.title),
        artist=str(wire.artist),
        album=str(wire.album),
        media=Media(
            url=str(wire.media.url),
            content_type=_plain(wire.media.content_type),
            size_bytes=wire.media.size_bytes or None,
            checksum=_plain(wire.media.checksum),
            headers=dict(wire.media.headers or {}),
        ),
        album_id=wire.album_id,
        album_artist=_plain(wire.album_artist),
        track_number=wire.track_number or None,
        track_count=wire.track_count or None,
        disc_number=wire.disc_number or None,
        disc_count=wire.disc_count or None,
        year=wire.year or None,
        isrc=_plain(wire.isrc),
        duration_seconds=float(wire.duration_seconds or 0) or None,
        cover_url=_plain(wire.cover_url),
        license=_plain(wire.license),
    )


def album_page_from(answer: object, album_id: int, base: str) -> AlbumPage:
    """One page of the album that *answer* describes; relative URLs as in `track_from`.

    Raises:
        BadAnswer: the answer is not the contract's, or not about *album_id*.
    """
    asked = f"album {album_id}"
    wire = _checked(answer, _Album, asked, base)
    _expect_id(wire.id, album_id, asked)
    info = AlbumInfo(
        id=wire.id,
        title=str(wire.title),
        artist=str(wire.artist),
        album_artist=_plain(wire.album_artist),
        year=wire.year or None,
        disc_count=wire.disc_count or None,
        cover_url=_plain(wire.cover_url),
        track_count=wire.track_count,
    )
    return AlbumPage(album=info, tracks=tuple(map(_album_track, wire.tracks)), next=_plain(wire.next))


def hits_from(answer: object, base: str, job_type: JobType | None) -> tuple[Hit, ...]:
    """What a search found, in its order; what is not of *job_type* is left out. Relative URLs as in `track_from`.

    Raises:
        BadAnswer: the answer is not the contract's.
    """
    wire = _checked(answer, _Found, "a search", base)
    return tuple(_hit(one) for one in wire.results if job_type in (None, one.type))


def _hit(wire: _Hit) -> Hit:
    return Hit(
        type=wire.type,
        id=wire.id,
        title=str(wire.title),
        artist=_plain(wire.artist),
        album=_plain(wire.album),
        year=wire.year or None,
        track_count=wire.track_count,
        cover_url=_plain(wire.cover_url),
    )


def _album_track(wire: _AlbumTrack) -> AlbumTrack:
    return AlbumTrack(
        id=wire.id,
        title=str(wire.title),
        artist=_plain(wire.artist),
        track_number=wire.track_number or None,
        disc_number=wire.disc_number or None,
        duration_seconds=float(wire.duration_seconds or 0) or None,
    )


def _plain(text: str | None) -> str | None:
    """The text as an exact `str`; None where it is absent or empty."""
    return str(text) if text else None


# Described here, before there are threads: see docs/explain/architecture.md, "Decoding". `convert` finds it there.
_DESCRIBED = tuple(
    msgspec.json.Decoder(shape, dec_hook=lambda _kind, value: value) for shape in (_Track, _Album, _Found)
)

_Shape = TypeVar("_Shape", _Track, _Album, _Found)


def _checked(answer: object, shape: type[_Shape], asked: str, base: str) -> _Shape:
    def check(kind: type, value: object) -> object:
        return _link(value, base) if kind is _Link else _CHECKS[kind](value)

    try:
        return msgspec.convert(answer, shape, dec_hook=check)
    except msgspec.ValidationError as error:
        raise BadAnswer(f"The catalog's answer for {asked} is wrong: {_in_words(str(error))}") from error


def _expect_id(answered: int, asked: int, what: str) -> None:
    if answered != asked:
        raise BadAnswer(f"The catalog's answer for {what} is wrong: id: it is about {answered}")


def _in_words(error: str) -> str:
    """The text "Expected `int`, got `str` - at `$.tracks[0].id`" with the field first and without the marks."""
    found = _WHERE.match(error)
    where, why = (found["where"], found["why"]) if found else ("", error)
    why = why.replace("`", "")
    return f"{where}: {why[:1].lower()}{why[1:]}" if where else f"{why[:1].lower()}{why[1:]}"


def _text(value: object) -> str:
    return _bounded(value).strip()


def _bounded(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"Expected text, got {type(value).__name__}")
    if len(value) > MAX_TEXT:
        raise ValueError(f"Text of {len(value):,} characters, at most {MAX_TEXT:,} are allowed")
    if _SURROGATE.search(value):
        raise ValueError("Text with half a character (a lone surrogate)")
    return value


def _name(value: object) -> _Name:
    text = _text(value)
    if not text:
        raise ValueError("Text is empty")
    return _Name(text)


def _checksum(value: object) -> _Checksum:
    text = _text(value).lower()
    if text and not _CHECKSUM.fullmatch(text):
        raise ValueError("Expected sha256: or md5: and the digest in hexadecimal digits")
    return _Checksum(text)


def _seconds(value: object) -> _Seconds:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"Expected a number, got {type(value).__name__}")
    if not 0 <= value <= MAX_SECONDS:  # false for NaN and infinity too
        raise ValueError(f"Expected seconds from 0 to {MAX_SECONDS:,}")
    return _Seconds(value)


def _headers(value: object) -> _Headers:
    if not isinstance(value, dict) or len(value) > MAX_HEADERS:
        raise ValueError(f"Expected an object of at most {MAX_HEADERS} headers")
    for name, content in value.items():
        if not (isinstance(name, str) and _HEADER_NAME.fullmatch(name)):
            raise ValueError("A header's name has characters that are not allowed")
        if not isinstance(content, str) or len(content) > MAX_URL or _UNSAFE_IN_HEADER.search(content):
            raise ValueError(f"The value of header {name} is not plain text on one line")
    return _Headers(value)


def _link(value: object, base: str) -> _Link:
    if not isinstance(value, str):
        raise TypeError(f"Expected a URL, got {type(value).__name__}")
    text = value.strip()
    if not text:
        return _Link("")
    if _UNSAFE_IN_URL.search(text):
        raise ValueError("The URL has characters that are not allowed")
    try:
        absolute = urljoin(base, text)
        parts = urlsplit(absolute)
        reachable = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"The URL cannot be read: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise ValueError("Only http and https URLs are followed")
    if not reachable or len(absolute) > MAX_URL:
        raise ValueError("The URL names no host, or is too long")
    return _Link(absolute)


_CHECKS: dict[type, Callable[[Any], object]] = {
    _Name: _name,
    _Words: lambda value: _Words(_text(value)),
    _Cursor: lambda value: _Cursor(_bounded(value)),
    _Checksum: _checksum,
    _Seconds: _seconds,
    _Headers: _headers,
}
