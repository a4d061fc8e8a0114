"""Albums: entering the tracks of a resolved one, what its tracks follow in pages, and how it ends.

A *chore* is what an album decided and its tracks have yet to follow: `cancel`, `retry`, or `trim` (rows beyond the
list, left by an earlier resolving). The album's own state counts at once; an album with surplus rows offers no
track, and one with a chore does not end before it is done. Tracks of a deleted album are orphans: nobody can claim,
commit or complete them, and their rows go in pages.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tonearm.errors import FailureCode, Invalid, RefusalCode
from tonearm.model import AlbumInfo, AlbumOutcome, AlbumTrack, Claim, JobType, State
from tonearm.store.base import PAGE
from tonearm.store.sqlite import endings, moves
from tonearm.store.sqlite.held import ended, held, wanted
from tonearm.store.sqlite.rows import FRESH, Task
from tonearm.store.sqlite.unit import Unit

ERROR_LIMIT = 500
"""Characters of a partial album's error text (docs: http-api, job record)."""

EMPTY = "Album has no tracks"
ALL_FAILED = "All tracks failed"


def expand(unit: Unit, claim: Claim, album: AlbumInfo, start: int, tracks: Sequence[AlbumTrack], *, last: bool) -> None:
    """Enter one page of tracks; with *last* the list is fixed and the claim ends (`Store.expand`)."""
    if ended(unit, claim):
        return
    job = held(unit, claim)
    if not job.is_album or start < 1 or start > job.entered + 1:
        raise Invalid(RefusalCode.INVALID_FIELD, f"No track list can go on at position {start}.", "start")
    news = moves.change(
        unit,
        job,
        album=msgspec.json.encode(album).decode(),
        album_title=job.album_title or album.title,
        artist_name=job.artist_name or album.album_artist or album.artist,
    )
    for position, track in enumerate(tracks, start):
        _enter(unit, job, album, position, track)
    if last:
        _fix_list(unit, job, start + len(tracks) - 1)
    elif news:
        moves.tell(unit, job)


def _enter(unit: Unit, job: Task, album: AlbumInfo, position: int, track: AlbumTrack) -> None:
    titles = {
        "catalog_id": track.id,
        "track_title": track.title,
        "album_title": album.title,
        "artist_name": track.artist or album.artist,
        "track_number": track.track_number,
    }
    row = unit.one("SELECT seq FROM task WHERE parent = ? AND position = ?", job.seq, position)
    known = None if row is None else unit.task(row[0])
    if known is not None:
        moves.change(unit, known, **titles)
        return
    moves.add(
        unit,
        Task(
            seq=0,
            id=f"{job.id}.{position}",
            parent=job.seq,
            position=position,
            type=JobType.TRACK.value,
            client=job.client,
            catalog_id=track.id,
            quality=job.quality,
            track_title=track.title,
            album_title=album.title,
            artist_name=track.artist or album.artist,
            track_number=track.track_number,
            priority=job.priority,
            max_retries=job.max_retries,
            state=State.READY.value,
            created_at=unit.now,
            updated_at=unit.now,
        ),
    )


def _fix_list(unit: Unit, job: Task, count: int) -> None:
    moves.change(unit, job, track_count=count, retry_count=0, ended_token=job.token, stalls=0)
    cancel, pause = wanted(unit, job)
    if cancel:
        moves.move(unit, job, State.CANCELLED)
        moves.note(unit, job, "cancelled")
        begin(unit, job, "cancel")
        return
    if not count:
        moves.move(unit, job, State.FAILED, error=EMPTY, last_error=EMPTY, failure_code=FailureCode.NOT_FOUND.value)
        moves.note(unit, job, "failed", code=FailureCode.NOT_FOUND, message=EMPTY)
    else:
        moves.note(unit, job, "resolved", message=f"{count:,} tracks")
        if pause:
            moves.move(unit, job, State.PAUSED, came_from=State.WAITING.value)
            moves.note(unit, job, "paused")
        else:
            moves.move(unit, job, State.WAITING)
    if job.entered > count:
        begin(unit, job, "trim")


def begin(unit: Unit, album: Task, chore: str) -> None:
    """Begin what the tracks of an album have to follow, and do the first page of it."""
    moves.change(unit, album, chore=chore, chore_position=0)
    carry_on(unit, album, PAGE)


def carry_on(unit: Unit, album: Task, limit: int) -> int:
    """Do up to *limit* tracks of an album's chore; the album may end with it. Returns how many were touched."""
    tracks = _surplus(unit, album, limit) if album.chore == "trim" else _unfollowed(unit, album, limit)
    for track in tracks:
        if album.chore == "trim":
            moves.take_claim(unit, track)
            moves.discard_stage(unit, track)
            moves.drop(unit, track)
        elif album.chore == "cancel":
            _cancel_track(unit, track)
        else:
            _retry_track(unit, track)
    if len(tracks) < limit:
        surplus = album.entered > album.track_count
        moves.change(unit, album, chore="trim" if surplus else None, chore_position=0 if surplus else None)
        moves.tell(unit, album)
        close_if_done(unit, album)
    elif album.chore != "trim":
        moves.change(unit, album, chore_position=tracks[-1].position)
    return len(tracks)


def _unfollowed(unit: Unit, album: Task, limit: int) -> list[Task]:
    rows = unit.all(
        "SELECT seq FROM task WHERE parent = ? AND position > ? AND parent IS NOT NULL AND state <> 'completed' "
        "ORDER BY position LIMIT ?",
        *(album.seq, album.chore_position, limit),
    )
    return [task for (seq,) in rows if (task := unit.task(seq)) is not None]


def _surplus(unit: Unit, album: Task, limit: int) -> list[Task]:
    rows = unit.all(
        "SELECT seq FROM task WHERE parent = ? AND position > ? ORDER BY position DESC LIMIT ?",
        *(album.seq, album.track_count, limit),
    )
    return [task for (seq,) in rows if (task := unit.task(seq)) is not None]


def _cancel_track(unit: Unit, track: Task) -> None:
    """Cancel a track that nobody works on; one that is worked on is told at its next poll."""
    if track.final or track.state == State.ACTIVE:
        return
    moves.move(unit, track, State.CANCELLED)
    moves.discard_stage(unit, track)


def _retry_track(unit: Unit, track: Task) -> None:
    """Give a track all its retries again; one that is still worked on goes on."""
    # A claim that outlived a cancel keeps what it has reached: its marks go on being compared with it.
    if track.state == State.ACTIVE:
        moves.change(unit, track, retry_count=0, corrupt_count=0)
    elif track.state == State.READY:
        moves.change(unit, track, **(FRESH | {"retry_count": 0}))
    else:
        moves.move(unit, track, State.READY, **(FRESH | {"retry_count": 0}))


def remove_orphans(unit: Unit, album: int, limit: int) -> int:
    """Remove up to *limit* rows of a deleted album's tracks, those being worked on first. Returns how many."""
    rows = unit.all("SELECT seq FROM task WHERE parent = ? AND state = 'active' LIMIT ?", album, limit)
    rows += unit.all("SELECT seq FROM task WHERE parent = ? AND state <> 'active' LIMIT ?", album, limit - len(rows))
    for (seq,) in rows:
        track = unit.task(seq)
        if track is not None:
            endings.leave(unit, track)
            moves.drop(unit, track)
    if len(rows) < limit:
        unit.run("DELETE FROM orphanage WHERE album = ?", album)
    return len(rows)


def close_if_done(unit: Unit, album: Task | None) -> None:
    """End an album whose last track has become final; harmless for any other."""
    if album is None or album.chore is not None or not album.resolved or album.entered != album.track_count:
        return
    if State.WAITING not in (album.state, album.came_from):
        return
    missing = album.failed_tracks + album.cancelled_tracks
    if album.completed_tracks + missing < album.track_count:
        return
    if album.completed_tracks == 0:
        _fail(unit, album)
        return
    outcome, error = AlbumOutcome.OK, None
    if missing:
        outcome, error = AlbumOutcome.PARTIAL, missing_text(unit, album)
    moves.move(unit, album, State.COMPLETED, outcome=outcome.value, error=error, last_error=error)
    moves.note(unit, album, "completed", message=error)


def _fail(unit: Unit, album: Task) -> None:
    first = unit.one(
        "SELECT failure_code FROM task WHERE parent = ? AND state = 'failed' ORDER BY position LIMIT 1", album.seq
    )
    code = FailureCode.INTERNAL if first is None else FailureCode(first[0])
    moves.move(unit, album, State.FAILED, error=ALL_FAILED, last_error=ALL_FAILED, failure_code=code.value)
    moves.note(unit, album, "failed", code=code, message=ALL_FAILED)


def missing_text(unit: Unit, album: Task) -> str:
    """Name the tracks that a partial album misses, in at most `ERROR_LIMIT` characters."""
    missing = album.track_count - album.completed_tracks
    text = f"{missing:,} of {album.track_count:,} tracks failed: "
    rows = unit.all(
        "SELECT seq FROM task WHERE parent = ? AND state = 'failed' ORDER BY position LIMIT ?",
        *(album.seq, ERROR_LIMIT // len("00 X, ")),
    )
    labels = [task.label for (seq,) in rows if (task := unit.task(seq)) is not None]
    for shown, label in enumerate(labels):
        left = missing - shown - 1
        rest = f" … and {left:,} more" if left else ""
        joined = text + (", " if shown else "") + label
        if len(joined) + len(rest) > ERROR_LIMIT:
            if shown:
                return text + f" … and {missing - shown:,} more"
            return joined[: ERROR_LIMIT - len(rest) - 1] + "…" + rest
        text = joined
    return text if len(labels) >= missing else text + f" … and {missing - len(labels):,} more"
