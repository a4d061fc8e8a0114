"""Albums: entering the tracks of a resolved one, what its tracks follow in pages, and how it ends.

A *chore* is what an album decided and its tracks have yet to follow: `cancel`, `retry`, or `trim` (rows beyond the
list, left by an earlier resolving). The album's own state counts at once; an album with surplus rows offers no
track, and one with a chore does not end before it is done. Tracks of a deleted album are orphans: nobody can claim,
commit or complete them, and their rows go in pages.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tonearm.errors import FailureCode
from tonearm.model import AlbumInfo, AlbumOutcome, AlbumTrack, Claim, Failure, JobType, State
from tonearm.store import wording
from tonearm.store.base import PAGE
from tonearm.store.missing import partial
from tonearm.store.sqlite import endings, moves
from tonearm.store.sqlite.held import ended, held, wanted
from tonearm.store.sqlite.rows import FRESH, OUTCOME
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task

EPOCHS_A_LIST = 1_000_000
"""More claims than a place in one list ever has. A place that was gone from the list and comes with a later one begins
beyond them, because stages of its earlier claims may still be about to be removed."""


def expand(unit: Unit, claim: Claim, album: AlbumInfo, start: int, tracks: Sequence[AlbumTrack], *, last: bool) -> None:
    """Enter one page of tracks; with *last* the list is fixed and the claim ends (`Store.expand`)."""
    if ended(unit, claim):
        return
    job = held(unit, claim)
    if not job.is_album or start < 1 or start > job.entered + 1:
        raise wording.no_such_place(start)
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
        _fix_list(unit, job, start + len(tracks) - 1, announced=album.track_count or 0)
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
        if known.catalog_id != track.id:
            _begin_anew(unit, known)
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
            epoch=(job.epoch - 1) * EPOCHS_A_LIST if job.resolved else 0,
        ),
    )


def _begin_anew(unit: Unit, track: Task) -> None:
    """The track's place in the list belongs to another one now; what its claims brought stays in the library."""
    endings.leave(unit, track)
    unit.run("DELETE FROM reservation WHERE task = ?", track.seq)  # it may be the name of another track of the new list
    anew = FRESH | OUTCOME | {"retry_count": 0, "ended_token": None, "stage_worker": None}
    if track.state == State.READY:
        moves.change(unit, track, **anew)
    else:
        moves.move(unit, track, State.READY, **anew)


def _fix_list(unit: Unit, job: Task, count: int, *, announced: int) -> None:
    cancel, _ = wanted(unit, job)
    unlisted = max(0, announced - count)
    moves.change(unit, job, ended_token=job.token, stalls=0)
    if not count and job.resolved and not cancel:
        keep_list(unit, job, Failure(FailureCode.NOT_FOUND, wording.EMPTY))
        return
    if count and not cancel:
        moves.note(unit, job, "resolved", message=wording.resolved(count, announced))
    if count or not job.resolved:  # a cancel while an album is resolved again leaves it the list that it had
        moves.change(unit, job, track_count=count, unlisted=unlisted)
    moves.change(unit, job, **without_resolving(job))
    if cancel:
        moves.move(unit, job, State.CANCELLED)
        moves.note(unit, job, "cancelled")
        begin(unit, job, "cancel")
        return
    if not count:
        error, code = wording.EMPTY, FailureCode.NOT_FOUND
        moves.move(unit, job, State.FAILED, error=error, last_error=error, failure_code=code.value)
        moves.note(unit, job, "failed", code=code, message=wording.empty(announced))
    _go_on(unit, job)


def keep_list(unit: Unit, job: Task, failure: Failure) -> None:
    """Let an album whose list could not be had again go on with the one that it had; its claim has ended."""
    moves.note(unit, job, "failed", code=failure.code, message=failure.message)
    moves.change(unit, job, last_error=failure.message, **without_resolving(job))
    _go_on(unit, job)


def without_resolving(job: Task) -> dict[str, int]:
    """Say what becomes of the count of retries when resolving is over: it is the sum of the tracks' alone."""
    return {"retry_count": job.retry_count - job.resolve_retries, "resolve_retries": 0}


def _go_on(unit: Unit, job: Task) -> None:
    """An album whose list is fixed waits for its tracks, and for nothing more where all of them are final."""
    if not job.final:
        if job.pause_wanted:
            moves.move(unit, job, State.PAUSED, came_from=State.WAITING.value)
            moves.note(unit, job, "paused")
        else:
            moves.move(unit, job, State.WAITING)
    if job.entered > job.track_count and job.chore is None:
        begin(unit, job, "trim")
    close_if_done(unit, job)


def begin(unit: Unit, album: Task, chore: str) -> None:
    """Begin what the tracks of an album have to follow, and do the first page of it."""
    moves.change(unit, album, chore=chore, chore_position=0)
    carry_on(unit, album, PAGE)


def carry_on(unit: Unit, album: Task, limit: int) -> int:
    """Do up to *limit* tracks of an album's chore; the album may end with it. Returns how many were touched."""
    tracks = _surplus(unit, album, limit) if album.chore == "trim" else _unfollowed(unit, album, limit)
    for track in tracks:
        if album.chore == "trim":
            endings.leave(unit, track)
            moves.drop(unit, track)
        elif album.chore == "cancel":
            _cancel_track(unit, track)
        else:
            _retry_track(unit, track)
    if len(tracks) < limit:
        surplus = album.listed and album.entered > album.track_count
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
    """Remove up to *limit* rows of a deleted album's tracks, those being worked on first. Returns how many.

    The stages of an album that moved to another store stay: they are those of its tracks there.
    """
    rows = unit.all("SELECT seq FROM task WHERE parent = ? AND state = 'active' LIMIT ?", album, limit)
    rows += unit.all("SELECT seq FROM task WHERE parent = ? AND state <> 'active' LIMIT ?", album, limit - len(rows))
    moved = unit.one("SELECT 1 FROM orphanage WHERE album = ? AND moved = 1", album) is not None
    for (seq,) in rows:
        track = unit.task(seq)
        if track is not None:
            if not moved:
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
    if album.completed_tracks + album.failed_tracks + album.cancelled_tracks < album.track_count:
        return
    if album.completed_tracks == 0:
        _fail(unit, album)
        return
    error = partial(album, lambda limit: [track.label for track in unit.tracks(album, State.FAILED, limit)])
    outcome = AlbumOutcome.OK if error is None else AlbumOutcome.PARTIAL
    last_error = album.last_error if error is None else error
    moves.move(unit, album, State.COMPLETED, outcome=outcome.value, error=error, last_error=last_error)
    moves.note(unit, album, "completed", message=error)


def _fail(unit: Unit, album: Task) -> None:
    first = unit.one(
        "SELECT failure_code FROM task WHERE parent = ? AND state = 'failed' ORDER BY position LIMIT 1", album.seq
    )
    code = FailureCode.INTERNAL if first is None else FailureCode(first[0])
    error = wording.ALL_FAILED
    moves.move(unit, album, State.FAILED, error=error, last_error=error, failure_code=code.value)
    moves.note(unit, album, "failed", code=code, message=error)
