"""`tonearm list`: the jobs of the server, as a table on a terminal, as lines elsewhere."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from tonearm.cli.options import Json, OfType, Server, connect, one_of, whole
from tonearm.cli.terminal import clean, out
from tonearm.cli.wording import holdups, percent, title
from tonearm.client import Job, Stats
from tonearm.model import AlbumOutcome, JobType, Status

PAGE = 200
"""Jobs asked for at a time."""

MOST = 1_000_000
"""The largest `--limit`."""


def list_jobs(
    *,
    status: Annotated[
        Status | None, one_of(Status, "--status", metavar="STATUS", says="Only jobs of this status.")
    ] = None,
    outcome: Annotated[
        AlbumOutcome | None,
        one_of(AlbumOutcome, "--outcome", says="Only completed jobs: whole ones, or albums that miss tracks."),
    ] = None,
    job_type: OfType = None,
    text: Annotated[str | None, typer.Option("--text", help="Only jobs with this in title, artist or id.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="NUMBER", parser=whole(1, MOST), help="At most so many jobs.")
    ] = PAGE,
    server: Server = None,
    json: Json = False,
) -> None:
    """List the jobs of the server.

    Running ones come first, then those that wait in their order, then the latest finished.
    """
    out.json = json
    with connect(server) as client:
        jobs = client.jobs(status=status, outcome=outcome, job_type=job_type, text=text, page_size=min(limit + 1, PAGE))
        found = list(islice(jobs, limit + 1))
        waiting = any(job.status in (Status.QUEUED, Status.PROCESSING) for job in found)
        stats = client.stats() if not found or (waiting and not json) else None
    for job in found[:limit]:
        out.document(job.as_json())
    if not out.json:
        _show(found[:limit])
    _note(found, limit, stats)


def _note(found: list[Job], limit: int, stats: Stats | None) -> None:
    """Say what the list does not: that there is nothing, or more, that it is not all, and why jobs wait."""
    warning = None if stats is None else stats.warning
    if warning is not None:
        out.note(warning)
    elif not found:
        out.note("No jobs. Queue one: tonearm add album ID")
    if len(found) > limit:
        out.note(f"There are more; the first {limit} are shown (--limit).")
    for reason in holdups(stats.worker) if stats is not None and found else []:
        out.note(reason)


def _show(jobs: list[Job]) -> None:
    if jobs and out.tabulates():
        _draw(jobs)
        return
    for job in jobs:
        out.line("  ".join((job.id, f"{job.status:<10}", f"{_done(job):>5}", f"{job.job.quality:<8}", title(job))))


def _draw(jobs: list[Job]) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich is loaded only where it draws
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("JOB", "STATUS", "DONE", "QUALITY"):
        table.add_column(name, no_wrap=True)
    table.add_column("TITLE")  # the one that gives way; its cells are cut, not wrapped
    for job in jobs:
        status = Text(job.status, style=_STYLES.get(job.status, "") if job.whole or not job.outcome else "yellow")
        table.add_row(
            job.id, status, _done(job), str(job.job.quality), Text(clean(title(job)), no_wrap=True, overflow="ellipsis")
        )
    Console().print(table)


_STYLES = {
    Status.PROCESSING: "cyan",
    Status.PAUSED: "yellow",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "dim",
}


def _done(job: Job) -> str:
    """How far a job is: tracks of an album, else percent."""
    if job.job_type is JobType.ALBUM and job.track_count:
        return f"{job.completed_tracks or 0}/{job.track_count}"
    return percent(job.progress)
