"""Endings: what stays of the claims of deleted tasks until their workers have stopped.

The record of a deleted task is gone at once, and nothing can be committed or completed for it any more. Its worker is
told to cancel, stops, removes the stage and settles; a worker that died is given up when its lease ends. A claim that
was past its commit point may still publish: until it has ended, nobody else gets its library name.
"""

from __future__ import annotations

from tonearm.model import Claim, Mark, Outcome, Paused, Released, Retry
from tonearm.store.sqlite import allowance, moves
from tonearm.store.sqlite.held import orphaned
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task


def leave(unit: Unit, task: Task) -> None:
    """Let the claim of a task that is being removed come to its end; without one, have its stage removed."""
    if task.token is None:
        moves.discard_stage(unit, task)
        return
    key = None
    if task.publication is not None:
        (key,) = unit.one("SELECT key FROM reservation WHERE task = ?", task.seq) or (None,)
    unit.run(
        "INSERT INTO ending (token, task, worker, epoch, stage, lease_until, key, at, client, received) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(task.token, task.id, task.worker, task.epoch, int(task.stage_worker is not None)),
        *(task.lease_until, key, unit.now, task.client, task.received),
    )


def wanted(unit: Unit, worker: str, token: str) -> str | None:
    """Return the id of the deleted task that this worker has to stop, if the token is that of its claim."""
    row = unit.one("SELECT task FROM ending WHERE token = ? AND worker = ? AND lease_until IS NOT NULL", token, worker)
    return None if row is None else str(row[0])


def renew(unit: Unit, worker: str, token: str, lease_until: int, mark: Mark) -> bool:
    """Prolong the lease of a claim that is ending; False when there is none."""
    if wanted(unit, worker, token) is None:
        return False
    _count(unit, token, mark)
    unit.run("UPDATE ending SET lease_until = ? WHERE token = ?", lease_until, token)
    return True


def _count(unit: Unit, token: str, mark: Mark) -> None:
    """Count what a claim that is ending has received since its mark before: deleting a job makes no byte unheard."""
    client, before = unit.one("SELECT client, received FROM ending WHERE token = ?", token) or (None, 0)
    if client is not None and mark.received > before:
        allowance.count(unit, client, mark.received - before)
        unit.run("UPDATE ending SET received = ? WHERE token = ?", mark.received, token)


def settle(unit: Unit, claim: Claim, outcome: Outcome, mark: Mark | None) -> bool:
    """End the claim of a deleted task, whatever came of it; False when it is none. Again is harmless."""
    task = unit.named(claim.task_id)
    if task is not None and task.token == claim.token and orphaned(unit, task):
        leave(unit, task)
        moves.drop(unit, task)
    row = unit.one(
        "SELECT worker, epoch, stage, lease_until FROM ending WHERE token = ? AND task = ?", claim.token, claim.task_id
    )
    if row is None:
        return False
    worker, epoch, stage, lease_until = row
    if lease_until is not None:
        if mark is not None:
            _count(unit, claim.token, mark)
        unit.run("UPDATE ending SET lease_until = NULL, key = NULL, at = ? WHERE token = ?", unit.now, claim.token)
        if stage and isinstance(outcome, Retry | Released | Paused):  # the others are said when the stage is gone
            moves.discard(unit, worker, claim.task_id, epoch)
    return True


def expire(unit: Unit, limit: int) -> int:
    """Give up claims whose leases ran out, at most *limit*; returns how many."""
    return _give_up(
        unit,
        unit.all(
            "SELECT token, task, worker, epoch, stage FROM ending WHERE lease_until <= ? ORDER BY lease_until LIMIT ?",
            *(unit.now, limit),
        ),
    )


def recover(unit: Unit, worker: str, limit: int) -> int:
    """Give up the claims of a dead worker, at most *limit*; returns how many."""
    return _give_up(
        unit,
        unit.all(
            "SELECT token, task, worker, epoch, stage FROM ending WHERE worker = ? AND lease_until IS NOT NULL LIMIT ?",
            *(worker, limit),
        ),
    )


def _give_up(unit: Unit, rows: list[tuple[str, str, str, int, int]]) -> int:
    for token, task, worker, epoch, stage in rows:
        unit.run("DELETE FROM ending WHERE token = ?", token)
        unit.run("INSERT OR IGNORE INTO taken (token, task, at) VALUES (?, ?, ?)", token, task, unit.now)
        if stage:
            moves.discard(unit, worker, task, epoch)
    return len(rows)


def publishes(unit: Unit, key: str) -> bool:
    """Whether a claim that is ending may still publish under the name with this key."""
    return unit.one("SELECT 1 FROM ending WHERE key = ? LIMIT 1", key) is not None
