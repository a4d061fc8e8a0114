"""Lists of jobs, by keyset: a page begins behind the last job of the page before, wherever that lies.

Each stream of an order (`cursors`) is an ordered set in Redis, read a page of rows at a time, and where a segment has
several they are merged. What no index answers (text, client, type) is filtered here, over at most `SCAN` rows a page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from tonearm.model import JobPage, JobQuery, JobRecord, State
from tonearm.store.base import PAGE, SHORT_LIST
from tonearm.store.cursors import SCAN, Segment, Stream, fits, read_jobs, segments, write_jobs
from tonearm.store.overlay import Overlay
from tonearm.store.recent import Recent
from tonearm.store.records import record
from tonearm.store.redis.desk import Desk, Moment
from tonearm.store.redis.reading import Snapshot, overlay_of

_HIGHEST = 10**15 - 1


@dataclass(frozen=True, slots=True)
class _Index:
    """An ordered set of jobs: by number, or by the bytes of members of one or two parts."""

    name: str
    kind: str

    def behind(self, key: tuple[int, ...]) -> str | int:
        """The place of a key in it; '' is its beginning."""
        if not key:
            return ""
        parts = [min(max(part, 0), _HIGHEST) for part in key]
        if self.kind == "number":
            return parts[0]
        first = str(min(parts[0], 9)) if self.name == "queued" else f"{parts[0]:015d}"
        return f"{first}:{parts[1]:015d}"


_INDEXES = {
    Stream.PROCESSING: _Index("processing", "lex"),
    Stream.QUEUED: _Index("queued", "lex"),
    Stream.PAUSED: _Index("paused", "number"),
    Stream.UNFINISHED: _Index("unfinished", "number"),
    Stream.EVERY: _Index("jobs", "number"),
    Stream.COMPLETED: _Index("finished:completed", "lex"),
    Stream.PARTIAL: _Index("finished:partial", "lex"),
    Stream.FAILED: _Index("finished:failed", "lex"),
    Stream.CANCELLED: _Index("finished:cancelled", "lex"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A job as it was read, with what the workers said then."""

    seen: Snapshot
    overlay: Overlay


class Lists:
    """Lists of jobs, read again and again: the rows that stayed the same are not made into records anew."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._seen = Recent[tuple[Sequence[Any], int], Snapshot]()
        self._records = Recent[Snapshot, JobRecord]()

    async def page(self, query: JobQuery) -> JobPage:
        """Return one page of jobs (`Store.jobs`)."""
        cursor = read_jobs(query)
        found: list[_Row] = []
        looked_at = 0
        for number, segment in enumerate(segments(query)):
            if number < cursor.segment or not segment.holds(query):
                continue
            behind = cursor.key if number == cursor.segment else ()
            async for row in self._merged(segment, behind, query.limit + 1):
                if len(found) == query.limit or looked_at == SCAN:
                    return self._page(found, write_jobs(query, number, behind))
                looked_at += 1
                behind = segment.key(row.seen.task)
                if fits(query, row.seen.task):
                    found.append(row)
        return self._page(found, None)

    def _page(self, rows: Sequence[_Row], following: str | None) -> JobPage:
        return JobPage(tuple(map(self._record, rows)), following)

    def _record(self, row: _Row) -> JobRecord:
        def make(seen: Snapshot) -> JobRecord:
            return record(seen, row.overlay, seen.task, SHORT_LIST)

        task = row.seen.task
        if task.is_album or task.state == State.ACTIVE:  # workers tell more of them than the row
            return make(row.seen)
        return self._records.of(task.seq, row.seen, make)

    async def _merged(self, segment: Segment, after: tuple[int, ...], wanted: int) -> AsyncIterator[_Row]:
        """The rows of all streams of a segment in its order."""
        streams = [self._stream(_INDEXES[stream], segment, after, wanted) for stream in segment.streams]
        heads = [(stream, row) for stream in streams if (row := await anext(stream, None)) is not None]
        while heads:
            choose = max if segment.descending else min
            place = choose(range(len(heads)), key=lambda at: segment.key(heads[at][1].seen.task))
            stream, row = heads[place]
            yield row
            following = await anext(stream, None)
            if following is None:
                del heads[place]
            else:
                heads[place] = (stream, following)

    async def _stream(
        self, index: _Index, segment: Segment, after: tuple[int, ...], wanted: int
    ) -> AsyncIterator[_Row]:
        """The rows of one index behind a key: those *wanted* at once, and more where a filter lets few pass."""
        behind = index.behind(after)
        direction = "down" if segment.descending else "up"
        while True:
            count = min(wanted if wanted > 0 else PAGE, PAGE)
            words = ("jobs", index.name, index.kind, direction, behind, count)
            rows, last, looked_at = await self._desk.read(self._rows, *words)
            for row in rows:
                yield row
            if looked_at < count:
                return
            behind = last
            wanted -= count

    def _rows(self, reply: Sequence[Any], moment: Moment) -> tuple[list[_Row], str, int]:
        """Some rows, where the last of them stands, and how many were looked at."""
        overlay = overlay_of(reply[0])
        rows = [_Row(self._seen.of(seq, (seen, moment.shift), _snapshot), overlay) for seq, seen in reply[3:]]
        return rows, reply[1], int(reply[2])


def _snapshot(row: tuple[Sequence[Any], int]) -> Snapshot:
    return Snapshot(*row)
