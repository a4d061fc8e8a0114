"""Tombstones: deleted jobs that one read still finds, as cancelled, for as long as their deletion said.

Nothing else knows of them: no list, no count, no duplicate check, no action.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tonearm.model import JobRecord, State
from tonearm.store.base import SHORT_LIST
from tonearm.store.overlay import Overlay
from tonearm.store.records import record
from tonearm.store.sqlite import moves
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task

# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_DECODER = msgspec.json.Decoder(JobRecord)


def erect(unit: Unit, overlay: Overlay, job: Task, keep_ms: int) -> None:
    """Keep what people see of a job that is being deleted for *keep_ms* milliseconds: in short, with its history."""
    if not job.final:
        moves.note(unit, job, "cancelled")
    moves.note(unit, job, "deleted")
    shown = replace(
        record(unit, overlay, job, SHORT_LIST, whole=True),
        state=State.CANCELLED,
        updated_at=unit.now + unit.shift,
        completed_at=unit.now + unit.shift,
        next_retry_at=None,
        error=None,
        failure_code=None,
        cancel_requested=False,
        pause_requested=False,
        speed=None,
        outcome=None,
        track_progress=(),
    )
    unit.run(
        "INSERT OR REPLACE INTO tombstone (id, until, record) VALUES (?, ?, ?)",
        *(job.id, unit.now + keep_ms, msgspec.json.encode(shown).decode()),
    )


def read(unit: Unit, job_id: str) -> JobRecord | None:
    """Return a deleted job that still reads as cancelled; None: there is none."""
    row = unit.one("SELECT record FROM tombstone WHERE id = ? AND until > ?", job_id, unit.now)
    try:
        return None if row is None else _DECODER.decode(row[0])
    except msgspec.DecodeError:
        return None  # a courtesy that another version cannot read: the job is deleted either way
