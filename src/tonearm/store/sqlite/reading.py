"""What readers ask: one job, lists, tracks, counts, metrics, workers. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tonearm.errors import NotFound
from tonearm.model import (
    Counts,
    FilePage,
    JobPage,
    JobQuery,
    JobRecord,
    Metrics,
    State,
    TrackPage,
    WorkerRecord,
)
from tonearm.store import figures
from tonearm.store.base import LONG_LIST, PAGE, SHORT_LIST, WORKER_AGE_MS
from tonearm.store.overlay import Overlay
from tonearm.store.recent import Recent
from tonearm.store.records import file_page, record, track_page
from tonearm.store.sqlite import listing, tombstones
from tonearm.store.sqlite.actions import find, known
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task


def job(unit: Unit, overlay: Overlay, job_id: str, *, whole: bool) -> JobRecord:
    """Return one job, *whole* or as in lists (`Store.job`)."""
    task = known(unit, job_id)
    if task is not None:
        return record(unit, overlay, task, LONG_LIST if whole else SHORT_LIST, whole=whole)
    gone = tombstones.read(unit, job_id)
    if gone is None:
        raise NotFound(job_id)
    return gone


class Lists:
    """Lists of jobs, read again and again: the rows that stayed the same are not made into records anew."""

    def __init__(self) -> None:
        self._tasks = listing.Tasks()
        self._records = Recent[tuple[Task, int], JobRecord]()

    def page(self, unit: Unit, overlay: Overlay, query: JobQuery) -> JobPage:
        """Return one page of jobs (`Store.jobs`)."""
        tasks, following = listing.page(unit, self._tasks, query)
        return JobPage(tuple(self._record(unit, overlay, task) for task in tasks), following)

    def _record(self, unit: Unit, overlay: Overlay, task: Task) -> JobRecord:
        def make(_: tuple[Task, int]) -> JobRecord:
            return record(unit, overlay, task, SHORT_LIST)

        if task.is_album or task.state == State.ACTIVE:  # more than the row tells of them
            return make((task, unit.shift))
        return self._records.of(task.seq, (task, unit.shift), make)


def tracks(unit: Unit, overlay: Overlay, job_id: str, limit: int, cursor: str | None) -> TrackPage:
    """Return one page of an album's tracks (`Store.tracks`)."""
    return track_page(unit, overlay, find(unit, job_id), cursor, limit)


def files(unit: Unit, job_id: str, cursor: str | None) -> FilePage:
    """Return one page of what a job has published (`Store.files`)."""
    return file_page(unit, find(unit, job_id), cursor)


_PATH = "CASE WHEN json_valid(publication) THEN publication ->> '$.path' END"
_NAMED = f"""
SELECT DISTINCT {_PATH} FROM task
WHERE publication IS NOT NULL AND {_PATH} IN (SELECT value FROM json_each(?)) AND coalesce(parent, seq) IS NOT ?
AND (parent IS NULL OR EXISTS (SELECT 1 FROM task album WHERE album.seq = task.parent))
"""  # noqa: S608 - the words are our own


def named_elsewhere(unit: Unit, job_id: str, paths: Sequence[str]) -> frozenset[str]:
    """Return which files other jobs name (`Store.named_elsewhere`)."""
    job = known(unit, job_id)
    own = None if job is None else job.seq
    return frozenset(path for (path,) in unit.all(_NAMED, msgspec.json.encode(paths).decode(), own))


def _counters(unit: Unit) -> dict[str, int]:
    return dict(unit.all("SELECT name, value FROM counter"))


def counts(unit: Unit) -> Counts:
    """Return the jobs by status (`Store.counts`)."""
    return figures.counts(_counters(unit))


def oldest(unit: Unit) -> int | None:
    """Return when the oldest unfinished job was submitted (`Store.oldest`)."""
    row = unit.one("SELECT created_at FROM task WHERE parent IS NULL AND finished_at IS NULL ORDER BY seq LIMIT 1")
    return None if row is None else int(row[0]) + unit.shift


def metrics(unit: Unit) -> Metrics:
    """Return sums and averages over the jobs that have a record (`Store.metrics`)."""
    return figures.metrics(_counters(unit))


def workers(unit: Unit, overlay: Overlay, dead_ms: int) -> tuple[WorkerRecord, ...]:
    """Return the workers of the last 24 h (`Store.workers`); after a silence of *dead_ms* one is dead."""
    rows = unit.all(
        "SELECT id, host, started_at, last_heartbeat, max_concurrent FROM worker WHERE last_heartbeat > ? "
        "ORDER BY last_heartbeat DESC LIMIT ?",
        *(unit.now - WORKER_AGE_MS, PAGE),
    )
    lives = sorted((figures.Life(*row) for row in rows), key=lambda life: life.worker)
    return tuple(
        figures.worker(life, overlay.worker(life.worker), now=unit.now, shift=unit.shift, dead_ms=dead_ms)
        for life in lives
    )
