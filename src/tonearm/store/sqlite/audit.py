"""The audit: every figure that the store keeps beside its records, derived again from them.

It reads everything, so it is for tests and `doctor`, not for a loop.
"""

from __future__ import annotations

from collections.abc import Iterator

from tonearm.store.base import FEED_LIMIT
from tonearm.store.sqlite.file import REPLACE
from tonearm.store.sqlite.rows import COLUMNS
from tonearm.store.sqlite.unit import Row, Unit
from tonearm.store.task import Task
from tonearm.store.weights import Sums

_LANES = (
    "SELECT client, kind, 'entries', entries FROM lane UNION ALL "
    "SELECT client, kind, 'healthy', healthy FROM lane UNION ALL SELECT client, kind, 'held', held FROM lane"
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
        "lanes that are closed though their client may go on",
        "SELECT count(*) FROM lane WHERE room = 0 AND client NOT IN (SELECT client FROM spent)",
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
            "AND completed_tracks + failed_tracks + cancelled_tracks = entered "
            "AND id NOT IN (SELECT job FROM arriving WHERE at IS NULL)"
        ),
    ),
    (
        "albums whose list is fixed but whose rows differ from it, with nothing begun to mend it",
        (
            "SELECT count(*) FROM task WHERE track_count > 0 AND entered <> track_count AND chore IS NULL "
            "AND (finished_at IS NOT NULL OR 'waiting' IN (state, came_from)) "
            "AND id NOT IN (SELECT job FROM arriving WHERE at IS NULL)"
        ),
    ),
    (
        "tracks on their way to an album that is not here",
        "SELECT count(*) FROM arriving WHERE at IS NULL AND job NOT IN (SELECT id FROM task)",
    ),
    (
        "jobs that are moving while somebody works on them",
        (
            "SELECT count(*) FROM task t WHERE moving = 1 AND (state = 'active' "
            "OR EXISTS (SELECT 1 FROM task WHERE parent = t.seq AND state = 'active'))"
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
    """Say each difference between the records and what was derived from them (`Store.audit`).

    Of a damaged file only that, and where: what is read of it says nothing.
    """
    return tuple(_differences(unit))


def _differences(unit: Unit) -> Iterator[str]:
    found = [" ".join(text.split()) for (text,) in unit.db.execute("PRAGMA integrity_check(5)")]
    if found != ["ok"]:
        yield f"The database file is damaged: {'; '.join(found)}. {REPLACE}"
        return
    sums = Sums()
    for task in _tasks(unit, "1"):
        sums.add(task)
        if (task.lane, task.healthy) != task.entry():
            yield f"{task.id} is {task.state} but stands as an entry of {task.lane} ({task.healthy})"
    yield from sums.differences("counter", _kept(unit.all("SELECT name, value FROM counter")))
    yield from sums.differences("client", _kept(unit.all("SELECT name, unfinished FROM client")))
    yield from sums.differences("lane", _kept(unit.all(_LANES)))
    for album in _tasks(unit, "type = 'album'"):
        yield from sums.album_differences(album)
    yield from _compare_rest(unit)


def _tasks(unit: Unit, where: str) -> Iterator[Task]:
    return (Task(*row) for row in unit.db.execute(f"SELECT {COLUMNS} FROM task WHERE {where}"))  # noqa: S608 - our own names


def _kept(rows: list[Row]) -> dict[tuple[str, ...], int]:
    return {row[:-1]: row[-1] for row in rows}


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
