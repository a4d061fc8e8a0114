"""Dumping: a job as it stands, made into what another store can take in (`Moving.dump`).

How its tasks are read is an engine's business (`View`), what becomes of them is the same for all. The way back is
`store.arriving`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from tonearm.errors import FailureCode
from tonearm.model import (
    AlbumDump,
    AlbumInfo,
    AlbumOutcome,
    HistoryDump,
    HistoryEntry,
    JobDump,
    Phase,
    Publication,
    ReservedName,
    State,
    TaskDump,
    TrackDump,
)
from tonearm.store.task import PRIORITIES, Task, decode, spec_of


class View(Protocol):
    """What an engine knows at one moment, as far as dumps are made of it."""

    @property
    def now(self) -> int:
        """The moment, in store milliseconds."""
        ...

    @property
    def shift(self) -> int:
        """What has to be added to store milliseconds to show them as wall milliseconds."""
        ...

    def reserved(self, task: Task) -> ReservedName | None:
        """The library name that a task holds."""
        ...

    def page(self, album: Task, start: int) -> Sequence[TrackDump]:
        """At most `PAGE` tracks of an album's list from position *start* on, in order.

        Without what a resolving that has not ended entered beyond the list, and with what has yet to be entered of it.
        """
        ...

    def history(self, job: Task) -> Sequence[HistoryEntry]:
        """A job's history, oldest line first, in store milliseconds."""
        ...


def dump(view: View, job: Task, start: int) -> JobDump:
    """Return a job, of an album with the page of its tracks from position *start* on."""
    return JobDump(
        at=view.now + view.shift,
        id=job.id,
        client=job.client,
        spec=spec_of(job),
        priority=PRIORITIES[job.priority],
        max_retries=job.max_retries,
        task=_job(view, job),
        album=_album(view, job, start) if job.is_album else None,
        history=tuple(_line(view, line) for line in view.history(job)),
    )


def track(view: View, album: Task, task: Task) -> TrackDump:
    """Return one track of an album, as if it had followed already what the album decided."""
    return TrackDump(
        position=task.position or 0,
        catalog_id=task.catalog_id,
        task=_following(album, task, _task(view, task)),
        track_title=task.track_title,
        album_title=task.album_title,
        artist_name=task.artist_name,
        track_number=task.track_number,
    )


def _job(view: View, job: Task) -> TaskDump:
    if not job.is_album:
        return _task(view, job)
    # What an album counts follows from its tracks.
    return replace(_task(view, job), retry_count=job.resolve_retries, size=0, download_ms=0)


def _task(view: View, task: Task) -> TaskDump:
    return TaskDump(
        state=State(task.state),
        created=view.now - task.created_at,
        updated=view.now - task.updated_at,
        came_from=None if task.came_from is None else State(task.came_from),
        due=None if task.due_at is None else task.due_at - view.now,
        started=_age(view, task.started_at),
        finished=_age(view, task.finished_at),
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
        reserved=view.reserved(task),
    )


def _age(view: View, at: int | None) -> int | None:
    return None if at is None else view.now - at


def _album(view: View, album: Task, start: int) -> AlbumDump:
    return AlbumDump(
        info=None if album.album is None else decode(album, album.album, AlbumInfo),
        outcome=None if album.outcome is None else AlbumOutcome(album.outcome),
        track_count=album.track_count,
        unlisted=album.unlisted,
        start=start,
        tracks=tuple(view.page(album, start)),
    )


def _following(album: Task, track: Task, task: TaskDump) -> TaskDump:
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


def _line(view: View, line: HistoryEntry) -> HistoryDump:
    return HistoryDump(view.now - line.at, line.event, line.attempt, line.code, line.message, line.worker)
