"""Lists of jobs, by keyset: a page begins behind the last job of the page before, wherever that lies.

Each stream of an order (`cursors`) is read from an index of its own, and where a segment has several they are merged.
What no index answers (text, client, type) is filtered while reading, over at most `SCAN` rows a page: such a page can
be short, or empty, and still have a next one.
"""

# ruff: noqa: S608 - statements are put together from texts of this module
from __future__ import annotations

import heapq
from collections.abc import Iterator

from tonearm.model import JobQuery
from tonearm.store.cursors import SCAN, Segment, Stream, fits, read_jobs, segments, write_jobs
from tonearm.store.recent import Recent
from tonearm.store.sqlite.rows import COLUMNS
from tonearm.store.sqlite.unit import Row, Unit
from tonearm.store.task import Task

_WHERE = {
    Stream.PROCESSING: "parent IS NULL AND state IN ('active', 'waiting')",
    Stream.QUEUED: "parent IS NULL AND state IN ('ready', 'delayed')",
    Stream.PAUSED: "parent IS NULL AND state = 'paused'",
    Stream.UNFINISHED: "parent IS NULL AND finished_at IS NULL",
    Stream.EVERY: "parent IS NULL",
    Stream.COMPLETED: "shelf = 'completed'",
    Stream.PARTIAL: "shelf = 'partial'",
    Stream.FAILED: "shelf = 'failed'",
    Stream.CANCELLED: "shelf = 'cancelled'",
}


Tasks = Recent[Row, Task]


def page(unit: Unit, tasks: Tasks, query: JobQuery) -> tuple[list[Task], str | None]:
    """Return the rows of one page, and the cursor of the next (None: there is none)."""
    cursor = read_jobs(query)
    found: list[Task] = []
    looked_at = 0
    for number, segment in enumerate(segments(query)):
        if number < cursor.segment or not segment.holds(query):
            continue
        behind = cursor.key if number == cursor.segment else ()
        for task in _rows(unit, tasks, segment, behind):
            if len(found) == query.limit or looked_at == SCAN:
                return found, write_jobs(query, number, behind)
            looked_at += 1
            behind = segment.key(task)
            if fits(query, task):
                found.append(task)
    return found, None


def _rows(unit: Unit, tasks: Tasks, segment: Segment, after: tuple[int, ...]) -> Iterator[Task]:
    streams = [_stream(unit, tasks, segment, _WHERE[stream], after) for stream in segment.streams]
    return heapq.merge(*streams, key=segment.key, reverse=segment.descending)


def _stream(unit: Unit, tasks: Tasks, segment: Segment, where: str, after: tuple[int, ...]) -> Iterator[Task]:
    names = ", ".join(segment.keys)
    direction = " DESC" if segment.descending else ""
    order = ", ".join(name + direction for name in segment.keys)
    sign = "<" if segment.descending else ">"
    behind = f" AND ({names}) {sign} ({', '.join('?' * len(after))})" if after else ""
    sql = f"SELECT {COLUMNS} FROM task WHERE {where}{behind} ORDER BY {order} LIMIT {SCAN + 1}"
    return (tasks.of(row[0], row, _task) for row in unit.db.execute(sql, after))


def _task(row: Row) -> Task:
    return Task(*row)
