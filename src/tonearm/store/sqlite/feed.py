"""The feed of changes: written in the unit of the change, capped, and read from any event on.

An id is `<instance>-<number>`: the instance is drawn when the database is made, so an id of another one is
recognised as unknown.
"""

from __future__ import annotations

from tonearm.model import Event, EventKind, Feed
from tonearm.store.base import FEED_AGE_MS, FEED_LIMIT, PAGE
from tonearm.store.sqlite.unit import Unit


def write(unit: Unit) -> None:
    """Enter what the unit told, one event a job, and drop what is beyond `FEED_LIMIT`."""
    for job, kind in unit.told.items():
        unit.run("INSERT INTO event (at, kind, job) VALUES (?, ?, ?)", unit.now, kind, job)
    if unit.told:
        unit.run("DELETE FROM event WHERE seq <= ?", unit.db.last_insert_rowid() - FEED_LIMIT)


def read(unit: Unit, after: str | None, limit: int) -> Feed:
    """Return what came after an event (`Store.events`)."""
    (instance,) = unit.one("SELECT value FROM meta WHERE key = 'instance'") or ("",)
    (newest,) = unit.one("SELECT seq FROM sqlite_sequence WHERE name = 'event'") or (0,)
    end = f"{instance}-{newest}"
    if after is None:
        return Feed((), end)
    given, _, text = after.rpartition("-")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(newest)) else newest + 1
    (oldest,) = unit.one("SELECT seq FROM event ORDER BY seq LIMIT 1") or (newest + 1,)
    if given != instance or not oldest - 1 <= number <= newest:
        return Feed((), end, resync=True)
    rows = unit.all("SELECT seq, kind, job FROM event WHERE seq > ? ORDER BY seq LIMIT ?", number, limit)
    events = tuple(Event(f"{instance}-{seq}", EventKind(kind), job) for seq, kind, job in rows)
    return Feed(events, events[-1].id if events else after)


def forget_old(unit: Unit) -> bool:
    """Drop events older than `FEED_AGE_MS`, at most `PAGE`; True when there are more."""
    rows = unit.all("SELECT seq, at FROM event ORDER BY seq LIMIT ?", PAGE)
    old = [seq for seq, at in rows if at <= unit.now - FEED_AGE_MS]
    if old:
        unit.run("DELETE FROM event WHERE seq <= ?", old[-1])
    return len(old) == PAGE
