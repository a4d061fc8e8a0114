"""How each format writes tags: Vorbis comments, ID3 frames and MP4 atoms.

Every function here merges: what the catalog says replaces what the file said of the same thing, under whatever name,
everything else that the file says stays. A date of the file that agrees with the catalog's year is kept, since it says
more. Where a standard leaves a name open, it is that of MusicBrainz Picard ("Appendix B: Tag Mapping"), which players
and taggers follow. Nothing here opens or saves a file.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

import mutagen.flac
import mutagen.id3
import mutagen.mp4

from tonearm.library.naming import readable
from tonearm.library.pictures import JPEG, Picture
from tonearm.model import AlbumInfo, Track

FRONT_COVER = 3
"""The picture type of FLAC, ID3 and Ogg alike."""

# mutagen is typed only in part.
_flac: Any = mutagen.flac
_id3: Any = mutagen.id3
_mp4: Any = mutagen.mp4

_UTF8 = 3  # as ID3 counts encodings
_ADDRESS = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Tags:
    """What is to stand in the file. None: the catalog says nothing, and the file's own tag stays."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    track_number: int | None = None
    track_count: int | None = None
    disc_number: int | None = None
    disc_count: int | None = None
    year: int | None = None
    isrc: str | None = None
    license: str | None = None

    @staticmethod
    def of(track: Track, album: AlbumInfo | None = None) -> Tags:
        """What the catalog said of *track*; the album's own answer fills in what that of the track left out."""
        whole = album or AlbumInfo(id=0, title="", artist="")
        return Tags(
            title=_text(track.title),
            artist=_text(track.artist),
            album=_text(track.album) or _text(whole.title),
            album_artist=_text(track.album_artist) or _text(whole.album_artist),
            track_number=_positive(track.track_number),
            track_count=_positive(track.track_count),
            disc_number=_positive(track.disc_number),
            disc_count=_positive(track.disc_count) or _positive(whole.disc_count),
            year=_positive(track.year) or _positive(whole.year),
            isrc=_text(track.isrc),
            license=_text(track.license),
        )


def picture_block(picture: Picture) -> bytes:
    """The content of a FLAC PICTURE block for the front cover (RFC 9639, section 8.8); the depth is left unknown."""
    block = _flac.Picture()
    block.type, block.mime, block.data = FRONT_COVER, picture.mime, picture.content
    block.width, block.height = picture.width, picture.height
    return bytes(block.write())


def into_comments(comments: Any, tags: Tags) -> None:
    """Merge *tags* into Vorbis comments.

    TITLE, ARTIST, ALBUM, TRACKNUMBER, DATE, ISRC and LICENSE are the names of the Xiph recommendation ("Ogg Vorbis I
    format specification: comment field and header specification"); the others are Picard's.
    """
    _split_total(comments, "TRACKNUMBER", "TRACKTOTAL")
    _split_total(comments, "DISCNUMBER", "DISCTOTAL")
    for key, other, value in (
        ("TITLE", None, tags.title),
        ("ARTIST", None, tags.artist),
        ("ALBUM", None, tags.album),
        ("ALBUMARTIST", "ALBUM ARTIST", tags.album_artist),
        ("TRACKNUMBER", None, tags.track_number),
        ("TRACKTOTAL", "TOTALTRACKS", tags.track_count),
        ("DISCNUMBER", None, tags.disc_number),
        ("DISCTOTAL", "TOTALDISCS", tags.disc_count),
        ("ISRC", None, tags.isrc),
        ("LICENSE", None, tags.license),
    ):
        if value is not None:
            comments[key] = [str(value)]
            _forget(comments, other)
    if tags.year is not None and not agrees(comments.get("DATE", []), tags.year):
        comments["DATE"] = [str(tags.year)]
        _forget(comments, "YEAR")


def cover_into_comments(comments: Any, cover: Picture) -> None:
    """Put *cover* into the comments of an Ogg file, in place of a front cover that is there."""
    kept = [text for text in comments.get("METADATA_BLOCK_PICTURE", []) if not _is_front(text)]
    comments["METADATA_BLOCK_PICTURE"] = [*kept, base64.b64encode(picture_block(cover)).decode()]


def into_id3(frames: Any, tags: Tags, cover: Picture | None) -> None:
    """Merge *tags* and *cover* into frames of ID3v2.4 ("ID3 tag version 2.4.0 - Native Frames").

    A licence that is an address is a WCOP frame, whose text may only be that (4.3.1); other words go into TXXX:LICENSE,
    as Picard does. TCOP is a notice of copyright, which the catalog does not give. "3/12" is the form of 4.2.1.
    """
    for frame, value in (
        (_id3.TIT2, tags.title),
        (_id3.TPE1, tags.artist),
        (_id3.TALB, tags.album),
        (_id3.TPE2, tags.album_artist),
        (_id3.TSRC, tags.isrc),
        (_id3.TRCK, _of_total(frames, "TRCK", tags.track_number, tags.track_count)),
        (_id3.TPOS, _of_total(frames, "TPOS", tags.disc_number, tags.disc_count)),
    ):
        if value is not None:
            frames.setall(frame.__name__, [frame(encoding=_UTF8, text=[value])])
    dates = [str(stamp) for frame in frames.getall("TDRC") for stamp in frame.text]
    if tags.year is not None and not agrees(dates, tags.year):
        frames.setall("TDRC", [_id3.TDRC(encoding=_UTF8, text=[str(tags.year)])])
    if tags.album_artist is not None:
        frames.delall("TXXX:ALBUM ARTIST")
        frames.delall("TXXX:ALBUMARTIST")
    if tags.license is not None:
        is_address = _ADDRESS.fullmatch(tags.license) is not None
        text = _id3.TXXX(encoding=_UTF8, desc="LICENSE", text=[tags.license])
        frames.setall("WCOP", [_id3.WCOP(url=tags.license)] if is_address else [])
        frames.setall("TXXX:LICENSE", [] if is_address else [text])
    if cover is not None:
        others = [frame for frame in frames.getall("APIC") if frame.type != FRONT_COVER]
        front = _id3.APIC(encoding=_UTF8, mime=cover.mime, type=FRONT_COVER, desc="", data=cover.content)
        frames.setall("APIC", [*others, front])


def into_mp4(atoms: Any, tags: Tags, cover: Picture | None) -> None:
    """Merge *tags* and *cover* into the atoms that iTunes made the custom; the free ones have Picard's names.

    A number that two bytes do not hold is left out.
    """
    for key, value in (
        ("\xa9nam", tags.title),
        ("\xa9ART", tags.artist),
        ("\xa9alb", tags.album),
        ("aART", tags.album_artist),
    ):
        if value is not None:
            atoms[key] = [value]
    for key, value in (("ISRC", tags.isrc), ("LICENSE", tags.license)):
        if value is not None:
            atoms[f"----:com.apple.iTunes:{key}"] = [_mp4.MP4FreeForm(value.encode(), _mp4.AtomDataType.UTF8)]
    for key, number, count in (
        ("trkn", tags.track_number, tags.track_count),
        ("disk", tags.disc_number, tags.disc_count),
    ):
        old_number, old_count = next(iter(atoms.get(key, [])), (0, 0))
        if number is not None or count is not None:
            atoms[key] = [(_in_two_bytes(number) or old_number, _in_two_bytes(count) or old_count)]
    if tags.year is not None and not agrees(atoms.get("\xa9day", []), tags.year):
        atoms["\xa9day"] = [str(tags.year)]
    if cover is not None:
        kind = _mp4.MP4Cover.FORMAT_JPEG if cover.mime == JPEG else _mp4.MP4Cover.FORMAT_PNG
        atoms["covr"] = [_mp4.MP4Cover(cover.content, kind), *atoms.get("covr", [])[1:]]


def _text(value: str | None) -> str | None:
    return (readable(value) or None) if value else None


def _positive(value: int | None) -> int | None:
    return value if value is not None and value > 0 else None


def _in_two_bytes(value: int | None) -> int | None:
    return value if value is not None and value <= 0xFFFF else None


def agrees(dates: list[str], year: int) -> bool:
    """Whether a date that is there begins with *year*."""
    return any(date.startswith(f"{year:04}") for date in dates)


def _forget(comments: Any, key: str | None) -> None:
    if key is not None and key in comments:
        del comments[key]


def _split_total(comments: Any, number: str, total: str) -> None:
    """A number written as "3/12" becomes number and total, so that replacing the one keeps the other."""
    head, slash, tail = next(iter(comments.get(number, [])), "").partition("/")
    if slash and head.strip().isdigit() and tail.strip().isdigit():
        comments[number] = [head.strip()]
        if total not in comments:
            comments[total] = [tail.strip()]


def _of_total(frames: Any, key: str, number: int | None, total: int | None) -> str | None:
    """What the catalog says as "3/12", filled up with what the frame said."""
    if number is None and total is None:
        return None
    old = next((text for frame in frames.getall(key) for text in frame.text), "")
    old_number, _, old_total = old.partition("/")
    first, second = str(number or old_number), str(total or old_total)
    return f"{first}/{second}" if second else first


def _is_front(encoded: str) -> bool:
    """Whether a picture in a Vorbis comment is the front cover: its type is its first four bytes."""
    return base64.b64decode(encoded[:8] + "==", validate=False)[:4] == FRONT_COVER.to_bytes(4, "big")
