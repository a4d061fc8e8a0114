"""Arriving: what another store dumped, as the tasks that enter this one (`Moving.take_in`).

How they are entered is an engine's business. The way back is `store.dumping`.
"""

from __future__ import annotations

import msgspec

from tonearm.model import HISTORY_LIMIT, AlbumDump, HistoryDump, JobDump, JobType, State, TaskDump, TrackDump
from tonearm.store import dumps
from tonearm.store.task import PRIORITIES, Task

MOVED = "moved"
"""The event in the history of an unfinished job that came from another store."""


def job_of(dump: JobDump, now: int) -> Task:
    """Return the task of a job at the store time *now*; its `seq` is given where it is kept."""
    spec, album = dump.spec, dump.album or AlbumDump()
    task = _task(dump.task, now)
    task.id, task.client, task.type = dump.id, dump.client, spec.type.value
    task.catalog_id, task.quality = spec.catalog_id, spec.quality.value
    task.track_title, task.album_title, task.artist_name = spec.track_title, spec.album_title, spec.artist_name
    task.priority, task.max_retries = PRIORITIES.index(dump.priority), dump.max_retries
    task.track_count, task.unlisted = album.track_count, album.unlisted
    task.outcome = None if album.outcome is None else album.outcome.value
    if album.info is not None:
        task.album = msgspec.json.encode(album.info).decode()
    if task.is_album:
        task.resolve_retries = task.retry_count
        task.files, task.file_count, task.size, task.download_ms = None, 0, 0, 0
    return task


def track_of(dump: TrackDump, album: Task, now: int) -> Task:
    """Return the task of an album's track at the store time *now*; its `seq` is given where it is kept."""
    task = _task(dump.task, now, album=State(album.state))
    task.id, task.client, task.type = f"{album.id}.{dump.position}", album.client, JobType.TRACK.value
    task.parent, task.position, task.track_number = album.seq, dump.position, dump.track_number
    task.catalog_id, task.quality = dump.catalog_id, album.quality
    task.track_title, task.album_title, task.artist_name = dump.track_title, dump.album_title, dump.artist_name
    task.priority, task.max_retries = album.priority, album.max_retries
    return task


def story_of(dump: JobDump) -> tuple[HistoryDump, ...]:
    """Return the lines of a job's history that are kept, the oldest first."""
    return dump.history[-HISTORY_LIMIT:]


def _task(dump: TaskDump, now: int, *, album: State | None = None) -> Task:
    """All but what the task is; *album*: the state of the one that it is a track of."""
    entering = dumps.entering(dump, album=album)
    return Task(
        *(0, "", None, None, "", "", 0, "", None, None, None, None, 0, 0),
        state=entering.state.value,
        created_at=now - entering.created,
        updated_at=now - entering.updated,
        came_from=None if entering.came_from is None else entering.came_from.value,
        due_at=None if entering.due is None else now + entering.due,
        started_at=None if entering.started is None else now - entering.started,
        finished_at=None if entering.finished is None else now - entering.finished,
        epoch=entering.epoch,
        stage_worker=entering.stage_worker,
        bytes_done=entering.bytes_done,
        bytes_total=entering.bytes_total,
        best_phase=int(entering.best_phase),
        best_bytes=entering.best_bytes,
        stalls=entering.stalls,
        retry_count=entering.retry_count,
        corrupt_count=entering.corrupt_count,
        error=entering.error,
        last_error=entering.last_error,
        failure_code=None if entering.failure_code is None else entering.failure_code.value,
        publication=None if entering.publication is None else msgspec.json.encode(entering.publication).decode(),
        files=msgspec.json.encode(entering.files).decode() if entering.files else None,
        warnings=msgspec.json.encode(entering.warnings).decode() if entering.warnings else None,
        file_count=len(entering.files),
        size=entering.size,
        download_ms=entering.download_ms,
    )
