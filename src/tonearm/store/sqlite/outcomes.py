"""How a claim comes to its end: titles, the reserved name, the commit point, and settling."""

from __future__ import annotations

import msgspec

from tonearm.errors import FailureCode
from tonearm.model import (
    Cancelled,
    Claim,
    Completed,
    Failed,
    Failure,
    Mark,
    Outcome,
    Publication,
    Released,
    Reserved,
    Retry,
    State,
)
from tonearm.store import wording
from tonearm.store.sqlite import albums, allowance, endings, moves
from tonearm.store.sqlite.held import ended, held, wanted
from tonearm.store.sqlite.leases import reach
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task


def describe(unit: Unit, claim: Claim, *, title: str, artist: str, album: str) -> None:
    """Fill in titles that the submission left out (`Store.describe`)."""
    task = held(unit, claim)
    found = {"track_title": title, "artist_name": artist, "album_title": album}
    missing = {name: text for name, text in found.items() if getattr(task, name) is None}
    if missing:
        moves.change(unit, task, **missing)
        moves.tell(unit, task)


def reserve(unit: Unit, claim: Claim, name: str, key: str) -> Reserved:
    """Reserve a library name for the task (`Store.reserve`)."""
    task = held(unit, claim)
    if endings.publishes(unit, key):
        return Reserved.LEAVING
    row = unit.one("SELECT task FROM reservation WHERE key = ?", key)
    owner = None if row is None else unit.task(row[0])
    if owner is not None and owner is not task:
        refusal = _hold(unit, owner)
        if refusal is not None:
            return refusal
    unit.run("DELETE FROM reservation WHERE key = ? OR task = ?", key, task.seq)
    unit.run("INSERT INTO reservation (key, name, task) VALUES (?, ?, ?)", key, name, task.seq)
    return Reserved.OWN


def _hold(unit: Unit, owner: Task) -> Reserved | None:
    """How a name is held by its owner: a track's until its album is over and it has published what it committed."""
    album = unit.task(owner.parent)
    if owner.parent is None or (album is not None and not album.final):
        return Reserved.TAKEN
    publishing = owner.state == State.ACTIVE and owner.publication is not None
    return Reserved.LEAVING if publishing else None


def commit(unit: Unit, claim: Claim, publication: Publication) -> None:
    """Record what is about to be published (`Store.commit`)."""
    task = held(unit, claim)
    text = msgspec.json.encode(publication).decode()
    if task.publication == text:
        return
    if any(wanted(unit, task)):
        raise wording.unwanted(task.id)
    moves.change(unit, task, publication=text)


def retract(unit: Unit, claim: Claim) -> None:
    """Take back a publication that nobody can make any more (`Store.retract`)."""
    moves.change(unit, held(unit, claim), publication=None)


def settle(unit: Unit, claim: Claim, outcome: Outcome, mark: Mark | None) -> None:
    """End the claim (`Store.settle`)."""
    if ended(unit, claim) or endings.settle(unit, claim, outcome, mark):
        return
    task = held(unit, claim)
    if isinstance(outcome, Completed) and task.publication is None:
        raise wording.not_committed(task.id)
    marks = {} if mark is None else {**reach(task, mark), **allowance.count_mark(unit, task, mark)}
    moves.change(unit, task, ended_token=task.token, stalls=0, **marks)
    cancel, pause = wanted(unit, task)
    if isinstance(outcome, Completed):
        _complete(unit, task, outcome)
    elif cancel:
        _cancel(unit, task, outcome)
    elif isinstance(outcome, Failed):
        _fail(unit, task, outcome.failure)
    else:
        _give_back(unit, task, outcome, pause=pause)
    albums.close_if_done(unit, unit.task(task.parent))


def _complete(unit: Unit, task: Task, outcome: Completed) -> None:
    moves.move(
        unit,
        task,
        State.COMPLETED,
        files=msgspec.json.encode(outcome.files).decode(),
        file_count=len(outcome.files),
        size=outcome.size,
        download_ms=outcome.download_ms,
        warnings=msgspec.json.encode(outcome.warnings).decode() if outcome.warnings else None,
        bytes_done=task.bytes_done or outcome.size,
        bytes_total=outcome.size if task.bytes_total is None else task.bytes_total,
        error=None,
        failure_code=None,
        stage_worker=None,
    )
    moves.note(unit, task, "completed")


def _cancel(unit: Unit, task: Task, outcome: Outcome) -> None:
    moves.move(unit, task, State.CANCELLED)
    moves.note(unit, task, "cancelled")
    if isinstance(outcome, Cancelled | Failed):
        moves.change(unit, task, stage_worker=None)  # the worker removed the stage before it said so
    else:
        moves.discard_stage(unit, task)
    if task.resolved:
        albums.begin(unit, task, "cancel")  # it was resolved again: its tracks follow, half a list goes


def _fail(unit: Unit, task: Task, failure: Failure) -> None:
    if task.resolved:
        albums.keep_list(unit, task, failure)
        return
    moves.move(
        unit,
        task,
        State.FAILED,
        error=failure.message,
        failure_code=failure.code.value,
        publication=None,
        stage_worker=None,
    )
    moves.blame(unit, task, failure.message)
    moves.note(unit, task, "failed", code=failure.code, message=failure.message)


def _give_back(unit: Unit, task: Task, outcome: Outcome, *, pause: bool) -> None:
    """Retry, release, or a cancel or pause that may not be wanted any more: the task is to be claimed again."""
    delay_ms: int | None = None
    if isinstance(outcome, Retry):
        failure = outcome.failure
        moves.note(unit, task, "delayed", code=failure.code, message=failure.message)
        corrupt = failure.code is FailureCode.INTEGRITY
        moves.change(
            unit,
            task,
            retry_count=task.retry_count + 1,
            resolve_retries=task.resolve_retries + int(task.is_album),
            corrupt_count=task.corrupt_count + int(corrupt),
        )
        moves.blame(unit, task, failure.message)
        delay_ms = outcome.delay_ms
    elif isinstance(outcome, Released):
        delay_ms = outcome.delay_ms or None
        if delay_ms is not None:
            moves.forget_wait(unit, task)
        moves.note(unit, task, "released", message=outcome.reason)
        if delay_ms is not None:
            moves.blame(unit, task, outcome.reason)
    if pause and task.parent is None:
        moves.move(unit, task, State.PAUSED, came_from=State.READY.value)
        moves.note(unit, task, "paused")
    elif delay_ms is None or pause:
        moves.move(unit, task, State.READY)
    else:
        moves.move(unit, task, State.DELAYED, due_at=unit.now + delay_ms)
    if isinstance(outcome, Cancelled):
        moves.change(unit, task, stage_worker=None)
    moves.tell(unit, task)
