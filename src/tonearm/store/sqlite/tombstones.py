"""Tombstones: deleted jobs that one read still finds, as cancelled, for as long as their deletion said.

Nothing else knows of them: no list, no count, no duplicate check, no action.
"""

from __future__ import annotations

from tonearm.model import JobRecord
from tonearm.store.base import SHORT_LIST
from tonearm.store.overlay import Overlay
from tonearm.store.records import record
from tonearm.store.sqlite import moves
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task
from tonearm.store.tombstones import as_cancelled, decode, encode


def erect(unit: Unit, overlay: Overlay, job: Task, keep_ms: int) -> None:
    """Keep what people see of a job that is being deleted for *keep_ms* milliseconds: in short, with its history."""
    if not job.final:
        moves.note(unit, job, "cancelled")
    moves.note(unit, job, "deleted")
    shown = as_cancelled(record(unit, overlay, job, SHORT_LIST, whole=True), unit.now + unit.shift)
    unit.run(
        "INSERT OR REPLACE INTO tombstone (id, until, record) VALUES (?, ?, ?)",
        *(job.id, unit.now + keep_ms, encode(shown)),
    )


def read(unit: Unit, job_id: str) -> JobRecord | None:
    """Return a deleted job that still reads as cancelled; None: there is none."""
    row = unit.one("SELECT record FROM tombstone WHERE id = ? AND until > ?", job_id, unit.now)
    return None if row is None else decode(row[0])
