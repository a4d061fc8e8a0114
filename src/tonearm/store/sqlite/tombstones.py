"""Tombstones: deleted jobs that one read still finds, as cancelled, for as long as their deletion said.

Nothing else knows of them: no list, no count, no duplicate check, no action. Only the ids of all that went are
remembered for a day, so that no late call brings a job back.
"""

from __future__ import annotations

from tonearm.model import JobRecord
from tonearm.store.base import GONE_MS, SHORT_LIST
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


def remember(unit: Unit, job_id: str) -> None:
    """Remember that a job of this id was here."""
    unit.run("INSERT OR REPLACE INTO gone (id, at) VALUES (?, ?)", job_id, unit.now)


def remembered(unit: Unit, job_id: str) -> bool:
    """Whether a job of this id was deleted or pruned less than `GONE_MS` ago, or still reads as cancelled."""
    row = unit.one(
        "SELECT 1 FROM gone WHERE id = ?1 AND at > ?2 UNION ALL SELECT 1 FROM tombstone WHERE id = ?1 AND until > ?3",
        *(job_id, unit.now - GONE_MS, unit.now),
    )
    return row is not None
