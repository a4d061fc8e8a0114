"""Leases: prolonging them, reading what is wanted, and freeing those whose worker is gone.

A claim that ends without being settled is judged by how far it came. What counts is only what goes beyond
all claims before it: a later phase, or more bytes of the transfer. A claim that did not go beyond is a stall.
Two stalls in a row make a suspect, which runs alone; three more while it does, and it fails as `crashed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tonearm.errors import FailureCode
from tonearm.model import Failure, Flags, Mark, Phase, State
from tonearm.store import wording
from tonearm.store.base import PAGE, STALLS_TO_CRASH, STALLS_TO_SUSPECT
from tonearm.store.sqlite import albums, allowance, endings, moves, steering
from tonearm.store.sqlite.held import orphaned, wanted
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task


def renew(unit: Unit, worker: str, marks: Mapping[str, Mark], lease_ms: int) -> frozenset[str]:
    """Prolong the leases of these tokens (`Store.renew`)."""
    lost: set[str] = set()
    until = unit.now + lease_ms
    for token, mark in marks.items():
        task = _holder(unit, worker, token)
        if task is not None:
            received = allowance.count_mark(unit, task, mark)
            moves.change(unit, task, lease_until=until, **reach(task, mark), **received)
        elif not endings.renew(unit, worker, token, until, mark):
            lost.add(token)
    return frozenset(lost)


def poll(unit: Unit, worker: str, tokens: Sequence[str], dead_ms: int) -> Flags:
    """Read what is wanted of these claims (`Store.poll`); after a silence of *dead_ms* a worker is dead."""
    cancel: set[str] = set()
    pause: set[str] = set()
    lost: set[str] = set()
    for token in tokens:
        task = _holder(unit, worker, token)
        deleted = endings.wanted(unit, worker, token)
        if deleted is not None:
            cancel.add(deleted)
        elif task is None:
            lost |= _names_of(unit, token)
        elif orphaned(unit, task):
            cancel.add(task.id)
        elif task.publication is None:
            wants_cancel, wants_pause = wanted(unit, task)
            if wants_cancel:
                cancel.add(task.id)
            elif wants_pause:
                pause.add(task.id)
    return Flags(
        frozenset(cancel),
        frozenset(pause),
        frozenset(lost),
        tuple(_stages_for(unit, worker, dead_ms)),
        steering.control(unit),
    )


def _stages_for(unit: Unit, worker: str, dead_ms: int) -> list[tuple[str, int]]:
    """Stages that nobody wants any more: the worker's own, and those of the dead, who cannot remove them."""
    stages: list[tuple[str, int]] = []
    for owner in _owners(unit):
        if owner == worker or not _alive(unit, owner, dead_ms):
            left = PAGE - len(stages)
            stages += unit.all("SELECT task, epoch FROM discard WHERE worker = ? LIMIT ?", owner, left)
    return stages


def _owners(unit: Unit) -> Iterator[str]:
    """The workers that unwanted stages are said to lie with; as few as there are workers."""
    row = unit.one("SELECT worker FROM discard ORDER BY worker LIMIT 1")
    while row is not None:
        yield row[0]
        row = unit.one("SELECT worker FROM discard WHERE worker > ? ORDER BY worker LIMIT 1", row[0])


def _alive(unit: Unit, worker: str, dead_ms: int) -> bool:
    return unit.one("SELECT 1 FROM worker WHERE id = ? AND last_heartbeat > ?", worker, unit.now - dead_ms) is not None


def _holder(unit: Unit, worker: str, token: str) -> Task | None:
    row = unit.one("SELECT seq FROM task WHERE token = ? AND worker = ?", token, worker)
    return None if row is None else unit.task(row[0])


def _names_of(unit: Unit, token: str) -> set[str]:
    """Return the id of the task whose claim a token was, as far as it is remembered."""
    return {row[0] for row in unit.all("SELECT task FROM taken WHERE token = ?", token)}


def discarded(unit: Unit, stages: Sequence[tuple[str, int]]) -> None:
    """Forget stages that are gone from disk, whoever removed them (`Store.discarded`)."""
    for owner in list(_owners(unit)):
        for task, epoch in stages:
            unit.run("DELETE FROM discard WHERE worker = ? AND task = ? AND epoch = ?", owner, task, epoch)


def recover(unit: Unit, worker: str, marks: Mapping[str, Mark], *, charge: bool) -> int:
    """Free the leases of a dead worker (`Store.recover`)."""
    rows = unit.all("SELECT seq FROM task WHERE state = 'active' AND worker = ? ORDER BY seq LIMIT ?", worker, PAGE)
    for (seq,) in rows:
        task = unit.task(seq)
        if task is not None:
            free(unit, task, marks.get(task.id), charge=charge)
    return len(rows) + endings.recover(unit, worker, PAGE - len(rows))


def free(unit: Unit, task: Task, mark: Mark | None, *, charge: bool) -> State:
    """End a claim whose worker is gone; the task is ready again, or what was wanted happens. Returns its state."""
    if mark is not None:
        allowance.count(unit, task.client, mark.bytes_done - task.bytes_done)  # what it had told nobody of
        moves.change(unit, task, **reach(task, mark))
    if (task.best_phase, task.best_bytes) != (task.high_phase, task.high_bytes):
        moves.change(unit, task, stalls=0)
    elif charge:
        moves.change(unit, task, stalls=task.stalls + 1)
    worker = task.worker
    cancel, pause = wanted(unit, task)
    moves.take_claim(unit, task)
    if cancel or orphaned(unit, task):
        moves.move(unit, task, State.CANCELLED)
        moves.note(unit, task, "cancelled")
        moves.discard_stage(unit, task)
        if task.resolved:
            albums.begin(unit, task, "cancel")  # it was resolved again: its tracks follow, half a list goes
    elif task.stalls >= STALLS_TO_SUSPECT + STALLS_TO_CRASH:
        _crash(unit, task, worker)
    elif pause and task.parent is None:
        moves.note(unit, task, "recovered", message=wording.RECOVERED, worker=worker)
        moves.move(unit, task, State.PAUSED, came_from=State.READY.value)
        moves.note(unit, task, "paused")
    else:
        moves.note(unit, task, "recovered", message=wording.RECOVERED, worker=worker)
        moves.move(unit, task, State.READY)
        moves.tell(unit, task)
    return State(task.state)


def _crash(unit: Unit, task: Task, worker: str | None) -> None:
    message = wording.crashed(task.stalls)
    if task.resolved:
        moves.change(unit, task, stalls=0)
        albums.keep_list(unit, task, Failure(FailureCode.CRASHED, message))
        return
    moves.move(unit, task, State.FAILED, error=message, failure_code=FailureCode.CRASHED.value)
    moves.blame(unit, task, message)
    moves.note(unit, task, "failed", code=FailureCode.CRASHED, message=message, worker=worker)
    moves.discard_stage(unit, task)
    albums.close_if_done(unit, unit.task(task.parent))


def living(unit: Unit, tasks: Sequence[str]) -> dict[str, int]:
    """Say which of these tasks are unfinished, with their newest epoch (`Store.living`)."""
    found = [task for name in tasks if (task := unit.named(name)) is not None]
    return {task.id: task.epoch for task in found if not task.final and not _over(unit, task)}


def _over(unit: Unit, task: Task) -> bool:
    """Whether a track's album has ended it: deleted, or ended while nobody worked on the track."""
    album = unit.task(task.parent)
    return orphaned(unit, task) or (album is not None and album.final and task.state != State.ACTIVE)


def reach(task: Task, mark: Mark) -> dict[str, int | None]:
    """Say which columns a mark changes: what people see, and the best that was reached so far."""
    best_phase, best_bytes = task.best_phase, task.best_bytes
    if mark.phase > best_phase:
        best_phase = int(mark.phase)
        if mark.phase == Phase.TRANSFER:
            best_bytes = mark.bytes_done
    elif mark.phase == Phase.TRANSFER == best_phase:
        best_bytes = max(best_bytes, mark.bytes_done)
    return {
        "bytes_done": mark.bytes_done,
        "bytes_total": task.bytes_total if mark.bytes_total is None else mark.bytes_total,
        "best_phase": best_phase,
        "best_bytes": best_bytes,
    }
