"""Bringing the index up to the folder as it is now.

Files are recognised by their stamp, else by their sound; a file's row moves with it, so nothing that still exists is
missing from the index in between. Readings are kept in steps: an interrupted first run of a large folder goes on
where it stopped. What belongs together and which ids it keeps is settled in one transaction at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import apsw
import msgspec

from tonearm.catalog.folder.beneath import Stamp, open_beneath
from tonearm.catalog.folder.names import readable
from tonearm.catalog.folder.reading import Reading
from tonearm.catalog.folder.regroup import regroup
from tonearm.catalog.folder.tags import Unreadable, read_music
from tonearm.catalog.folder.walk import Found, Skipped, walk

Progress = Callable[[int, int], None]
"""Told now and then how many of how many new or changed files have been read; what it raises stops the reading."""

_STEP = 100
_INSERT = """
INSERT INTO files (path, inode, size, mtime_ns, ctime_ns, cover, content, quality, rank, reading)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
UPDATE files SET (path, inode, size, mtime_ns, ctime_ns, cover, content, quality, rank, reading)
    = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE file_id = ?
"""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh found: files read anew, files gone, files passed over, and those that could not be read."""

    read: int
    gone: int
    skipped: tuple[Skipped, ...]
    unreadable: Mapping[bytes, tuple[Stamp, str]]


def refresh(
    database: apsw.Connection,
    folder: bytes,
    unreadable: Mapping[bytes, tuple[Stamp, str]],
    progress: Progress,
) -> Refreshed:
    """Compare *folder* with the index and bring the index up to it.

    *unreadable* is that of the refresh before: such files are looked into again only when they changed.

    Raises:
        SetupError: the folder itself cannot be listed; the index is left as it was.

    Cost: one look at each name; a file is opened only when it is new or changed.
    """
    found, skipped = _look(folder)
    known = {
        path: (Stamp(*stamp), cover)
        for path, cover, *stamp in database.execute(
            "SELECT path, cover, inode, size, mtime_ns, ctime_ns FROM files WHERE path IS NOT NULL"
        )
    }
    bad = {path: seen for path, seen in unreadable.items() if path in found and found[path].stamp == seen[0]}
    changed = [one for one in found.values() if known.get(one.path) != (one.stamp, one.cover) and one.path not in bad]
    gone = [path for path in known if path not in found]
    step = _Step(database, folder, frozenset(gone), {one.path for one in changed})
    pending = iter(changed)
    done = 0
    while some := list(islice(pending, _STEP)):
        bad.update(step.take(some))
        done += len(some)
        progress(done, len(changed))
    if changed or gone or _unsettled(database):
        _settle(database, gone, readable(folder.rpartition(b"/")[2]) or "Music")
    skipped += [Skipped(readable(path), reason) for path, (_, reason) in sorted(bad.items())]
    return Refreshed(read=len(changed), gone=len(gone), skipped=tuple(skipped), unreadable=bad)


def _look(folder: bytes) -> tuple[dict[bytes, Found], list[Skipped]]:
    found: dict[bytes, Found] = {}
    skipped: list[Skipped] = []
    for one in walk(folder):
        if isinstance(one, Found):
            found[one.path] = one
        else:
            skipped.append(one)
    return found, skipped


def _unsettled(database: apsw.Connection) -> bool:
    """Whether a refresh before this one was interrupted before its end."""
    query = "SELECT EXISTS (SELECT 1 FROM files WHERE path IS NOT NULL AND track_id IS NULL)"
    return bool(database.execute(query).get)


def _settle(database: apsw.Connection, gone: Sequence[bytes], folder_name: str) -> None:
    with database:
        # A row that moved to another path has left its old one already.
        database.executemany("UPDATE files SET path = NULL WHERE path = ?", [(path,) for path in gone])
        regroup(database, folder_name)


class _Step:
    """Reads new and changed files and gives each its row: its own, that of the same sound which is free, or a new one.

    A row is free when its path is *gone*, or when that path's file has *changed* and was not read yet.
    """

    def __init__(self, database: apsw.Connection, folder: bytes, gone: frozenset[bytes], changed: set[bytes]) -> None:
        self._database = database
        self._folder = folder
        self._gone = gone
        self._changed = changed

    def take(self, some: Sequence[Found]) -> dict[bytes, tuple[Stamp, str]]:
        """Read *some* files into their rows, in one transaction; answers those that are unreadable, and why."""
        bad: dict[bytes, tuple[Stamp, str]] = {}
        readings: list[tuple[Found, Reading]] = []
        for one in some:
            try:
                readings.append(self._read(one))
            except Unreadable as error:
                bad[one.path] = (one.stamp, str(error))
        with self._database:
            for path in bad:
                self._database.execute("UPDATE files SET path = NULL WHERE path = ?", (path,))
            for one, reading in readings:
                self._write(one, reading)
        return bad

    def _read(self, one: Found) -> tuple[Found, Reading]:
        try:
            with open_beneath(self._folder, one.path) as file:
                return one, read_music(file, one.path)
        except OSError as error:
            raise Unreadable(error.strerror or "cannot be read") from error

    def _write(self, one: Found, reading: Reading) -> None:
        row = self._row(one.path, reading.content)
        self._changed.discard(one.path)
        self._database.execute(
            "UPDATE files SET path = NULL WHERE path = ? AND file_id IS NOT ?",
            (one.path, row),
        )
        values = (
            *(one.path, one.stamp.inode, one.stamp.size, one.stamp.mtime_ns, one.stamp.ctime_ns, one.cover),
            *(reading.content, reading.quality.value, reading.rank, msgspec.json.encode(reading)),
        )
        if row is None:
            self._database.execute(_INSERT, values)
        else:
            self._database.execute(_UPDATE, (*values, row))

    def _row(self, path: bytes, content: bytes) -> int | None:
        candidates: list[tuple[int, int]] = []
        for file_id, there in self._database.execute("SELECT file_id, path FROM files WHERE content = ?", (content,)):
            if there == path:
                return int(file_id)
            if there is None or there in self._gone:
                candidates.append((0, file_id))
            elif there in self._changed:
                candidates.append((1, file_id))
        return min(candidates)[1] if candidates else None
