"""The table `task` for SQL: the names of its columns, and what some of them begin with."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tonearm.store.task import Task

NAMES: tuple[str, ...] = tuple(field.name for field in fields(Task))
"""The columns, in the order of the fields of `Task`."""

COLUMNS = ", ".join(NAMES)

FRESH: dict[str, Any] = {
    "started_at": None,
    "cancel_wanted": 0,
    "bytes_done": 0,
    "bytes_total": None,
    "best_phase": 0,
    "best_bytes": 0,
    "high_phase": 0,
    "high_bytes": 0,
    "stalls": 0,
    "corrupt_count": 0,
    "error": None,
    "last_error": None,
    "failure_code": None,
    "publication": None,
}
"""The columns that a retry brings back to what they were before the first attempt, without the counts of retries."""

OUTCOME: dict[str, Any] = {"files": None, "warnings": None, "file_count": 0, "size": 0, "download_ms": 0}
"""The columns that say what a track brought, as they are before it brought anything."""
