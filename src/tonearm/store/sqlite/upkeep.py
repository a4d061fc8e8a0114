"""Upkeep: one bounded step of sweeping, pruning by age, workers' signs of life, and setting records aside."""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from tonearm.errors import FailureCode
from tonearm.model import Pruned, Retention, State, Swept
from tonearm.store import wording
from tonearm.store.base import FEED_AGE_MS, GONE_MS, KEY_MS, PAGE, RATE_WINDOW_MS, WORKER_AGE_MS
from tonearm.store.sqlite import actions, albums, allowance, arriving, endings, fair, feed, leases, moves, notices
from tonearm.store.sqlite.unit import Row, Unit


def sweep(unit: Unit) -> Swept:
    """Do one bounded step of everything that waits for time to pass (`Store.sweep`)."""
    ends = _free_expired(unit)
    given_up = endings.expire(unit, PAGE)
    children = _remove_orphans(unit)
    children += _carry_on_chores(unit, PAGE - children)
    arrived = arriving.enter_next(unit) if children < PAGE else 0
    more_old = _forget_old(unit)
    reopened = allowance.reopen_due(unit)
    fair.forget_idle(unit)
    more = more_old or bool(arrived) or PAGE in (len(ends), given_up, reopened) or children >= PAGE
    return Swept(
        recovered=sum(state is not State.FAILED for state in ends),
        crashed=sum(state is State.FAILED for state in ends),
        children=children,
        more=more,
    )


def _free_expired(unit: Unit) -> list[State]:
    rows = unit.all(
        "SELECT seq FROM task WHERE state = 'active' AND lease_until <= ? ORDER BY lease_until, seq LIMIT ?",
        *(unit.now, PAGE),
    )
    tasks = [unit.task(seq) for (seq,) in rows]
    return [leases.free(unit, task, None, charge=True) for task in tasks if task is not None]


def _remove_orphans(unit: Unit) -> int:
    done = 0
    for (album,) in unit.all("SELECT album FROM orphanage ORDER BY album LIMIT ?", PAGE):
        if done >= PAGE:
            break
        done += albums.remove_orphans(unit, album, PAGE - done)
    return done


def _carry_on_chores(unit: Unit, limit: int) -> int:
    done = 0
    for (seq,) in unit.all("SELECT seq FROM task WHERE chore IS NOT NULL ORDER BY seq LIMIT ?", PAGE):
        if done >= limit:
            break
        album = unit.task(seq)
        if album is not None:
            done += albums.carry_on(unit, album, limit - done)
    return done


def _forget_old(unit: Unit) -> bool:
    more = feed.forget_old(unit) or allowance.forget_old(unit) or notices.forget_old(unit)
    for sql, age_ms in _OLD:
        unit.run(sql, unit.now - age_ms, PAGE)
    unit.run("DELETE FROM counter WHERE value = 0")
    return more or any(unit.one(sql, unit.now - age_ms) is not None for sql, age_ms in _LEFT)


_OLD = (
    ("DELETE FROM rate WHERE number IN (SELECT number FROM rate WHERE at <= ? LIMIT ?)", RATE_WINDOW_MS),
    (
        (
            "DELETE FROM discard WHERE (worker, task, epoch) IN "
            "(SELECT worker, task, epoch FROM discard WHERE at <= ? LIMIT ?)"
        ),
        FEED_AGE_MS,
    ),
    ("DELETE FROM taken WHERE token IN (SELECT token FROM taken WHERE at <= ? LIMIT ?)", FEED_AGE_MS),
    (
        ("DELETE FROM ending WHERE token IN (SELECT token FROM ending WHERE lease_until IS NULL AND at <= ? LIMIT ?)"),
        FEED_AGE_MS,
    ),
    ("DELETE FROM answered WHERE number IN (SELECT number FROM answered WHERE at <= ? LIMIT ?)", KEY_MS),
    ("DELETE FROM tombstone WHERE id IN (SELECT id FROM tombstone WHERE until <= ? LIMIT ?)", 0),
    ("DELETE FROM gone WHERE id IN (SELECT id FROM gone WHERE at <= ? LIMIT ?)", GONE_MS),
    (
        "DELETE FROM arriving WHERE (job, start) IN (SELECT job, start FROM arriving WHERE at <= ? LIMIT ?)",
        GONE_MS,
    ),
    ("DELETE FROM worker WHERE id IN (SELECT id FROM worker WHERE last_heartbeat <= ? LIMIT ?)", WORKER_AGE_MS),
)
_LEFT = (
    ("SELECT 1 FROM rate WHERE at <= ? LIMIT 1", RATE_WINDOW_MS),
    ("SELECT 1 FROM discard WHERE at <= ? LIMIT 1", FEED_AGE_MS),
    ("SELECT 1 FROM taken WHERE at <= ? LIMIT 1", FEED_AGE_MS),
    ("SELECT 1 FROM ending WHERE lease_until IS NULL AND at <= ? LIMIT 1", FEED_AGE_MS),
    ("SELECT 1 FROM answered WHERE at <= ? LIMIT 1", KEY_MS),
    ("SELECT 1 FROM tombstone WHERE until <= ? LIMIT 1", 0),
    ("SELECT 1 FROM gone WHERE at <= ? LIMIT 1", GONE_MS),
    ("SELECT 1 FROM arriving WHERE at <= ? LIMIT 1", GONE_MS),
    ("SELECT 1 FROM worker WHERE last_heartbeat <= ? LIMIT 1", WORKER_AGE_MS),
)


def _shelves(retention: Retention) -> dict[str, int]:
    return {
        "completed": retention.completed_ms,
        "partial": retention.failed_ms,
        "failed": retention.failed_ms,
        "cancelled": retention.cancelled_ms,
    }


def _pruned(by_shelf: dict[str, int], *, more: bool) -> Pruned:
    return Pruned(by_shelf["completed"], by_shelf["failed"] + by_shelf["partial"], by_shelf["cancelled"], more)


def prunable(unit: Unit, retention: Retention) -> Pruned:
    """Count what pruning would remove (`Store.prunable`)."""
    found = dict.fromkeys(_shelves(retention), 0)
    for shelf, age_ms in _shelves(retention).items():
        (found[shelf],) = unit.one(
            "SELECT count(*) FROM task WHERE shelf = ? AND finished_at < ?", shelf, unit.now - age_ms
        ) or (0,)
    return _pruned(found, more=False)


def prune(unit: Unit, retention: Retention) -> Pruned:
    """Remove finished jobs that are older than their retention (`Store.prune`)."""
    shelves = _shelves(retention)
    removed = dict.fromkeys(shelves, 0)
    tracks = 0
    for shelf, age_ms in shelves.items():
        rows = unit.all(
            "SELECT seq FROM task WHERE shelf = ? AND finished_at < ? ORDER BY finished_at, seq LIMIT ?",
            *(shelf, unit.now - age_ms, PAGE - sum(removed.values())),
        )
        for (seq,) in rows:
            job = unit.task(seq)
            if job is not None:
                tracks += actions.remove(unit, job, PAGE - tracks)
                removed[shelf] += 1
    return _pruned(removed, more=sum(removed.values()) == PAGE)


def heartbeat(unit: Unit, worker: str, host: str, max_concurrent: int, dead_ms: int) -> None:
    """Record a sign of life; after a silence of *dead_ms* the worker counts as started anew (`Store.heartbeat`)."""
    unit.run(
        "INSERT INTO worker (id, host, started_at, last_heartbeat, max_concurrent) VALUES (?1, ?2, ?3, ?3, ?4) "
        "ON CONFLICT (id) DO UPDATE SET host = ?2, last_heartbeat = ?3, max_concurrent = ?4, "
        "started_at = CASE WHEN last_heartbeat < ?3 - ?5 THEN ?3 ELSE started_at END",
        *(worker, host, unit.now, max_concurrent, dead_ms),
    )


def set_aside(unit: Unit, seq: int, reason: str) -> str | None:
    """Copy a record that cannot be read to `set_aside` and make it readable; returns its id, None if it is gone.

    An unfinished task fails as `internal`: it keeps its place in the lists, and a person can retry it.
    """
    task = unit.task(seq)
    if task is None:
        return None
    body = msgspec.json.encode(asdict(task)).decode()
    unit.run("INSERT INTO set_aside (task, at, reason, body) VALUES (?, ?, ?, ?)", task.id, unit.now, reason, body)
    publication = task.publication if task.final else None
    moves.take_claim(unit, task)
    if not task.final:
        moves.move(
            unit,
            task,
            State.FAILED,
            error=wording.UNREADABLE,
            last_error=wording.UNREADABLE,
            failure_code=FailureCode.INTERNAL.value,
        )
        moves.note(unit, task, "failed", code=FailureCode.INTERNAL, message=wording.UNREADABLE)
        moves.discard_stage(unit, task)
    arriving.give_up(unit, task)
    moves.change(unit, task, files=None, warnings=None, album=None, publication=publication)
    albums.close_if_done(unit, unit.task(task.parent))
    return task.id


_LASTING = frozenset({"meta", "worker", "set_aside"})
"""Tables whose rows outlive all jobs."""


def rows(unit: Unit) -> dict[str, list[Row]]:
    """Return the rows of every table but the lasting ones."""
    tables = unit.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    return {
        name: unit.all(f"SELECT * FROM {name}")  # noqa: S608 - a name out of the schema
        for (name,) in tables
        if name not in _LASTING
    }
