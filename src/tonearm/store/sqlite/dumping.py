"""Dumping: a job as it stands, made into what another store can take in (`Store.dump`)."""

from __future__ import annotations

from dataclasses import replace

from tonearm.errors import FailureCode
from tonearm.model import (
    AlbumDump,
    AlbumInfo,
    AlbumOutcome,
    HistoryDump,
    JobDump,
    Phase,
    Publication,
    ReservedName,
    State,
    TaskDump,
    TrackDump,
)
from tonearm.store.base import PAGE
from tonearm.store.sqlite import arriving
from tonearm.store.sqlite.actions import find
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import PRIORITIES, Task, decode, spec_of


def dump(unit: Unit, job_id: str, start: int) -> JobDump:
    """Return a job with a page of its tracks (`Store.dump`)."""
    job = find(unit, job_id)
    return JobDump(
        at=unit.now + unit.shift,
        id=job.id,
        client=job.client,
        spec=spec_of(job),
        priority=PRIORITIES[job.priority],
        max_retries=job.max_retries,
        task=_job(unit, job),
        album=_album(unit, job, start) if job.is_album else None,
        history=_history(unit, job),
    )


def _job(unit: Unit, job: Task) -> TaskDump:
    if not job.is_album:
        return _task(unit, job)
    # What an album counts follows from its tracks.
    return replace(_task(unit, job), retry_count=job.resolve_retries, size=0, download_ms=0)


def _task(unit: Unit, task: Task) -> TaskDump:
    reserved = unit.one("SELECT name, key FROM reservation WHERE task = ?", task.seq)
    return TaskDump(
        state=State(task.state),
        created=unit.now - task.created_at,
        updated=unit.now - task.updated_at,
        came_from=None if task.came_from is None else State(task.came_from),
        due=None if task.due_at is None else task.due_at - unit.now,
        started=_age(unit, task.started_at),
        finished=_age(unit, task.finished_at),
        epoch=task.epoch,
        stage_worker=task.stage_worker,
        cancel_wanted=bool(task.cancel_wanted),
        pause_wanted=bool(task.pause_wanted),
        bytes_done=task.bytes_done,
        bytes_total=task.bytes_total,
        best_phase=Phase(task.best_phase),
        best_bytes=task.best_bytes,
        stalls=task.stalls,
        retry_count=task.retry_count,
        corrupt_count=task.corrupt_count,
        error=task.error,
        last_error=task.last_error,
        failure_code=None if task.failure_code is None else FailureCode(task.failure_code),
        publication=None if task.publication is None else decode(task, task.publication, Publication),
        files=() if task.files is None else decode(task, task.files, tuple[str, ...]),
        warnings=() if task.warnings is None else decode(task, task.warnings, tuple[str, ...]),
        size=task.size,
        download_ms=task.download_ms,
        reserved=None if reserved is None else ReservedName(*reserved),
    )


def _age(unit: Unit, at: int | None) -> int | None:
    return None if at is None else unit.now - at


def _album(unit: Unit, album: Task, start: int) -> AlbumDump:
    return AlbumDump(
        info=None if album.album is None else decode(album, album.album, AlbumInfo),
        outcome=None if album.outcome is None else AlbumOutcome(album.outcome),
        track_count=album.track_count,
        unlisted=album.unlisted,
        start=start,
        tracks=_tracks(unit, album, start),
    )


def _tracks(unit: Unit, album: Task, start: int) -> tuple[TrackDump, ...]:
    """A page of the list as it is fixed; what a resolving that has not ended entered beyond it does not count."""
    if album.entered < start <= album.track_count:
        return arriving.awaited(unit, album, start)
    rows = unit.all(
        "SELECT seq FROM task WHERE parent = ? AND position >= ? AND position <= ? ORDER BY position LIMIT ?",
        *(album.seq, start, album.track_count, PAGE),
    )
    return tuple(_track(unit, album, track) for (seq,) in rows if (track := unit.task(seq)) is not None)


def _track(unit: Unit, album: Task, track: Task) -> TrackDump:
    return TrackDump(
        position=track.position or 0,
        catalog_id=track.catalog_id,
        task=_following(album, track, _task(unit, track)),
        track_title=track.track_title,
        album_title=track.album_title,
        artist_name=track.artist_name,
        track_number=track.track_number,
    )


def _following(album: Task, track: Task, task: TaskDump) -> TaskDump:
    """A track as if it had followed already what its album decided."""
    if album.chore != "retry" or (track.position or 0) <= (album.chore_position or 0):
        return task
    if task.state in (State.ACTIVE, State.COMPLETED):
        return task
    return TaskDump(
        state=State.READY,
        created=task.created,
        updated=task.updated,
        epoch=task.epoch,
        stage_worker=task.stage_worker,
        reserved=task.reserved,
    )


def _history(unit: Unit, job: Task) -> tuple[HistoryDump, ...]:
    rows = unit.all(
        "SELECT at, event, attempt, code, message, worker FROM history WHERE job = ? ORDER BY number", job.seq
    )
    return tuple(
        HistoryDump(unit.now - at, event, attempt, None if code is None else FailureCode(code), message, worker)
        for at, event, attempt, code, message, worker in rows
    )
