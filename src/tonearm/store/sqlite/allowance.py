"""The allowance of each client in SQLite: what it received, what it may, and who waits until it may again.

What counts is in `tonearm.store.allowance`. A client that has used its allowance up is found by a claim whose turn it
would be, and its lanes are closed then until enough has left the window, so that no later claim has to look at it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.model import Mark
from tonearm.store.allowance import bucket_of, first_counted, wait_ms
from tonearm.store.base import PAGE
from tonearm.store.sqlite import fair
from tonearm.store.sqlite.unit import Row, Unit
from tonearm.store.task import Task


def count(unit: Unit, client: str, size: int) -> None:
    """Count so many bytes that a client has received."""
    if size > 0:
        unit.run(
            "INSERT INTO received (client, bucket, bytes) VALUES (?1, ?2, ?3) "
            "ON CONFLICT (client, bucket) DO UPDATE SET bytes = bytes + ?3",
            *(client, bucket_of(unit.now), size),
        )


def count_mark(unit: Unit, task: Task, mark: Mark) -> dict[str, int]:
    """Count what a claim has received since its mark before; returns the columns that change. Again counts nothing."""
    count(unit, task.client, mark.received - task.received)
    return {"received": max(task.received, mark.received)}


def wait(unit: Unit, client: str, allowed: int) -> int | None:
    """How many milliseconds a client has to wait that may receive so many bytes (0: no limit); None: it need not."""
    if not allowed:
        return None
    buckets = unit.all(
        "SELECT bucket, bytes FROM received WHERE client = ? AND bucket >= ? ORDER BY bucket",
        *(client, first_counted(unit.now)),
    )
    return wait_ms(buckets, allowed, unit.now)


def close(unit: Unit, client: str, wait_ms: int, allowed: int | None) -> None:
    """Pass over a client for so long; *allowed*: bytes by the settings, None: by its key."""
    unit.run(
        "INSERT OR REPLACE INTO spent (client, until, allowed) VALUES (?, ?, ?)", client, unit.now + wait_ms, allowed
    )
    fair.close(unit, client)


def reopen(unit: Unit, client: str) -> None:
    """Let a client have its turns again, and wake who waits for work; a claim judges it anew."""
    if unit.one("SELECT 1 FROM spent WHERE client = ?", client) is not None:
        _reopen(unit, [(client,)])
        unit.woke = True


def reopen_due(unit: Unit) -> int:
    """Let those go on whose time has come, at most `PAGE`; returns how many."""
    reopened = _reopen(unit, unit.all("SELECT client FROM spent WHERE until <= ? LIMIT ?", unit.now, PAGE))
    unit.woke = unit.woke or reopened > 0
    return reopened


def reopen_below(unit: Unit, allowed: int) -> int:
    """Let those go on who had less by the settings than *allowed* bytes (0: no limit), at most `PAGE`; how many.

    It wakes nobody: two workers whose settings differ would wake each other for ever, one to close, one to reopen.
    """
    if allowed:
        rows = unit.all("SELECT client FROM spent WHERE allowed < ? LIMIT ?", allowed, PAGE)
    else:
        rows = unit.all("SELECT client FROM spent WHERE allowed > 0 LIMIT ?", PAGE)
    return _reopen(unit, rows)


def _reopen(unit: Unit, rows: Sequence[Row]) -> int:
    for (client,) in rows:
        unit.run("DELETE FROM spent WHERE client = ?", client)
        fair.reopen(unit, client)
    return len(rows)


def forget_old(unit: Unit) -> bool:
    """Drop buckets that do not count any more, at most `PAGE`; True: there are more."""
    oldest = first_counted(unit.now)
    unit.run(
        "DELETE FROM received WHERE (client, bucket) IN (SELECT client, bucket FROM received WHERE bucket < ? LIMIT ?)",
        *(oldest, PAGE),
    )
    return unit.one("SELECT 1 FROM received WHERE bucket < ? LIMIT 1", oldest) is not None


def next_due(unit: Unit) -> int | None:
    """How many milliseconds until the next client may go on; None: nobody waits."""
    row = unit.one("SELECT until FROM spent ORDER BY until LIMIT 1")
    return None if row is None else max(0, row[0] - unit.now)
