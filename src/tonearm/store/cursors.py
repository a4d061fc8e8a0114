"""Cursors: where a page of a list ended, and the orders in which lists of jobs are read.

An order is a row of *segments*, such as "processing, oldest start first". A segment is read from one *stream* of jobs,
or from several, merged: an index that an engine keeps, whatever it is there. A cursor names the order, the segment and
the key of the last job, so that the next page begins behind that job, wherever it lies.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from tonearm.errors import Invalid, RefusalCode
from tonearm.model import AlbumOutcome, JobOrder, JobQuery, State, Status
from tonearm.store.task import Task

SCAN = 10_000
"""The most jobs that one page looks at."""

_WIDEST = 2**63


class Stream(StrEnum):
    """Jobs that an engine can read in the order of a segment's keys."""

    PROCESSING = "processing"
    QUEUED = "queued"
    PAUSED = "paused"
    UNFINISHED = "unfinished"
    """The three above."""
    EVERY = "every"
    # the finished ones, each on its shelf
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of an order: the streams that it merges, the fields of a task that order it, and what can be in it."""

    streams: tuple[Stream, ...]
    keys: tuple[str, ...]
    statuses: frozenset[Status]
    descending: bool = False

    def key(self, task: Task) -> tuple[int, ...]:
        """Return the place of a job in this segment."""
        return tuple(getattr(task, name) for name in self.keys)

    def holds(self, query: JobQuery) -> bool:
        """Whether it can have a job of the status and the outcome asked for."""
        if query.outcome is not None and Status.COMPLETED not in self.statuses:
            return False
        return query.status is None or query.status in self.statuses


class JobCursor(msgspec.Struct, array_like=True, frozen=True):
    """Where a page of jobs ended: the order, the number of the segment, and the key of its last job (none: before)."""

    order: JobOrder
    segment: int
    key: tuple[int, ...]


# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_CURSORS = msgspec.json.Decoder(JobCursor)

_SHELVES = {
    Stream.COMPLETED: Status.COMPLETED,
    Stream.PARTIAL: Status.COMPLETED,
    Stream.FAILED: Status.FAILED,
    Stream.CANCELLED: Status.CANCELLED,
}
_OUTCOMES = {AlbumOutcome.OK: Stream.COMPLETED, AlbumOutcome.PARTIAL: Stream.PARTIAL}
_ALL = frozenset(Status)
_OPEN = frozenset({Status.PROCESSING, Status.QUEUED, Status.PAUSED})

_PROCESSING = Segment((Stream.PROCESSING,), ("started_at", "seq"), frozenset({Status.PROCESSING}))
_QUEUED = Segment((Stream.QUEUED,), ("priority", "seq"), frozenset({Status.QUEUED}))
_PAUSED = Segment((Stream.PAUSED,), ("seq",), frozenset({Status.PAUSED}))
_UNFINISHED = Segment((Stream.UNFINISHED,), ("seq",), _OPEN)


def segments(query: JobQuery) -> list[Segment]:
    """Return the segments of the order asked for; what is asked for can spare streams, never a segment."""
    if query.order in (JobOrder.CREATED, JobOrder.CREATED_DESC):
        descending = query.order is JobOrder.CREATED_DESC
        if query.status in _OPEN:
            return [Segment((Stream.UNFINISHED,), ("seq",), _OPEN, descending=descending)]
        return [Segment((Stream.EVERY,), ("seq",), _ALL, descending=descending)]
    finished = _finished(query, descending=query.order is not JobOrder.COMPLETED)
    if query.order is JobOrder.QUEUE:
        return [_PROCESSING, _QUEUED, _PAUSED, finished]
    return [finished, _UNFINISHED]


def _finished(query: JobQuery, *, descending: bool) -> Segment:
    shelves = _SHELVES if query.outcome is None else {_OUTCOMES[query.outcome]: Status.COMPLETED}
    return Segment(
        tuple(shelf for shelf, shown in shelves.items() if query.status in (None, shown)),
        ("finished_at", "seq"),
        _ALL - _OPEN,
        descending=descending,
    )


def fits(query: JobQuery, task: Task) -> bool:
    """Whether a job is one that is asked for: no stream answers text, client or type."""
    if query.status is not None and State(task.state).status is not query.status:
        return False
    if query.outcome is not None and _outcome(task) is not query.outcome:
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


def _outcome(task: Task) -> AlbumOutcome | None:
    """What a completed job brought, a track too; None for the others."""
    if task.state != State.COMPLETED:
        return None
    return AlbumOutcome.PARTIAL if task.outcome == AlbumOutcome.PARTIAL else AlbumOutcome.OK


def read_jobs(query: JobQuery) -> JobCursor:
    """Return where the page asked for begins.

    Raises:
        Invalid: the cursor is not one of this order.
    """
    if query.cursor is None:
        return JobCursor(query.order, 0, ())
    try:
        cursor = _CURSORS.decode(base64.urlsafe_b64decode(query.cursor.encode("ascii")))
    except (ValueError, msgspec.DecodeError) as error:
        raise _refused() from error
    parts = segments(query)
    if cursor.order is not query.order or not 0 <= cursor.segment < len(parts):
        raise _refused()
    if len(cursor.key) not in (0, len(parts[cursor.segment].keys)) or any(
        not -_WIDEST <= part < _WIDEST for part in cursor.key
    ):
        raise _refused()
    return cursor


def write_jobs(query: JobQuery, segment: int, key: tuple[int, ...]) -> str:
    """Return the cursor of what comes behind this key of a segment; without a key all of the segment does."""
    return base64.urlsafe_b64encode(msgspec.json.encode(JobCursor(query.order, segment, key))).decode()


def read_tracks(cursor: str | None) -> int:
    """Return the position in an album behind which the page asked for begins.

    Raises:
        Invalid: the cursor is not one of an album's tracks or files.
    """
    if cursor is None:
        return 0
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor.encode("ascii")).partition(b":")
    except (binascii.Error, UnicodeEncodeError):
        kind, number = b"", b""
    if kind != b"track" or not number.isdigit() or len(number) > len(str(2**31)):
        raise _refused()
    return int(number)


def write_tracks(position: int) -> str:
    """Return the cursor of what comes behind this position in an album."""
    return base64.urlsafe_b64encode(b"track:%d" % position).decode()


def _refused() -> Invalid:
    return Invalid(RefusalCode.INVALID_CURSOR, "This cursor is not one of this list.", "cursor")
