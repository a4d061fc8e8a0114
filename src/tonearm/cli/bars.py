"""Bars: jobs and the tracks on the line as moving bars on stderr, with rich.

A job has one bar; below it stands one for each track that is being downloaded now. When the drawing ends, the results
of the finished jobs are said on stdout.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn
from rich.table import Column

from tonearm.cli.following import say, say_removed
from tonearm.cli.terminal import KEPT_FREE, clean
from tonearm.cli.wording import percent, size, span, title
from tonearm.client import Job, Track
from tonearm.model import JobType

_TRACKS_SHOWN = 8
"""Tracks of one job drawn at a time; a worker transfers four by default."""


class Bars:
    """A picture of several jobs. *console* is where it is drawn: stderr."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = _GroupedProgress(
            TextColumn(
                "{task.description}", markup=False, table_column=Column(ratio=3, no_wrap=True, overflow="ellipsis")
            ),
            BarColumn(bar_width=None, table_column=Column(ratio=2)),
            TextColumn("{task.fields[note]}", markup=False, table_column=Column(ratio=2, no_wrap=True)),
            console=console or Console(stderr=True),
            expand=True,
        )
        self._rows: dict[tuple[str, int], TaskID] = {}
        self._jobs: dict[str, Job | None] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        for job_id, job in self._jobs.items():
            if job is None:
                say_removed(job_id)
            elif job.finished:
                say(job)

    def show(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._draw((job.id, 0), title(job), job.progress, _job_note(job))
        moving = [track for track in job.track_progress or () if track.status == "downloading"][:_TRACKS_SHOWN]
        shown = {(job.id, track.track_id) for track in moving}
        for key in [key for key in self._rows if key[0] == job.id and key[1] and key not in shown]:
            self._progress.remove_task(self._rows.pop(key))
        for track in moving:
            self._draw((job.id, track.track_id), f"  {_name(track)}", track.progress, percent(track.progress))

    def removed(self, job_id: str) -> None:
        self._jobs[job_id] = None
        for key in [key for key in self._rows if key[0] == job_id]:
            self._progress.remove_task(self._rows.pop(key))

    def _draw(self, key: tuple[str, int], description: str, share: float, note: str) -> None:
        words = clean(description)
        if key in self._rows:
            self._progress.update(self._rows[key], description=words, completed=share, note=clean(note))
        else:
            order = list(self._jobs).index(key[0])
            self._rows[key] = self._progress.add_task(words, total=1.0, note=clean(note), order=order)
            self._progress.update(self._rows[key], completed=share)


class _GroupedProgress(Progress):
    """A progress display whose rows stand job by job, whenever they were added."""

    def get_renderables(self) -> Iterable[RenderableType]:
        rows: list[Task] = sorted(self.tasks, key=lambda task: (task.fields["order"], task.id))
        yield _Narrowed(self.make_tasks_table(rows))


@dataclass(frozen=True)
class _Narrowed:
    """A table that leaves the last columns of the terminal free, however wide that is at the moment."""

    table: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.table, options.update_width(max(1, options.max_width - KEPT_FREE)))


def _name(track: Track) -> str:
    return track.track_title or str(track.track_id)


def _job_note(job: Job) -> str:
    parts = [str(job.status) if job.status != "processing" else percent(job.progress)]
    if job.job_type is JobType.ALBUM and job.track_count:
        parts.append(f"{job.completed_tracks or 0}/{job.track_count}")
    if job.failed_count:
        parts.append(f"{job.failed_count} failed")
    if job.speed_bytes_per_second and not job.finished:
        parts.append(f"{size(job.speed_bytes_per_second)}/s")
    if job.eta_seconds and not job.finished:
        parts.append(span(job.eta_seconds))
    return "  ".join(parts)
