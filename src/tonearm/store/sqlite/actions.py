"""What people ask of a job: cancel, pause, resume, retry, prioritize, delete.

Each is one unit. An album answers for its tracks: its own state changes here, and what the tracks have to follow
is begun here and carried on by sweeps (`albums`).
"""

from __future__ import annotations

from tonearm.errors import NotFound
from tonearm.model import JOB_ID, AlbumOutcome, JobType, Priority, State, Status
from tonearm.store import wording
from tonearm.store.base import PAGE
from tonearm.store.counting import Turn, What
from tonearm.store.overlay import Overlay
from tonearm.store.sqlite import albums, endings, moves, tombstones
from tonearm.store.sqlite.rows import FRESH
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import PRIORITIES, Task


def known(unit: Unit, job_id: str) -> Task | None:
    """Return the job of this id, if there is one; a track of an album is not a job."""
    return unit.named(job_id) if JOB_ID.fullmatch(job_id) else None


def find(unit: Unit, job_id: str) -> Task:
    """Return the job of this id.

    Raises:
        NotFound: there is none.
    """
    task = known(unit, job_id)
    if task is None:
        raise NotFound(job_id)
    return task


def cancel(unit: Unit, job_id: str) -> None:
    """Cancel at once, or flag an active task (`Store.cancel`)."""
    task = find(unit, job_id)
    if task.state == State.CANCELLED or task.cancel_wanted:
        return
    if task.final:
        raise wording.cannot_cancel(task.state)
    _refuse_committed(task)
    if task.state == State.ACTIVE:
        moves.change(unit, task, cancel_wanted=1, pause_wanted=0)
        moves.note(unit, task, "cancel_requested")
        moves.tell(unit, task)
        return
    moves.move(unit, task, State.CANCELLED)
    moves.note(unit, task, "cancelled")
    moves.discard_stage(unit, task)
    if task.resolved:
        albums.begin(unit, task, "cancel")


def pause(unit: Unit, job_id: str) -> None:
    """Pause at once, or flag an active task (`Store.pause`)."""
    task = find(unit, job_id)
    if task.state == State.PAUSED or task.pause_wanted:
        return
    if task.final:
        raise wording.cannot_pause(task.state)
    if task.cancel_wanted:
        raise wording.being_cancelled()
    _refuse_committed(task)
    if task.state == State.ACTIVE:
        moves.change(unit, task, pause_wanted=1)
        moves.note(unit, task, "pause_requested")
        moves.tell(unit, task)
        return
    moves.move(unit, task, State.PAUSED, came_from=task.state, due_at=task.due_at)
    moves.note(unit, task, "paused")


def resume(unit: Unit, job_id: str) -> None:
    """Bring a paused job back to where it came from (`Store.resume`)."""
    task = find(unit, job_id)
    if task.final:
        raise wording.nothing_to_resume(task.state)
    if task.pause_wanted:
        moves.change(unit, task, pause_wanted=0)
        moves.tell(unit, task)
    elif task.state == State.PAUSED and task.came_from is not None:
        moves.move(unit, task, State(task.came_from), due_at=task.due_at)
    else:
        return
    moves.note(unit, task, "resumed")


def retry(unit: Unit, job_id: str) -> None:
    """Start a finished job again (`Store.retry`)."""
    task = find(unit, job_id)
    if not task.final:
        raise wording.unfinished()
    if task.state == State.COMPLETED and task.outcome != AlbumOutcome.PARTIAL:
        raise wording.nothing_missing()
    if task.entered < task.track_count:
        raise wording.still_coming()
    if task.resolved:
        to = State.READY if task.unlisted else State.WAITING
        started_at = None if task.unlisted else unit.now
        anew = FRESH | {"outcome": None, "started_at": started_at} | albums.without_resolving(task)
        moves.move(unit, task, to, **anew)
        moves.note(unit, task, "retried")
        albums.begin(unit, task, "retry")
    else:
        unresolved = {"retry_count": 0, "resolve_retries": 0, "chore": None, "chore_position": None}
        moves.move(unit, task, State.READY, **(FRESH | unresolved))
        moves.note(unit, task, "retried")


def prioritize(unit: Unit, job_id: str, priority: Priority) -> None:
    """Set the place among the client's own jobs (`Store.prioritize`)."""
    task = find(unit, job_id)
    if task.final:
        raise wording.no_place(task.state)
    place = PRIORITIES.index(priority)
    if task.priority != place:
        moves.change(unit, task, priority=place)
        moves.tell(unit, task)


def delete(unit: Unit, overlay: Overlay, job_id: str, keep_ms: int, only: Status | None = None) -> bool:
    """Remove a job in any state, or in one (`Store.delete`); True when it was unfinished."""
    task = find(unit, job_id)
    if only is not None and task.state != only:
        raise wording.another_status(task.state)
    unfinished = not task.final
    if keep_ms:
        tombstones.erect(unit, overlay, task, keep_ms)
    else:
        if unfinished:
            moves.say(unit, task, "cancelled")
        moves.say(unit, task, "deleted")
    remove(unit, task)
    return unfinished


def remove(unit: Unit, job: Task, limit: int = PAGE) -> int:
    """Remove the record of a job; the tracks of an album follow in sweeps, but for the first *limit*. Returns how many
    of them were removed here.
    """
    if not job.final:
        unit.happened.append(Turn(What.CANCELLED, JobType(job.type)))
    endings.leave(unit, job)
    moves.drop(unit, job)
    tombstones.remember(unit, job.id)
    if job.entered:
        unit.run("INSERT INTO orphanage (album) VALUES (?)", job.seq)
        return albums.remove_orphans(unit, job.seq, limit)
    return 0


def _refuse_committed(task: Task) -> None:
    if task.publication is not None:
        raise wording.too_late()
