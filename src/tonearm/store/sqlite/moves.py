"""The only code that changes a task: its row, its indexes, the client's place, the album, the counts and the event.

What a task adds to the figures of others is one function of its row, `weights.weigh`. Every change applies the
difference between before and after, so a figure cannot drift from the rows, and `audit` adds all rows up again.
`move` is the only way from one state to another; it names the arrows that exist (docs/explain/states.md).
"""

# ruff: noqa: S608 - statements are put together from column names of our own
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from functools import cache
from typing import Any

from tonearm.errors import FailureCode
from tonearm.model import HISTORY_LIMIT, EventKind, State
from tonearm.store.counting import turn_of
from tonearm.store.sqlite import fair, notices
from tonearm.store.sqlite.rows import COLUMNS, NAMES
from tonearm.store.sqlite.unit import Unit
from tonearm.store.story import Happened
from tonearm.store.task import Task
from tonearm.store.weights import Weights, weigh

ARROWS: Mapping[State, frozenset[State]] = {
    State.READY: frozenset({State.ACTIVE, State.PAUSED, State.CANCELLED, State.FAILED}),
    State.DELAYED: frozenset({State.READY, State.PAUSED, State.CANCELLED, State.FAILED}),
    State.ACTIVE: frozenset(State) - {State.ACTIVE},
    State.WAITING: frozenset({State.PAUSED, State.CANCELLED, State.COMPLETED, State.FAILED}),
    State.PAUSED: frozenset(
        {State.READY, State.DELAYED, State.WAITING, State.CANCELLED, State.COMPLETED, State.FAILED}
    ),
    State.COMPLETED: frozenset({State.READY, State.WAITING}),
    State.FAILED: frozenset({State.READY, State.WAITING}),
    State.CANCELLED: frozenset({State.READY, State.WAITING}),
}
"""From each state, where a move may lead. `failed` out of ready, delayed and paused: a record that cannot be read.
`ready` out of completed: an album that is to be resolved again, or a track whose place in the list is another's now.
"""

OF_AN_ATTEMPT = frozenset(
    {"started", "resolved", "delayed", "released", "recovered", "failed", "completed", "cancelled", "paused"}
)
"""What is told with the number of an attempt; of an album only as long as its list is not fixed."""

TOLD_TO_ALBUM = frozenset({"recovered", "delayed", "released", "failed"})
"""What happens to a track and is worth a line in its album's history."""


def _apply(unit: Unit, task: Task, before: Weights, after: Weights) -> None:
    lanes: dict[str, dict[str, int]] = {}
    album: dict[str, int] = {}
    for key in before.keys() | after.keys():
        difference = after.get(key, 0) - before.get(key, 0)
        if not difference:
            continue
        if key[0] == "counter":
            unit.run(
                "INSERT INTO counter (name, value) VALUES (?1, max(?2, 0)) "
                "ON CONFLICT (name) DO UPDATE SET value = value + ?2",
                *(key[1], difference),
            )
        elif key[0] == "client":
            _count_client(unit, key[1], difference)
        elif key[0] == "lane":
            lanes.setdefault(key[2], {})[key[3]] = difference
        else:
            album[key[1]] = difference
    for kind, differences in lanes.items():
        fair.shift(
            unit,
            task.client,
            kind,
            entries=differences.get("entries", 0),
            healthy=differences.get("healthy", 0),
            held=differences.get("held", 0),
        )
    parent = unit.task(task.parent)
    if parent is not None and album:
        change(unit, parent, **{name: getattr(parent, name) + by for name, by in album.items()})


def _count_client(unit: Unit, client: str, difference: int) -> None:
    row = unit.one("SELECT unfinished FROM client WHERE name = ?", client)
    unfinished = difference + (0 if row is None else row[0])
    if unfinished:
        unit.run("INSERT OR REPLACE INTO client (name, unfinished) VALUES (?, ?)", client, unfinished)
    else:
        unit.run("DELETE FROM client WHERE name = ?", client)


@cache
def _update(names: tuple[str, ...]) -> str:
    return f"UPDATE task SET {', '.join(f'{name} = ?' for name in names)} WHERE seq = ?"


_INSERT = f"INSERT INTO task ({COLUMNS}) VALUES ({', '.join('?' * len(NAMES))})"


def add(unit: Unit, task: Task) -> Task:
    """Enter a new task (its `seq` is given here) with all that follows."""
    task.lane, task.healthy = task.entry()
    unit.run(_INSERT, None, *astuple(task)[1:])
    task.seq = unit.db.last_insert_rowid()
    unit.keep(task)
    _apply(unit, task, {}, weigh(task))
    unit.told[task.job_id] = EventKind.JOB
    return task


def change(unit: Unit, task: Task, **values: Any) -> bool:
    """Write columns of a task and all that follows from them; False when nothing is new. States are for `move`."""
    before = weigh(task)
    dirty = {name: value for name, value in values.items() if getattr(task, name) != value}
    for name, value in dirty.items():
        setattr(task, name, value)
    if not dirty:
        return False
    lane, healthy = task.entry()
    for name, value in (("lane", lane), ("healthy", healthy), ("updated_at", unit.now)):
        if getattr(task, name) != value:
            setattr(task, name, value)
            dirty[name] = value
    names = tuple(sorted(dirty))
    unit.run(_update(names), *(dirty[name] for name in names), task.seq)
    _apply(unit, task, before, weigh(task))
    return True


def move(unit: Unit, task: Task, to: State, **values: Any) -> None:
    """Bring a task into another state, with all that follows; *values* are further columns to set.

    What a state implies is set here: no claim outside active, no flag, no due time unless it is given, a
    time of end in a final state, and no reservation of a job that is final (a track holds its own for its album).
    """
    if to not in ARROWS[State(task.state)]:
        raise AssertionError(f"{task.id}: no arrow leads from {task.state} to {to}")
    implied: dict[str, Any] = {
        "state": to.value,
        "came_from": None,
        "due_at": None,
        "finished_at": unit.now if to.final else None,
    }
    if task.state == State.ACTIVE:
        implied |= {"token": None, "worker": None, "lease_until": None, "cancel_wanted": 0, "pause_wanted": 0}
    if to.final and task.parent is None:
        unit.run("DELETE FROM reservation WHERE task = ?", task.seq)
    quiet = task.parent is not None and to in (State.ACTIVE, State.READY)
    before, epoch = State(task.state), task.epoch
    change(unit, task, **(implied | values))
    if task.parent is None and (turn := turn_of(task, before, epoch)) is not None:
        unit.happened.append(turn)
    if to.final and task.parent is None:
        notices.leave(unit, task)
    if not quiet:
        unit.told[task.job_id] = EventKind.JOB


def tell(unit: Unit, task: Task) -> None:
    """Let the feed tell a change that is no move."""
    unit.told[task.job_id] = EventKind.JOB


def drop(unit: Unit, task: Task) -> None:
    """Remove a task's row with all that stands beside it. What becomes of its stage is the caller's business."""
    unit.run("DELETE FROM reservation WHERE task = ?", task.seq)
    if task.parent is None:
        unit.run("DELETE FROM history WHERE job = ?", task.seq)
        unit.run("DELETE FROM arriving WHERE job = ?", task.id)
        unit.told[task.id] = EventKind.REMOVED
    unit.run("DELETE FROM task WHERE seq = ?", task.seq)
    unit.forget(task.seq)
    _apply(unit, task, weigh(task), {})


def discard_stage(unit: Unit, task: Task) -> None:
    """Ask the worker that has the stage of this task to remove it: the task is final or gone, and left it behind."""
    if task.stage_worker is not None:
        discard(unit, task.stage_worker, task.id, task.epoch)
        change(unit, task, stage_worker=None)


def discard(unit: Unit, worker: str, task_id: str, epoch: int) -> None:
    """Ask a worker to remove a stage that nobody wants."""
    unit.run(
        "INSERT OR IGNORE INTO discard (worker, task, epoch, at) VALUES (?, ?, ?, ?)",
        *(worker, task_id, epoch, unit.now),
    )


def take_claim(unit: Unit, task: Task) -> None:
    """Remember whose claim is taken away, so that a poll can name the task that is lost."""
    if task.token is not None:
        unit.run("INSERT OR IGNORE INTO taken (token, task, at) VALUES (?, ?, ?)", task.token, task.id, unit.now)


def blame(unit: Unit, task: Task, message: str) -> None:
    """Say why the newest attempt came to nothing: in the task, and by its name in the album that it is a track of."""
    change(unit, task, last_error=message)
    album = unit.task(task.parent)
    if album is not None:
        change(unit, album, last_error=f"{task.label}: {message}")


def note(
    unit: Unit,
    task: Task,
    event: str,
    *,
    message: str | None = None,
    code: FailureCode | None = None,
    worker: str | None = None,
) -> None:
    """Add a line to the history of the task's job; of a track only what is worth telling of it, with its name. The log
    tells all.

    Tracks that are released one after the other, since all of them wait for the same, are one line of their album.
    """
    say(unit, task, event, message=message, code=code, worker=worker)
    job: Task | None = task
    if task.parent is not None:
        job = unit.task(task.parent)
        if event not in TOLD_TO_ALBUM or (event == "released" and _told_last(unit, job) == event):
            return
        message = f"{task.label}: {message}"
    if job is None:
        return
    number = job.history_count + 1
    attempt = task.attempt if event in OF_AN_ATTEMPT and not task.listed else None
    change(unit, job, history_count=number)
    unit.run(
        "INSERT INTO history (job, number, at, event, attempt, code, message, worker) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(job.seq, number, unit.now, event, attempt, code, message, worker),
    )
    unit.run("DELETE FROM history WHERE job = ? AND number <= ?", job.seq, number - HISTORY_LIMIT)


def say(
    unit: Unit,
    task: Task,
    event: str,
    *,
    message: str | None = None,
    code: FailureCode | None = None,
    worker: str | None = None,
) -> None:
    """Let the log tell what happened to the task; of a new one, what it is to bring."""
    wanted = f"{task.type} {task.catalog_id} {task.quality}" if event == "submitted" else None
    at = unit.now + unit.shift
    unit.happened.append(
        Happened(task.id, task.epoch, task.client, task.attempt, at, event, message or wanted, code, worker)
    )


def forget_wait(unit: Unit, job: Task) -> None:
    """Drop the wait before this one from a job's history if nothing happened in between, so that its story stays."""
    lines = unit.all("SELECT number, event FROM history WHERE job = ? ORDER BY number DESC LIMIT 2", job.seq)
    if [event for _, event in lines] == ["started", "released"]:
        before = lines[-1][0] - 1
        unit.run("DELETE FROM history WHERE job = ? AND number > ?", job.seq, before)
        change(unit, job, history_count=before)


def _told_last(unit: Unit, job: Task | None) -> str | None:
    """Return the event of the newest line in a job's history."""
    if job is None:
        return None
    row = unit.one("SELECT event FROM history WHERE job = ? AND number = ?", job.seq, job.history_count)
    return None if row is None else str(row[0])
