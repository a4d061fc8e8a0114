"""`tonearm show`: one job as a page to read: where it stands, its files, its tracks, its story, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from tonearm.cli.options import JobId, Json, Server, connect
from tonearm.cli.terminal import out
from tonearm.cli.wording import hint, moment, outcome, percent, size, span, title, troubles
from tonearm.client import HistoryEntry, Job, Track
from tonearm.model import Status

MOST_LINES = 200
"""Files and tracks shown of one job; `--json` has them all."""


def show(job: JobId, *, server: Server = None, json: Json = False) -> None:
    """Show one job, and what to do if something failed.

    Its tracks, its files and its history stand below.
    """
    out.json = json
    with connect(server) as client:
        record = client.job(job)
        waiting = not json and record.status in (Status.QUEUED, Status.PROCESSING)
        reason = client.stats().worker.holding if waiting else None
    out.document(record.as_json())
    for line in _page(record, reason):
        out.line(line)


def _page(job: Job, reason: str | None) -> Iterator[str]:
    yield title(job)
    yield ""
    for name, value in _facts(job, reason):
        yield f"  {name:<10}{value}"
    yield from _section("What to do", [f"  {line}" for line in (hint(job), *troubles(job)) if line])
    yield from _section("Tracks", [_track_line(track) for track in job.track_progress or ()])
    yield from _section("Files", [f"  {name}" for name in job.files])
    yield from _section("History", [_history_line(entry) for entry in job.history or ()])


def _facts(job: Job, reason: str | None) -> Iterator[tuple[str, str]]:
    yield "job", job.id
    yield "wanted", f"{job.job.type} {job.job.catalog_id}, {job.job.quality}, priority {job.priority}"
    yield "status", outcome(job)
    if reason:
        yield "waits", reason
    if not job.finished:
        yield "progress", _progress(job)
    if job.error:
        yield "error", job.error + (f" ({job.failure_code})" if job.failure_code else "")
    elif job.last_error:
        yield "last error", job.last_error
    for warning in job.warnings or ():
        yield "warning", warning
    if job.retry_count:
        yield "repeated", f"{job.retry_count} of {job.max_retries}" if not job.track_count else str(job.retry_count)
    if job.file_size is not None:
        yield "size", size(job.file_size)
    yield "client", job.client
    yield "created", moment(job.created_at)
    if job.started_at:
        yield "started", moment(job.started_at)
    if job.completed_at:
        took = f" (after {span((job.completed_at - job.started_at) / 1000)})" if job.started_at else ""
        yield "finished", moment(job.completed_at) + took


def _progress(job: Job) -> str:
    words = f"{percent(job.progress)}, {size(job.bytes_downloaded)}"
    if job.bytes_total:
        words += f" of {size(job.bytes_total)}"
    if job.speed_bytes_per_second:
        words += f", {size(job.speed_bytes_per_second)}/s"
    return words


def _section(name: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield name
        yield from islice(lines, MOST_LINES)
        if len(lines) > MOST_LINES:
            yield f"  and {len(lines) - MOST_LINES} more (--json shows all)"


def _track_line(track: Track) -> str:
    done = percent(track.progress) if track.status == "downloading" else ""
    words = f"  {track.status:<12}{done:>4}  {track.track_title or track.track_id}"
    return f"{words}: {track.error}" if track.error else words


def _history_line(entry: HistoryEntry) -> str:
    words = f"  {moment(entry.at)}  {entry.event}"
    if entry.attempt:
        words += f", attempt {entry.attempt}"
    if entry.message and entry.message != entry.event:
        words += f": {entry.message}"
    return f"{words} ({entry.code})" if entry.code else words
