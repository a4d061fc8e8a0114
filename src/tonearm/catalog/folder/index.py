"""The index of one music folder: what is in it, by ids that last.

Reads are short and may come from any thread; a refresh runs beside them on a connection of its own, and readers see it
whole or not at all. Answers are in the shape of the catalog contract, with URLs relative to its base.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from tonearm.catalog.folder import answers
from tonearm.catalog.folder.answers import Answer
from tonearm.catalog.folder.beneath import Stamp
from tonearm.catalog.folder.database import default_database, open_database
from tonearm.catalog.folder.reading import Format
from tonearm.catalog.folder.refresh import Progress, Refreshed, refresh
from tonearm.catalog.folder.texts import Texts, matching, texts_of
from tonearm.catalog.folder.walk import Skipped
from tonearm.errors import SetupError
from tonearm.model import JobType, Quality

__all__ = [
    "Absent",
    "MusicIndex",
    "OtherQuality",
    "RefreshStopped",
    "Served",
    "Totals",
    "UnknownCursor",
    "default_database",
    "index_folder",
    "open_index",
]

PAGE = 500
"""Tracks or albums in one answer."""


class Absent(Exception):
    """There is no such thing in the folder now; the text says which."""


class UnknownCursor(Exception):
    """A cursor that no answer of ours carried."""


class RefreshStopped(Exception):
    """The index was closed while it was being brought up to the folder; the next run goes on from there."""


class OtherQuality(Exception):
    """It is there, but not in the quality that was asked for."""


@dataclass(frozen=True, slots=True)
class Served:
    """A file that may be sent, as it was when the index saw it. Paths are below the folder."""

    path: bytes
    stamp: Stamp
    format: Format
    cover: bytes | None
    picture: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """How much there is: albums, tracks, and tracks by quality."""

    albums: int
    tracks: int
    by_quality: dict[Quality, int]


class MusicIndex:
    """The index of *folder*, kept in the file *database*. Call `refresh` before the first question."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = os.fsencode(folder.resolve())
        self.skipped: tuple[Skipped, ...] = ()
        self._writer = open_database(database)
        self._reader = open_database(database)
        self._reading = threading.Lock()
        self._texts = Texts(version=-1)
        self._refreshing = threading.Lock()
        self._unreadable: Mapping[bytes, tuple[Stamp, str]] = {}
        self._closing = False

    def close(self) -> None:
        """Stop a refresh that is running and free the database. No call may follow."""
        self._closing = True
        with self._refreshing, self._reading:
            self._writer.close()
            self._reader.close()

    def refresh(self, progress: Progress | None = None) -> Refreshed:
        """Bring the index up to the folder. One at a time; a second caller waits.

        Raises:
            SetupError: the folder cannot be listed; the index is left as it was.
            RefreshStopped: the index was closed meanwhile.
        """

        def step(done: int, total: int) -> None:
            self._expect_open()
            if progress is not None:
                progress(done, total)

        with self._refreshing:
            self._expect_open()
            outcome = refresh(self._writer, self.folder, self._unreadable, step)
            self._unreadable = outcome.unreadable
            self.skipped = outcome.skipped
            return outcome

    def track(self, track_id: int, quality: Quality) -> Answer:
        """The contract's answer about a track.

        Raises:
            Absent: no such track.
            OtherQuality: not in this quality.
        """
        with self._query() as rows:
            found = rows(_TRACK, (track_id,)).fetchone()
            files = rows(_FILES, (found[0],)).fetchall() if found else []
        if found is None or not files:
            raise Absent(f"there is no track {track_id}")
        file = next((file for file in files if file[1] == quality), None)
        if file is None:
            raise OtherQuality(f"track {track_id} is not here in {quality}")
        return answers.track(track_id, found[1:], file)

    def album(self, album_id: int, quality: Quality, after: int | None = None) -> Answer:
        """The contract's answer about an album: up to `PAGE` tracks, beginning behind the track *after*.

        All tracks are listed, in the order of discs and numbers, also those that are not here in *quality*.

        Raises:
            Absent: no such album.
            OtherQuality: none of its tracks is here in this quality.
            UnknownCursor: there never was a track *after*.
        """
        with self._query() as rows:
            found = rows(_ALBUM, (album_id,)).fetchone()
            if found is None:
                raise Absent(f"there is no album {album_id}")
            if not rows(_ALBUM_HAS, (found[0], quality.value)).get:
                raise OtherQuality(f"album {album_id} is not here in {quality}")
            _expect(rows, _KNOWS_TRACK, after)
            tracks = rows(_ALBUM_TRACKS, (quality.value, found[0], after, PAGE + 1)).fetchall()
        return answers.album(album_id, found[1:], tracks[:PAGE], more=len(tracks) > PAGE)

    def albums(self, after: int | None = None) -> Answer:
        """Up to `PAGE` albums by artist and title, beginning behind the album *after*; for people.

        Raises:
            UnknownCursor: there never was an album *after*.
        """
        with self._query() as rows:
            _expect(rows, _KNOWS_ALBUM, after)
            found = rows(_ALBUMS, (after, PAGE + 1)).fetchall()
        return answers.albums(found[:PAGE], more=len(found) > PAGE)

    def search(self, words: str, job_type: JobType | None, limit: int) -> Answer:
        """The contract's answer to a search: at most *limit* albums and tracks, by artist and title, albums first.

        Each of *words* stands somewhere in the artist, the album or the track's own title, whatever case and accents.
        Of both kinds, where there are many of both, half each.

        Cost: O(albums + tracks), 0.1 s for 100,000 tracks; the first time after a change as much as `texts` says.
        """
        texts = self._fresh_texts()
        albums = matching(texts.albums, words, limit) if job_type is not JobType.TRACK else []
        tracks = matching(texts.tracks, words, limit) if job_type is not JobType.ALBUM else []
        albums = albums[: max(limit - len(tracks), (limit + 1) // 2)]
        with self._query() as rows:
            found = [answers.album_found(row) for row in _each(rows, _ALBUM_FOUND, albums)]
            found += [answers.track_found(row) for row in _each(rows, _TRACK_FOUND, tracks[: limit - len(albums)])]
        return {"results": found}

    def _fresh_texts(self) -> Texts:
        """The texts of the index as it is now. They are read in one moment, and made while others may read."""
        with self._query() as rows:
            version = rows("PRAGMA data_version").get
            if version == self._texts.version:
                return self._texts
            albums, tracks = rows(_ALBUM_TEXTS).fetchall(), rows(_TRACK_TEXTS).fetchall()
        self._texts = texts_of(version, albums, tracks)
        return self._texts

    def file(self, file_id: int) -> Served:
        """The file behind a media or cover URL.

        Raises:
            Absent: no such file any more.
        """
        with self._query() as rows:
            found = rows(_FILE, (file_id,)).fetchone()
        if found is None:
            raise Absent(f"there is no file {file_id}")
        path, inode, size, mtime_ns, ctime_ns, cover, reading = found
        decoded = answers.decode_reading(reading)
        stamp = Stamp(inode, size, mtime_ns, ctime_ns)
        return Served(path=path, stamp=stamp, format=decoded.format, cover=cover, picture=decoded.picture)

    def totals(self) -> Totals:
        """Count what is there."""
        with self._query() as rows:
            albums = rows("SELECT count(*) FROM albums WHERE present").get
            tracks = rows("SELECT count(*) FROM tracks WHERE present").get
            counted = dict(rows(_COUNTS))
        return Totals(albums, tracks, {quality: counted.get(quality, 0) for quality in reversed(Quality)})

    def _expect_open(self) -> None:
        if self._closing:
            raise RefreshStopped("the index was closed")

    @contextmanager
    def _query(self) -> Iterator[Any]:
        """Statements that see one moment of the index."""
        with self._reading:
            self._reader.execute("BEGIN DEFERRED")
            try:
                yield self._reader.execute
            finally:
                self._reader.execute("COMMIT")


def _each(rows: Any, statement: str, ids: list[int]) -> Iterator[Any]:
    """The row of each of *ids* that is still there."""
    for number in ids:
        yield from rows(statement, (number,))


def _expect(rows: Any, statement: str, after: int | None) -> None:
    if after is not None and not rows(statement, (after,)).get:
        raise UnknownCursor(f"there is no cursor {after}")


def open_index(directory: Path, database: Path | None = None) -> MusicIndex:
    """Open the index of *directory* as it was left; otherwise as `index_folder`."""
    if not directory.is_dir():
        raise SetupError(f"{directory} is no folder" if directory.exists() else f"There is no folder {directory}")
    return MusicIndex(directory, database or default_database(directory))


def index_folder(directory: Path, database: Path | None = None, progress: Progress | None = None) -> MusicIndex:
    """Open the index of *directory* and bring it up to what lies there now.

    *database* defaults to a file in the user's data folder that belongs to this directory.

    Raises:
        SetupError: no such directory, or the database cannot be used.
    """
    index = open_index(directory, database)
    try:
        index.refresh(progress)
    except (SetupError, apsw.Error):
        index.close()
        raise
    return index


_TRACK = """
SELECT t.track_id, a.album_id, a.title, a.artist, a.year, a.disc_count, a.cover_file
FROM tracks t JOIN albums a USING (album_id)
WHERE t.track_id = (SELECT coalesce(successor, track_id) FROM tracks WHERE track_id = ?) AND t.present
"""
_FILES = """
SELECT file_id, quality, reading, size, cover IS NOT NULL FROM files
WHERE track_id = ? AND path IS NOT NULL ORDER BY quality, rank DESC, file_id
"""
_ALBUM = """
SELECT album_id, title, artist, year, disc_count, cover_file,
    (SELECT count(*) FROM tracks t WHERE t.album_id = a.album_id AND t.present)
FROM albums a
WHERE album_id = (SELECT coalesce(successor, album_id) FROM albums WHERE album_id = ?) AND present
"""
_ALBUM_HAS = """
SELECT EXISTS (SELECT 1 FROM tracks t JOIN files f USING (track_id)
    WHERE t.album_id = ? AND t.present AND f.quality = ? AND f.path IS NOT NULL)
"""
_KNOWS_TRACK = "SELECT EXISTS (SELECT 1 FROM tracks WHERE track_id = ?)"
_KNOWS_ALBUM = "SELECT EXISTS (SELECT 1 FROM albums WHERE album_id = ?)"
_ALBUM_TRACKS = """
SELECT t.track_id, (SELECT reading FROM files f WHERE f.track_id = t.track_id AND f.path IS NOT NULL
    ORDER BY f.quality = ?1 DESC, f.rank DESC, f.file_id LIMIT 1)
FROM tracks t WHERE t.album_id = ?2 AND t.present AND (?3 IS NULL
    OR (t.disc, t.number, t.title, t.track_id) > (SELECT disc, number, title, track_id FROM tracks WHERE track_id = ?3))
ORDER BY t.disc, t.number, t.title, t.track_id LIMIT ?4
"""
_ALBUMS = """
SELECT album_id, title, artist, year, (SELECT count(*) FROM tracks t WHERE t.album_id = a.album_id AND t.present),
    (SELECT group_concat(DISTINCT f.quality) FROM tracks t JOIN files f USING (track_id)
        WHERE t.album_id = a.album_id AND t.present AND f.path IS NOT NULL)
FROM albums a WHERE present
    AND (?1 IS NULL OR (sort, album_id) > (SELECT sort, album_id FROM albums WHERE album_id = ?1))
ORDER BY sort, album_id LIMIT ?2
"""
_ALBUM_TEXTS = "SELECT album_id, sort FROM albums WHERE present ORDER BY sort, album_id"
_ALBUM_FOUND = """
SELECT album_id, title, artist, year, cover_file,
    (SELECT count(*) FROM tracks t WHERE t.album_id = a.album_id AND t.present)
FROM albums a WHERE album_id = ? AND present
"""
_TRACK_TEXTS = """
SELECT t.track_id, a.sort || char(10) || t.title || char(10) || coalesce((SELECT CAST(reading AS TEXT) ->> '$.artist'
    FROM files f WHERE f.track_id = t.track_id AND f.path IS NOT NULL LIMIT 1), '')
FROM tracks t JOIN albums a USING (album_id) WHERE t.present
ORDER BY a.sort, a.album_id, t.disc, t.number, t.title, t.track_id
"""
_TRACK_FOUND = """
SELECT t.track_id, (SELECT reading FROM files f WHERE f.track_id = t.track_id AND f.path IS NOT NULL LIMIT 1),
    a.title, a.year, a.cover_file
FROM tracks t JOIN albums a USING (album_id) WHERE t.track_id = ? AND t.present
"""
_FILE = """
SELECT path, inode, size, mtime_ns, ctime_ns, cover, reading FROM files
WHERE file_id = ? AND path IS NOT NULL AND track_id IS NOT NULL
"""
_COUNTS = """
SELECT quality, count(DISTINCT track_id) FROM files WHERE path IS NOT NULL AND track_id IS NOT NULL GROUP BY quality
"""
