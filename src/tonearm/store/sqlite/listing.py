"""Lists of jobs, by keyset: a page begins behind the last job of the page before, wherever that lies.

An order is a row of *segments*, such as "processing, oldest start first"; each is read from an index of its own,
finished jobs from one stream per shelf, merged. What no index answers (text, client, type) is filtered while reading,
over at most `SCAN` rows a page: such a page can be short, or empty, and still have a next one.
"""

# ruff: noqa: S608 - statements are put together from texts of this module
from __future__ import annotations

import base64
import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from tonearm.errors import Invalid, RefusalCode
from tonearm.model import JobOrder, JobQuery, State, Status
from tonearm.store.sqlite.rows import COLUMNS
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task

SCAN = 10_000
"""The most rows that one page looks at."""

_WIDEST = 2**63


@dataclass(frozen=True, slots=True)
class _Segment:
    streams: tuple[str, ...]
    keys: tuple[str, ...]
    statuses: frozenset[Status]
    descending: bool = False


class _Cursor(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: the order it belongs to, the segment, and the key of its last job."""

    order: JobOrder
    segment: int
    key: tuple[int, ...]


# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_CURSORS = msgspec.json.Decoder(_Cursor)

_SHELVES = {
    "completed": Status.COMPLETED,
    "partial": Status.COMPLETED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
}
_ALL = frozenset(Status)
_OPEN = frozenset({Status.PROCESSING, Status.QUEUED, Status.PAUSED})

_PROCESSING = _Segment(
    ("parent IS NULL AND state IN ('active', 'waiting')",), ("started_at", "seq"), frozenset({Status.PROCESSING})
)
_QUEUED = _Segment(
    ("parent IS NULL AND state IN ('ready', 'delayed')",), ("priority", "seq"), frozenset({Status.QUEUED})
)
_PAUSED = _Segment(("parent IS NULL AND state = 'paused'",), ("seq",), frozenset({Status.PAUSED}))
_UNFINISHED = _Segment(("parent IS NULL AND finished_at IS NULL",), ("seq",), _OPEN)


def _finished(status: Status | None, *, descending: bool) -> _Segment:
    shelves = [shelf for shelf, shown in _SHELVES.items() if status in (None, shown)]
    return _Segment(
        tuple(f"shelf = '{shelf}'" for shelf in shelves),
        ("finished_at", "seq"),
        _ALL - _OPEN,
        descending=descending,
    )


def _segments(query: JobQuery) -> list[_Segment]:
    if query.order in (JobOrder.CREATED, JobOrder.CREATED_DESC):
        descending = query.order is JobOrder.CREATED_DESC
        if query.status in _OPEN:
            return [_Segment(_UNFINISHED.streams, ("seq",), _OPEN, descending=descending)]
        return [_Segment(("parent IS NULL",), ("seq",), _ALL, descending=descending)]
    finished = _finished(query.status, descending=query.order is not JobOrder.COMPLETED)
    if query.order is JobOrder.QUEUE:
        return [_PROCESSING, _QUEUED, _PAUSED, finished]
    return [finished, _UNFINISHED]


def page(unit: Unit, query: JobQuery) -> tuple[list[Task], str | None]:
    """Return the rows of one page, and the cursor of the next (None: there is none)."""
    cursor = _read(query)
    found: list[Task] = []
    looked_at = 0
    for number, segment in enumerate(_segments(query)):
        if number < cursor.segment or (query.status is not None and query.status not in segment.statuses):
            continue
        behind = cursor.key if number == cursor.segment else ()
        for task in _rows(unit, segment, behind):
            if len(found) == query.limit or looked_at == SCAN:
                return found, _write(query, number, behind)
            looked_at += 1
            behind = _key(segment, task)
            if _fits(query, task):
                found.append(task)
    return found, None


def _rows(unit: Unit, segment: _Segment, after: tuple[int, ...]) -> Iterator[Task]:
    streams = [_stream(unit, segment, where, after) for where in segment.streams]
    return heapq.merge(*streams, key=lambda task: _key(segment, task), reverse=segment.descending)


def _stream(unit: Unit, segment: _Segment, where: str, after: tuple[int, ...]) -> Iterator[Task]:
    names = ", ".join(segment.keys)
    direction = " DESC" if segment.descending else ""
    order = ", ".join(name + direction for name in segment.keys)
    sign = "<" if segment.descending else ">"
    behind = f" AND ({names}) {sign} ({', '.join('?' * len(after))})" if after else ""
    sql = f"SELECT {COLUMNS} FROM task WHERE {where}{behind} ORDER BY {order} LIMIT {SCAN + 1}"
    return (Task(*row) for row in unit.db.execute(sql, after))


def _key(segment: _Segment, task: Task) -> tuple[int, ...]:
    return tuple(getattr(task, name) for name in segment.keys)


def _fits(query: JobQuery, task: Task) -> bool:
    if query.status is not None and State(task.state).status is not query.status:
        return False
    if query.type is not None and task.type != query.type:
        return False
    if query.client is not None and task.client != query.client:
        return False
    if query.text is None:
        return True
    wanted = query.text.casefold()
    texts = (task.track_title, task.album_title, task.artist_name, task.id)
    return any(wanted in text.casefold() for text in texts if text)


def _read(query: JobQuery) -> _Cursor:
    if query.cursor is None:
        return _Cursor(query.order, 0, ())
    try:
        cursor = _CURSORS.decode(base64.urlsafe_b64decode(query.cursor.encode("ascii")))
    except (ValueError, msgspec.DecodeError) as error:
        raise _refused() from error
    segments = _segments(query)
    if cursor.order is not query.order or not 0 <= cursor.segment < len(segments):
        raise _refused()
    if len(cursor.key) not in (0, len(segments[cursor.segment].keys)) or any(
        not -_WIDEST <= part < _WIDEST for part in cursor.key
    ):
        raise _refused()
    return cursor


def _write(query: JobQuery, segment: int, key: tuple[int, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(query.order, segment, key))).decode()


def _refused() -> Invalid:
    return Invalid(RefusalCode.INVALID_CURSOR, "This cursor is not one of this list.", "cursor")
