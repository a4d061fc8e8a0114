"""The audit: every figure that the store keeps beside its records, derived again from them.

It reads everything, so it is for tests and `doctor`, not for a loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tonearm.store.base import FEED_LIMIT
from tonearm.store.sqlite.moves import weigh
from tonearm.store.sqlite.rows import COLUMNS
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task

_TALLIES = (
    "entered",
    "ready_tracks",
    "ready_suspects",
    "completed_tracks",
    "failed_tracks",
    "cancelled_tracks",
    "file_count",
    "size",
    "download_ms",
)

_STRAYS = (
    (
        "tracks without an album that is not being removed",
        (
            "SELECT count(*) FROM task t WHERE parent IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM task WHERE seq = t.parent) "
            "AND NOT EXISTS (SELECT 1 FROM orphanage WHERE album = t.parent)"
        ),
    ),
    (
        "albums being removed that still have a record",
        "SELECT count(*) FROM orphanage JOIN task ON task.seq = orphanage.album",
    ),
    (
        "history lines without a job",
        "SELECT count(*) FROM history WHERE job NOT IN (SELECT seq FROM task WHERE parent IS NULL)",
    ),
    (
        "reserved names whose task is gone, or a job that is final",
        (
            "SELECT count(*) FROM reservation "
            "WHERE task NOT IN (SELECT seq FROM task WHERE finished_at IS NULL OR parent IS NOT NULL)"
        ),
    ),
    (
        "discards of stages whose task is still worked on",
        (
            "SELECT count(*) FROM discard JOIN task ON task.id = discard.task AND task.epoch = discard.epoch "
            "WHERE task.state = 'active'"
        ),
    ),
    (
        "albums with every track final that have not ended",
        (
            "SELECT count(*) FROM task WHERE track_count > 0 AND 'waiting' IN (state, came_from) AND chore IS NULL "
            "AND completed_tracks + failed_tracks + cancelled_tracks = entered"
        ),
    ),
    (
        "albums whose list is fixed but whose rows differ from it, with nothing begun to mend it",
        (
            "SELECT count(*) FROM task WHERE track_count > 0 AND entered <> track_count AND chore IS NULL "
            "AND (finished_at IS NOT NULL OR 'waiting' IN (state, came_from))"
        ),
    ),
    (
        "album tracks that are not numbered from 1 on without a gap",
        (
            "SELECT count(*) FROM (SELECT parent FROM task WHERE parent IN (SELECT seq FROM task WHERE chore IS NULL) "
            "GROUP BY parent HAVING max(position) <> count(*))"
        ),
    ),
)


def audit(unit: Unit) -> tuple[str, ...]:
    """Say each difference between the records and what was derived from them (`Store.audit`)."""
    return tuple(_differences(unit))


def _differences(unit: Unit) -> Iterator[str]:
    for (text,) in unit.db.execute("PRAGMA integrity_check"):
        if text != "ok":
            yield f"The database file is damaged: {text}"
    counters: Counter[tuple[str, ...]] = Counter()
    clients: Counter[tuple[str, ...]] = Counter()
    lanes: Counter[tuple[str, ...]] = Counter()
    tracks: dict[int, Counter[str]] = {}
    for row in unit.db.execute(f"SELECT {COLUMNS} FROM task"):  # noqa: S608 - column names of our own
        task = Task(*row)
        if (task.lane, task.healthy) != task.entry():
            yield f"{task.id} is {task.state} but stands as an entry of {task.lane} ({task.healthy})"
        for key, weight in weigh(task).items():
            if key[0] == "album" and task.parent is not None:
                tracks.setdefault(task.parent, Counter())[key[1]] += weight
            else:
                {"counter": counters, "client": clients, "lane": lanes}[key[0]][key[1:]] += weight
    yield from _compare("counter", counters, unit.all("SELECT name, value FROM counter"))
    yield from _compare("client", clients, unit.all("SELECT name, unfinished FROM client"))
    for column in ("entries", "healthy", "held"):
        stored = unit.all(f"SELECT client, kind, '{column}', {column} FROM lane")  # noqa: S608 - one of three names
        yield from _compare("lane", Counter({k: v for k, v in lanes.items() if k[2] == column}), stored)
    yield from _compare_albums(unit, tracks)
    yield from _compare_rest(unit)


def _compare(what: str, derived: Counter[tuple[str, ...]], stored: list[tuple[object, ...]]) -> Iterator[str]:
    kept = {tuple(str(part) for part in row[:-1]): row[-1] for row in stored}
    for key in sorted(derived.keys() | kept.keys()):
        if derived.get(key, 0) != kept.get(key, 0):
            yield f"The {what} {' '.join(key)} says {kept.get(key, 0)}, the records say {derived.get(key, 0)}"


def _compare_albums(unit: Unit, tracks: dict[int, Counter[str]]) -> Iterator[str]:
    for row in unit.db.execute(f"SELECT {COLUMNS} FROM task WHERE type = 'album'"):  # noqa: S608 - our own names
        album = Task(*row)
        counted = tracks.get(album.seq, Counter())
        for tally in _TALLIES:
            if getattr(album, tally) != counted[tally]:
                yield f"{album.id} says {getattr(album, tally)} for {tally}, its tracks say {counted[tally]}"
        retries = album.retry_count - album.resolve_retries
        if retries != counted["retry_count"]:
            yield f"{album.id} says {retries} for the retries of its tracks, they say {counted['retry_count']}"


def _compare_rest(unit: Unit) -> Iterator[str]:
    for text, sql in _STRAYS:
        (number,) = unit.one(sql) or (0,)
        if number:
            yield f"There are {text}: {number}"
    (events,) = unit.one("SELECT count(*) FROM event") or (0,)
    if events > FEED_LIMIT:
        yield f"The feed holds {events} events, more than {FEED_LIMIT}"
    for task, reason in unit.all("SELECT task, reason FROM set_aside ORDER BY number LIMIT 20"):
        yield f"The record of {task} could not be read and was set aside: {reason}"
