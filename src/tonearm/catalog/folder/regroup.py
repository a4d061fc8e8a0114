"""Settling tracks and albums after files changed: groups by tags, ids by `identity`, written where they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

import apsw
import msgspec

from tonearm.catalog.folder.grouping import Member, Placed, place
from tonearm.catalog.folder.identity import Plan, plan
from tonearm.catalog.folder.names import fold
from tonearm.catalog.folder.reading import Reading

_Noun = Literal["album", "track"]
_Row = tuple[int | str | None, ...]
_COLUMNS: dict[_Noun, str] = {
    "album": "title, artist, year, disc_count, cover_file, sort",
    "track": "album_id, disc, number, title",
}
_HOLDING = "SELECT {noun}_id, key FROM {noun}s WHERE present OR key IS NOT NULL"
_ABSENT = "UPDATE {noun}s SET present = 0 WHERE {noun}_id = ? AND present"
_KEYLESS = "UPDATE {noun}s SET key = NULL WHERE {noun}_id = ?"
_INSERT = "INSERT INTO {noun}s (key, present, {names}) VALUES (?, 1, {marks}) RETURNING {noun}_id"
_UPDATE = """
UPDATE {noun}s SET (key, present, successor, {names}) = (?, 1, NULL, {marks})
WHERE {noun}_id = ? AND (key, present, successor, {names}) IS NOT (?, 1, NULL, {marks})
"""
_FOLLOW = "UPDATE {noun}s SET key = NULL, present = 0, successor = ? WHERE {noun}_id = ?"
_FOLLOW_ON = "UPDATE {noun}s SET successor = ? WHERE successor = ?"

_decode_reading = msgspec.json.Decoder(Reading).decode


def regroup(database: apsw.Connection, folder_name: str) -> None:
    """Give every present file its track and every track its album, keeping ids, inside the caller's transaction."""
    placed = place(_members(database), folder_name)
    album_before = dict(database.execute("SELECT track_id, album_id FROM tracks"))
    albums: dict[str, list[int]] = defaultdict(list)
    tracks: dict[str, list[int]] = defaultdict(list)
    for one in placed:
        before = one.member.track_id
        albums[one.album_key] += [] if before is None else [album_before[before]]
        tracks[one.track_key] += [] if before is None else [before]
    by_folder = {one.album_key for one in placed if one.guessed_album}
    by_name = {one.track_key for one in placed if not one.member.reading.tagged_title}
    album_ids = _settle_albums(database, placed, plan(albums, _holders(database, "album"), by_folder))
    track_ids = _settle_tracks(database, placed, album_ids, plan(tracks, _holders(database, "track"), by_name))
    database.executemany(
        "UPDATE files SET track_id = ?1 WHERE file_id = ?2 AND track_id IS NOT ?1",
        [(track_ids[one.track_key], one.member.file_id) for one in placed],
    )


def _members(database: apsw.Connection) -> Iterable[Member]:
    query = "SELECT file_id, path, reading, track_id, cover IS NOT NULL FROM files WHERE path IS NOT NULL"
    for file_id, path, encoded, track_id, beside in database.execute(query):
        reading = _decode_reading(encoded)
        yield Member(file_id, path, reading, track_id, has_cover=bool(beside) or reading.picture)


def _holders(database: apsw.Connection, noun: _Noun) -> dict[str, int]:
    return dict(database.execute(_sql(noun, "SELECT key, {noun}_id FROM {noun}s WHERE key IS NOT NULL")))


def _settle_albums(database: apsw.Connection, placed: Iterable[Placed], planned: Plan) -> dict[str, int]:
    grouped: dict[str, list[Placed]] = defaultdict(list)
    for one in placed:
        grouped[one.album_key].append(one)
    rows: dict[str, _Row] = {}
    for key, members in grouped.items():
        first = members[0]
        readings = [one.member.reading for one in members]
        year = next((reading.year for reading in readings if reading.year), None)
        discs = max(max(reading.disc_number or 1, reading.disc_count or 1) for reading in readings)
        cover = next((one.member.file_id for one in members if one.member.has_cover), None)
        sort = f"{fold(first.album_artist)}\n{fold(first.album)}"
        rows[key] = (first.album, first.album_artist, year, discs, cover, sort)
    return _write(database, "album", rows, planned)


def _settle_tracks(
    database: apsw.Connection, placed: Iterable[Placed], album_ids: Mapping[str, int], planned: Plan
) -> dict[str, int]:
    rows: dict[str, _Row] = {}
    for one in placed:
        row = (album_ids[one.album_key], one.disc, one.number, fold(one.member.reading.title))
        rows.setdefault(one.track_key, row)
    return _write(database, "track", rows, planned)


def _write(database: apsw.Connection, noun: _Noun, rows: Mapping[str, _Row], planned: Plan) -> dict[str, int]:
    """Write a row for each key, with the ids of *planned*; whatever has none is not present. Answers the ids by key."""
    _release(database, noun, planned)
    ids: dict[str, int] = {}
    for key, row in rows.items():
        known = planned.ids[key]
        if known is None:
            ids[key] = database.execute(_sql(noun, _INSERT), (key, *row)).get
        else:
            ids[key] = known
            database.execute(_sql(noun, _UPDATE), (key, *row, known, key, *row))
    for left, key in planned.moved.items():
        database.execute(_sql(noun, _FOLLOW), (ids[key], left))
        database.execute(_sql(noun, _FOLLOW_ON), (ids[key], left))
    return ids


def _release(database: apsw.Connection, noun: _Noun, planned: Plan) -> None:
    """Take keys off before others put them on (two that were exchanged would meet), and mark what is not there."""
    kept = {known for known in planned.ids.values() if known is not None}
    for number, key in database.execute(_sql(noun, _HOLDING)).fetchall():
        if number not in kept:
            database.execute(_sql(noun, _ABSENT), (number,))
        if key in planned.ids and planned.ids[str(key)] != number:
            database.execute(_sql(noun, _KEYLESS), (number,))


def _sql(noun: _Noun, statement: str) -> str:
    """*statement* for tracks or for albums; both have ids, keys and successors, and columns of their own."""
    names = _COLUMNS[noun]
    marks = ", ".join("?" * (names.count(",") + 1))
    return statement.replace("{noun}", noun).replace("{names}", names).replace("{marks}", marks)
