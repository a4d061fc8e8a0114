"""The small SQLite file that remembers which id belongs to what.

Others rely on an id as soon as an answer carries it, so it must survive a power cut: `synchronous=FULL`. Rows are never
deleted and AUTOINCREMENT never hands a number out twice.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import apsw
import platformdirs

from tonearm.errors import SetupError

_APPLICATION_ID = 0x746F6E63  # "tonc"
_VERSION = 1
_SCHEMA = """
CREATE TABLE albums (
    album_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (album_id BETWEEN 1 AND 2147483647),
    key TEXT UNIQUE,                -- what makes it this album; NULL once it became another
    successor INTEGER,              -- the album it became
    present INTEGER NOT NULL CHECK (present IN (0, 1)),
    title TEXT NOT NULL,
    artist TEXT NOT NULL,
    year INTEGER,
    disc_count INTEGER NOT NULL,
    cover_file INTEGER,
    sort TEXT NOT NULL,             -- folded artist and title
    CHECK (successor IS NULL OR NOT present)
) STRICT;
CREATE INDEX albums_in_order ON albums (sort, album_id) WHERE present;

CREATE TABLE tracks (
    track_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (track_id BETWEEN 1 AND 2147483647),
    key TEXT UNIQUE,
    successor INTEGER,
    present INTEGER NOT NULL CHECK (present IN (0, 1)),
    album_id INTEGER NOT NULL REFERENCES albums,
    disc INTEGER NOT NULL,
    number INTEGER NOT NULL,
    title TEXT NOT NULL,            -- folded, to sort and to search
    CHECK (successor IS NULL OR NOT present)
) STRICT;
CREATE INDEX tracks_in_order ON tracks (album_id, disc, number, title, track_id) WHERE present;

CREATE TABLE files (
    file_id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (file_id BETWEEN 1 AND 2147483647),
    path BLOB UNIQUE,               -- below the folder; NULL while it is not there
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    cover BLOB,                     -- path of the picture beside it
    content BLOB NOT NULL,          -- fingerprint of the sound
    quality TEXT NOT NULL CHECK (quality IN ('LOW', 'HIGH', 'LOSSLESS')),
    rank INTEGER NOT NULL,
    reading BLOB NOT NULL,          -- what was read from it, as JSON
    track_id INTEGER REFERENCES tracks
) STRICT;
CREATE INDEX files_by_content ON files (content);
CREATE INDEX files_of_track ON files (track_id, quality, rank DESC, file_id) WHERE path IS NOT NULL;
"""


def default_database(directory: Path) -> Path:
    """Where the ids of *directory* are kept: in the user's data folder, one file for each music folder."""
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    return platformdirs.user_data_path("tonearm") / "catalogs" / f"{name}.sqlite3"


def open_database(path: Path) -> apsw.Connection:
    """Open the file at *path* for reading and writing; made if it is missing.

    Raises:
        SetupError: it cannot be written, or is something else. A foreign file is not touched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = apsw.Connection(str(path))
    except (OSError, apsw.Error) as error:
        raise SetupError(f"The index {path} cannot be opened: {error}") from error
    try:
        connection.set_busy_timeout(30_000)
        connection.transaction_mode = "IMMEDIATE"
        _prepare(connection, path)
    except apsw.Error as error:
        connection.close()
        raise SetupError(f"{path} is not an index of a music folder: {error}") from error
    except SetupError:
        connection.close()
        raise
    return connection


def _prepare(connection: apsw.Connection, path: Path) -> None:
    version = connection.pragma("user_version")
    ours = connection.pragma("application_id") == _APPLICATION_ID
    empty = version == 0 and not ours and connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    if not empty and not ours:
        raise SetupError(f"{path} is another program's database; name another file with --database")
    if version > _VERSION:
        raise SetupError(f"{path} was written by a newer tonearm (version {version}, this one knows {_VERSION})")
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("foreign_keys", True)
    if empty:
        with connection:
            connection.execute(_SCHEMA)
            connection.pragma("application_id", _APPLICATION_ID)
            connection.pragma("user_version", _VERSION)
