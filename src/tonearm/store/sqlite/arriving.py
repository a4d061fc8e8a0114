"""Arriving: jobs that another store dumped enter this one (`Store.take_in`).

A track job, and an album of one page, is here in one unit. The pages of a longer album wait beside the table of tasks
until the last one has come; then the album is here, and its tracks get their rows page by page, by `sweep`. Until they
all have, it stands in no lane, so nothing of it can be claimed, and it cannot end.
"""

from __future__ import annotations

import msgspec

from tonearm.model import AlbumDump, JobDump, TakenIn, TaskDump, TrackDump
from tonearm.store import dumps, wording
from tonearm.store.arriving import MOVED, job_of, story_of, track_of
from tonearm.store.sqlite import albums, endings, moves, tombstones
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task, Unreadable


def take_in(unit: Unit, dump: JobDump) -> TakenIn:
    """Enter a job, or keep a page of one (`Store.take_in`)."""
    dumps.check(dump)
    if unit.named(dump.id) is not None:
        return TakenIn.KNOWN
    if tombstones.remembered(unit, dump.id):
        return TakenIn.DELETED
    album = dump.album
    if album is not None and (album.following is not None or album.start > 1):
        _keep_page(unit, dump.id, album)
        if album.following is not None:
            return TakenIn.MORE
    task = job_of(dump, unit.now)
    task.history_count = len(story_of(dump))
    job = moves.add(unit, task)
    _settle_in(unit, job, dump.task)
    _tell_story(unit, job, dump)
    if album is not None and album.start > 1:
        unit.run("UPDATE arriving SET at = NULL WHERE job = ?", job.id)
        enter_next(unit)
    elif album is not None:
        _enter_tracks(unit, job, album.tracks)
    return TakenIn.TAKEN


def _keep_page(unit: Unit, job_id: str, album: AlbumDump) -> None:
    if album.start == 1:
        unit.run("DELETE FROM arriving WHERE job = ?", job_id)
    before = unit.one("SELECT start + count FROM arriving WHERE job = ? ORDER BY start DESC LIMIT 1", job_id) or (1,)
    again = unit.one("SELECT 1 FROM arriving WHERE job = ? AND start = ?", job_id, album.start)
    first = unit.one("SELECT 1 FROM arriving WHERE job = ? AND start = 1", job_id)
    if (before[0] != album.start and again is None) or (album.start > 1 and first is None):
        raise wording.pages_missing(job_id, album.start)
    unit.run(
        "INSERT OR REPLACE INTO arriving (job, start, count, at, body) VALUES (?, ?, ?, ?, ?)",
        *(job_id, album.start, len(album.tracks), unit.now, msgspec.json.encode(album.tracks).decode()),
    )


def _settle_in(unit: Unit, task: Task, dump: TaskDump) -> None:
    """Give a task that has its row the name that it held, or have a stage removed that nobody wants any more."""
    name = dump.reserved
    held = not task.final or task.parent is not None
    if name is not None and held and not endings.publishes(unit, name.key):
        unit.run("INSERT OR IGNORE INTO reservation (key, name, task) VALUES (?, ?, ?)", name.key, name.name, task.seq)
    if task.final and not dump.state.final:
        moves.discard_stage(unit, task)


def _tell_story(unit: Unit, job: Task, dump: JobDump) -> None:
    for number, line in enumerate(story_of(dump), 1):
        unit.run(
            "INSERT INTO history (job, number, at, event, attempt, code, message, worker) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(job.seq, number, unit.now - line.age, line.event, line.attempt),
            *(None if line.code is None else line.code.value, line.message, line.worker),
        )
    if not dump.task.state.final:
        moves.note(unit, job, MOVED)
        if job.final:
            moves.note(unit, job, "cancelled")


def _enter_tracks(unit: Unit, album: Task, tracks: tuple[TrackDump, ...]) -> None:
    for dump in tracks:
        _settle_in(unit, moves.add(unit, track_of(dump, album, unit.now)), dump.task)
    albums.close_if_done(unit, album)


def enter_next(unit: Unit) -> int:
    """Give the tracks of one page that has arrived their rows; returns how many (`Store.sweep`)."""
    row = unit.one("SELECT job, start, body FROM arriving WHERE at IS NULL ORDER BY job, start LIMIT 1")
    if row is None:
        return 0
    job_id, start, body = row
    album = unit.named(job_id)
    if album is not None:
        _enter_tracks(unit, album, _read(album, body))
    unit.run("DELETE FROM arriving WHERE job = ? AND start = ?", job_id, start)
    return 1


def awaited(unit: Unit, album: Task, start: int) -> tuple[TrackDump, ...]:
    """Return tracks from position *start* on that have no rows yet, those of one page."""
    row = unit.one(
        "SELECT body FROM arriving WHERE job = ? AND start <= ? ORDER BY start DESC LIMIT 1", album.id, start
    )
    tracks = () if row is None else _read(album, row[0])
    return tuple(track for track in tracks if track.position >= start)


def give_up(unit: Unit, album: Task) -> None:
    """Leave an album that cannot be read the tracks that have rows; the others were never listed here."""
    if album.entered < album.track_count:
        unit.run("DELETE FROM arriving WHERE job = ?", album.id)
        missing = album.track_count - album.entered
        moves.change(unit, album, track_count=album.entered, unlisted=album.unlisted + missing)


def _read(album: Task, body: str) -> tuple[TrackDump, ...]:
    try:
        return dumps.decode_tracks(body)
    except msgspec.DecodeError as error:
        raise Unreadable(album.seq, str(error)) from error
