"""What readers ask: one job, lists, tracks, counts, metrics, workers. Nothing here changes anything."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

from tonearm.errors import FailureCode, Invalid, NotFound, RefusalCode
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
    WorkerReport,
)
from tonearm.store.base import LONG_LIST, PAGE, SHORT_LIST
from tonearm.store.overlay import Overlay
from tonearm.store.records import progress_of, publications, record
from tonearm.store.sqlite import listing, tombstones
from tonearm.store.sqlite.actions import find, known
from tonearm.store.sqlite.unit import Unit
from tonearm.store.sqlite.upkeep import WORKER_AGE_MS

_FAILURE = "failure:"


def job(unit: Unit, overlay: Overlay, job_id: str) -> JobRecord:
    """Return one job whole (`Store.job`)."""
    task = known(unit, job_id)
    if task is not None:
        return record(unit, overlay, task, LONG_LIST, whole=True)
    gone = tombstones.read(unit, job_id)
    if gone is None:
        raise NotFound(job_id)
    return gone


def jobs(unit: Unit, overlay: Overlay, query: JobQuery) -> JobPage:
    """Return one page of jobs (`Store.jobs`)."""
    tasks, following = listing.page(unit, query)
    return JobPage(tuple(record(unit, overlay, task, SHORT_LIST) for task in tasks), following)


def tracks(unit: Unit, overlay: Overlay, job_id: str, limit: int, cursor: str | None) -> TrackPage:
    """Return one page of an album's tracks (`Store.tracks`)."""
    album = find(unit, job_id)
    after = 0 if cursor is None else _position(cursor)
    if not album.resolved:
        return TrackPage(())
    page = progress_of(unit, overlay, album, after, limit)
    end = after + len(page)
    return TrackPage(page, _track_cursor(end) if page and end < album.track_count else None)


def files(unit: Unit, job_id: str, cursor: str | None) -> FilePage:
    """Return one page of what a job has published (`Store.files`)."""
    job = find(unit, job_id)
    after = 0 if cursor is None else _position(cursor)
    if not job.is_album:
        return FilePage(publications([job] if job.state == State.COMPLETED and not after else []))
    arrived = unit.tracks(job, State.COMPLETED, PAGE, after)
    return FilePage(publications(arrived), _track_cursor(arrived[-1].position or 0) if len(arrived) == PAGE else None)


def _track_cursor(position: int) -> str:
    return base64.urlsafe_b64encode(b"track:%d" % position).decode()


def _position(cursor: str) -> int:
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor.encode("ascii")).partition(b":")
    except (binascii.Error, UnicodeEncodeError):
        kind, number = b"", b""
    if kind != b"track" or not number.isdigit() or len(number) > len(str(2**31)):
        raise Invalid(RefusalCode.INVALID_CURSOR, "This cursor is not one of this list.", "cursor")
    return int(number)


def _counters(unit: Unit) -> dict[str, int]:
    return dict(unit.all("SELECT name, value FROM counter"))


def counts(unit: Unit) -> Counts:
    """Return the jobs by status (`Store.counts`)."""
    prefix = "status:"
    known = _counters(unit)
    return Counts(**{name.removeprefix(prefix): value for name, value in known.items() if name.startswith(prefix)})


def oldest(unit: Unit) -> int | None:
    """Return when the oldest unfinished job was submitted (`Store.oldest`)."""
    row = unit.one("SELECT created_at FROM task WHERE parent IS NULL AND finished_at IS NULL ORDER BY seq LIMIT 1")
    return None if row is None else int(row[0]) + unit.shift


def metrics(unit: Unit) -> Metrics:
    """Return sums and averages over the jobs that have a record (`Store.metrics`).

    The success rate is that of the jobs that completed or failed; durations are theirs too, from start to end.
    """
    known = _counters(unit)
    total = counts(unit).total
    completed = known.get("status:completed", 0)
    decided = completed + known.get("status:failed", 0)
    timed = known.get("timed", 0)
    return Metrics(
        avg_success_rate=100 * completed / decided if decided else 0.0,
        avg_retry_count=known.get("retries", 0) / total if total else 0.0,
        total_download_ms=known.get("download_ms", 0),
        avg_job_duration_ms=known.get("duration_ms", 0) / timed if timed else 0.0,
        failure_by_code={
            FailureCode(name.removeprefix(_FAILURE)): value
            for name, value in known.items()
            if name.startswith(_FAILURE) and value
        },
    )


def workers(unit: Unit, overlay: Overlay, dead_ms: int) -> tuple[WorkerRecord, ...]:
    """Return the workers of the last 24 h (`Store.workers`); after a silence of *dead_ms* one is dead."""
    rows = unit.all(
        "SELECT id, host, started_at, last_heartbeat, max_concurrent FROM worker WHERE last_heartbeat > ? "
        "ORDER BY last_heartbeat DESC LIMIT ?",
        *(unit.now - WORKER_AGE_MS, PAGE),
    )
    found = []
    for name, host, started_at, last_heartbeat, max_concurrent in rows:
        alive = unit.now - last_heartbeat < dead_ms
        record = WorkerRecord(
            id=name,
            host=host,
            alive=alive,
            started_at=started_at + unit.shift,
            last_heartbeat=last_heartbeat + unit.shift,
            active_downloads=0,
            max_concurrent=max_concurrent,
        )
        said = overlay.worker(name) if alive else None
        found.append(record if said is None else _with_report(unit, record, said))
    return tuple(sorted(found, key=lambda worker: worker.id))


def _with_report(unit: Unit, worker: WorkerRecord, said: WorkerReport) -> WorkerRecord:
    return replace(
        worker,
        active_downloads=said.active_downloads,
        max_concurrent=said.max_concurrent,
        resting=tuple(
            replace(host, until_ms=host.until_ms + unit.shift) for host in said.resting if host.until_ms > unit.now
        ),
        holding=said.holding,
        disk_free=said.disk_free,
        disk_min=said.disk_min,
    )
