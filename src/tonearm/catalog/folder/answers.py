"""The contract's answers, built from rows of the index. Absent values are left out; URLs are relative to the base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tonearm.catalog.folder.reading import Reading
from tonearm.model import Quality

Answer = dict[str, Any]
"""A JSON object."""

decode_reading = msgspec.json.Decoder(Reading).decode

_Row = Sequence[Any]


def track(track_id: int, album_row: _Row, file: _Row) -> Answer:
    """A track with its media; year and number of discs are those of its album, as the album's own answer has them.

    *album_row*: id, title, artist, year, discs, cover; *file*: id, quality, reading, size, picture beside it.
    """
    album_id, album_title, album_artist, year, disc_count, album_cover = album_row
    file_id, _, encoded, size, beside = file
    reading = decode_reading(encoded)
    return _present(
        id=track_id,
        title=reading.title,
        artist=reading.artist,
        album=album_title,
        albumId=album_id,
        albumArtist=album_artist,
        trackNumber=reading.track_number,
        trackCount=reading.track_count,
        discNumber=reading.disc_number,
        discCount=disc_count,
        year=year,
        isrc=reading.isrc,
        durationSeconds=reading.duration_seconds,
        coverUrl=_cover(file_id if reading.picture or beside else album_cover),
        license=reading.license,
        media={"url": f"media/{file_id}", "contentType": reading.format.content_type, "sizeBytes": size},
    )


def album(album_id: int, row: _Row, tracks: Sequence[_Row], *, more: bool) -> Answer:
    """An album with one page of tracks.

    *row*: title, artist, year, discs, cover, track count; *tracks*: id, reading (None while it is being read anew).
    """
    title, artist, year, disc_count, cover, track_count = row
    return _present(
        id=album_id,
        title=title,
        artist=artist,
        albumArtist=artist,
        year=year,
        discCount=disc_count,
        coverUrl=_cover(cover),
        trackCount=track_count,
        tracks=[_line(number, decode_reading(encoded)) for number, encoded in tracks if encoded],
        next=str(tracks[-1][0]) if more else None,
    )


def albums(rows: Sequence[_Row], *, more: bool) -> Answer:
    """One page of all albums. *rows*: id, title, artist, year, track count, qualities."""
    return _present(
        albums=[
            _present(
                id=number,
                title=title,
                artist=artist,
                year=year,
                trackCount=count,
                qualities=[quality for quality in reversed(Quality) if quality in (have or "").split(",")],
            )
            for number, title, artist, year, count, have in rows
        ],
        next=str(rows[-1][0]) if more else None,
    )


def album_found(row: _Row) -> Answer:
    """An album in the answer to a search. *row*: id, title, artist, year, cover, track count."""
    number, title, artist, year, cover, count = row
    return _present(
        type="album", id=number, title=title, artist=artist, year=year, trackCount=count, coverUrl=_cover(cover)
    )


def track_found(row: _Row) -> Answer:
    """A track in the answer to a search. *row*: id, reading, album title, year, cover of the album."""
    number, encoded, album_title, year, cover = row
    reading = decode_reading(encoded)
    return _present(
        type="track",
        id=number,
        title=reading.title,
        artist=reading.artist,
        album=album_title,
        year=year,
        coverUrl=_cover(cover),
    )


def _line(number: int, reading: Reading) -> Answer:
    return _present(
        id=number,
        title=reading.title,
        artist=reading.artist,
        trackNumber=reading.track_number,
        discNumber=reading.disc_number,
        durationSeconds=reading.duration_seconds,
    )


def _cover(file_id: int | None) -> str | None:
    return None if file_id is None else f"covers/{file_id}"


def _present(**fields: Any) -> Answer:
    return {name: value for name, value in fields.items() if value is not None}
