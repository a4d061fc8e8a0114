"""One atomic unit: a connection inside a transaction, the store time of the moment, and what changed.

Every rule of the store is a plain function whose first argument is a unit; it runs on the thread that owns the
connection and either happens whole or not at all. A unit knows SQL and time. It knows no rule. Records are made of what
it reads (`records.View`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from tonearm.errors import FailureCode
from tonearm.model import HistoryEntry, State
from tonearm.store.sqlite.rows import COLUMNS
from tonearm.store.story import Entry
from tonearm.store.task import Task

Row = tuple[Any, ...]

_LOAD = f"SELECT {COLUMNS} FROM task WHERE "  # noqa: S608 - column names of our own


class Unit:
    """What a rule may touch: rows, the time *now* (store ms), and *shift* (ms to add to show a time as wall time)."""

    __slots__ = ("_tasks", "db", "happened", "now", "shift", "told", "woke")

    def __init__(self, db: apsw.Connection, now: int, shift: int) -> None:
        self.db = db
        self.now = now
        self.shift = shift
        self.told: dict[str, str] = {}
        """Jobs whose change the feed will tell at the end of the unit, with the kind of event."""
        self.happened: list[Entry] = []
        """What the log will tell, and the metrics count, when the unit is kept."""
        self.woke = False
        """Whether something became claimable, or the control changed."""
        self._tasks: dict[int, Task] = {}

    def run(self, sql: str, *values: Any) -> None:
        """Run a statement for its effect."""
        self.db.execute(sql, values)

    def one(self, sql: str, *values: Any) -> Row | None:
        """Return the first row, or None."""
        return next(iter(self.db.execute(sql, values)), None)

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Return all rows; the statement itself limits how many."""
        return list(self.db.execute(sql, values))

    def task(self, seq: int | None) -> Task | None:
        """Return the task of this number; the same object for the whole unit."""
        if seq is None:
            return None
        known = self._tasks.get(seq)
        if known is None:
            row = self.one(_LOAD + "seq = ?", seq)
            if row is None:
                return None
            known = self._tasks[seq] = Task(*row)
        return known

    def named(self, task_id: str) -> Task | None:
        """Return the task of this id: a job's, or that of a track of an album."""
        row = self.one("SELECT seq FROM task WHERE id = ?", task_id)
        return None if row is None else self.task(row[0])

    def tracks(self, album: Task, state: State, limit: int, after: int = 0) -> Sequence[Task]:
        """At most *limit* tracks of an album that are in this state, beyond position *after*, in the album's order."""
        return self._tracks_by(
            "SELECT seq FROM task WHERE parent = ? AND state = ? AND position > ? ORDER BY position LIMIT ?",
            *(album.seq, state, after, limit),
        )

    def listed_tracks(self, album: Task, after: int, limit: int) -> Sequence[Task]:
        """At most *limit* tracks of an album's list beyond position *after*, in order; none before it is fixed."""
        return self._tracks_by(
            "SELECT seq FROM task WHERE parent = ? AND position > ? AND position <= ? ORDER BY position LIMIT ?",
            *(album.seq, after, album.track_count, limit),
        )

    def _tracks_by(self, sql: str, *values: Any) -> Sequence[Task]:
        return [task for (seq,) in self.all(sql, *values) if (task := self.task(seq)) is not None]

    def history(self, job: Task) -> Sequence[HistoryEntry]:
        """A job's history, oldest line first, in store milliseconds."""
        rows = self.all(
            "SELECT at, event, attempt, code, message, worker FROM history WHERE job = ? ORDER BY number", job.seq
        )
        return [
            HistoryEntry(at, event, attempt, None if code is None else FailureCode(code), message, worker)
            for at, event, attempt, code, message, worker in rows
        ]

    def forget(self, seq: int) -> None:
        """Drop the object of a task whose row is gone."""
        self._tasks.pop(seq, None)

    def keep(self, task: Task) -> None:
        """Hold the object of a task whose row is new."""
        self._tasks[task.seq] = task
