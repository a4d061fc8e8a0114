"""Records: a job as readers see it, made from its task, its tracks and what workers report.

Everything is bounded: of an album's tracks at most as many as the caller asks for are read, beside its counts. How they
are read is an engine's business (`View`), what becomes of them is the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from tonearm.errors import FailureCode
from tonearm.model import (
    AlbumOutcome,
    FailedTrack,
    FilePage,
    HistoryEntry,
    JobRecord,
    Mark,
    Phase,
    Publication,
    State,
    TrackPage,
    TrackProgress,
)
from tonearm.store.base import PAGE
from tonearm.store.cursors import read_tracks, write_tracks
from tonearm.store.overlay import Overlay, fraction
from tonearm.store.task import PRIORITIES, Task, decode, spec_of

_PROGRESS = {
    State.READY: "pending",
    State.DELAYED: "pending",
    State.ACTIVE: "downloading",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
}


class View(Protocol):
    """What an engine knows at one moment, as far as records are made of it."""

    @property
    def shift(self) -> int:
        """What has to be added to store milliseconds to show them as wall milliseconds."""
        ...

    def tracks(self, album: Task, state: State, limit: int, after: int = 0) -> Sequence[Task]:
        """At most *limit* tracks of an album that are in this state, beyond position *after*, in the album's order."""
        ...

    def listed_tracks(self, album: Task, after: int, limit: int) -> Sequence[Task]:
        """At most *limit* tracks of an album's list beyond position *after*, in order; none before it is fixed."""
        ...

    def history(self, job: Task) -> Sequence[HistoryEntry]:
        """A job's history, oldest line first, in store milliseconds."""
        ...


def record(view: View, overlay: Overlay, task: Task, limit: int, *, whole: bool = False) -> JobRecord:
    """Return a job with at most *limit* files and failed tracks; *whole*: with track progress and history too."""
    made = _Album(view, overlay, task, limit) if task.is_album else _Track(overlay, task)
    delayed = State.DELAYED in (task.state, task.came_from)
    return JobRecord(
        id=task.id,
        spec=spec_of(task),
        client=task.client,
        state=State(task.state),
        priority=PRIORITIES[task.priority],
        created_at=task.created_at + view.shift,
        updated_at=task.updated_at + view.shift,
        max_retries=task.max_retries,
        retry_count=task.retry_count,
        started_at=_shown(view, task.started_at),
        completed_at=_shown(view, task.finished_at),
        next_retry_at=_shown(view, task.due_at) if delayed else None,
        error=task.error,
        last_error=task.last_error,
        failure_code=None if task.failure_code is None else FailureCode(task.failure_code),
        cancel_requested=bool(task.cancel_wanted),
        pause_requested=bool(task.pause_wanted),
        bytes_downloaded=made.bytes_done,
        bytes_total=made.bytes_total,
        speed=made.speed,
        download_ms=task.download_ms if task.file_count else None,
        size=task.size if task.file_count else None,
        files=made.files,
        file_count=task.file_count,
        warnings=made.warnings,
        progress=made.progress,
        track_count=task.track_count,
        completed_tracks=task.completed_tracks,
        failed_count=task.failed_tracks,
        outcome=None if task.outcome is None else AlbumOutcome(task.outcome),
        failed_tracks=made.failed,
        track_progress=_tracks(view, overlay, task, 0, limit) if whole and task.is_album else (),
        history=_history(view, task) if whole else (),
    )


def _shown(view: View, at: int | None) -> int | None:
    return None if at is None else at + view.shift


class _Track:
    """What a track job has brought so far."""

    failed: tuple[FailedTrack, ...] = ()

    def __init__(self, overlay: Overlay, task: Task) -> None:
        mark, self.speed = _running(overlay, task)
        self.bytes_done = mark.bytes_done
        self.bytes_total = mark.bytes_total
        self.progress = 1.0 if task.state == State.COMPLETED else fraction(mark)
        self.files = _texts(task, task.files)
        self.warnings = _texts(task, task.warnings)


class _Album:
    """What the tracks of an album have brought so far, summed."""

    bytes_total: int | None = None

    def __init__(self, view: View, overlay: Overlay, task: Task, limit: int) -> None:
        running = [_running(overlay, track) for track in view.tracks(task, State.ACTIVE, limit)]
        self.speed = sum(speed for _, speed in running if speed is not None) if running else None
        self.bytes_done = task.size + sum(mark.bytes_done for mark, _ in running)
        if task.state == State.COMPLETED:
            self.progress, self.bytes_total = 1.0, task.size
        elif task.resolved:
            done = task.completed_tracks + sum(fraction(mark) for mark, _ in running)
            self.progress = min(1.0, done / task.track_count)
        else:
            self.progress = 0.0
        completed = view.tracks(task, State.COMPLETED, limit) if task.file_count else []
        self.files = tuple(name for track in completed for name in _texts(track, track.files))[:limit]
        self.warnings = tuple(
            f"{track.label}: {text}" for track in completed for text in _texts(track, track.warnings)
        )[:limit]
        failed = view.tracks(task, State.FAILED, limit) if task.failed_tracks else []
        self.failed = tuple(_failed(track) for track in failed)


def _running(overlay: Overlay, task: Task) -> tuple[Mark, float | None]:
    """Return how far a task came, and its speed while it runs: as reported, or as the last renewal recorded it."""
    transfer = overlay.transfer(task) if task.state == State.ACTIVE else None
    if transfer is not None:
        return transfer.mark, transfer.speed
    return Mark(Phase.TRANSFER, task.bytes_done, task.bytes_total), None


def _texts(task: Task, text: str | None) -> tuple[str, ...]:
    return () if text is None else decode(task, text, tuple[str, ...])


def _failed(track: Task) -> FailedTrack:
    return FailedTrack(
        track_id=track.catalog_id,
        track_title=track.track_title or "",
        error=track.error or "",
        code=FailureCode(track.failure_code or FailureCode.INTERNAL),
        attempts=track.retry_count + 1,
    )


def _tracks(view: View, overlay: Overlay, album: Task, after: int, limit: int) -> tuple[TrackProgress, ...]:
    return tuple(_progress(overlay, album, track) for track in view.listed_tracks(album, after, limit))


def _progress(overlay: Overlay, album: Task, track: Task) -> TrackProgress:
    state = State(track.state)
    if album.state == State.CANCELLED and not track.final and state is not State.ACTIVE:
        state = State.CANCELLED
    mark, _ = _running(overlay, track)
    return TrackProgress(
        track_id=track.catalog_id,
        track_title=track.track_title or "",
        status=_PROGRESS[state],
        progress=1.0 if state is State.COMPLETED else fraction(mark),
        error="Cancelled" if state is State.CANCELLED else track.error,
    )


def _history(view: View, task: Task) -> tuple[HistoryEntry, ...]:
    return tuple(replace(line, at=line.at + view.shift) for line in view.history(task))


def track_page(view: View, overlay: Overlay, job: Task, cursor: str | None, limit: int) -> TrackPage:
    """Return one page of the tracks of a job (`Store.tracks`)."""
    after = read_tracks(cursor)
    if not job.resolved:
        return TrackPage(())
    page = _tracks(view, overlay, job, after, limit)
    end = after + len(page)
    return TrackPage(page, write_tracks(end) if page and end < job.track_count else None)


def file_page(view: View, job: Task, cursor: str | None) -> FilePage:
    """Return one page of what a job has published (`Store.files`)."""
    after = read_tracks(cursor)
    if not job.is_album:
        return FilePage(_publications([job] if job.state == State.COMPLETED and not after else []))
    arrived = view.tracks(job, State.COMPLETED, PAGE, after)
    following = write_tracks(arrived[-1].position or 0) if len(arrived) == PAGE else None
    return FilePage(_publications(arrived), following)


def _publications(tasks: Sequence[Task]) -> tuple[Publication, ...]:
    return tuple(decode(task, task.publication, Publication) for task in tasks if task.publication is not None)
