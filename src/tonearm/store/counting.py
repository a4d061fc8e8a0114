"""Counting: turns in the life of jobs, as the metrics count them; the same for every engine.

An engine notes a turn where it changes the record, and counts it when that change is there for good. So the end of a
job is counted once, by the process whose call brought it about, and an album's too, whoever settled its last track.
What a track of an album goes through is no turn of the job.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from tonearm import metrics
from tonearm.errors import FailureCode
from tonearm.model import AlbumOutcome, JobType, State
from tonearm.store.task import Task


class What(StrEnum):
    """A turn in the life of a job."""

    STARTED = "started"
    """Claimed for the first time."""
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Or deleted before its end."""
    RETRIED = "retried"
    """Finished, and begun again."""


class Turn(NamedTuple):
    """A turn of one job. *ms*: of a start how long it waited, of an end how long it took; None where nobody knows."""

    what: What
    type: JobType
    code: FailureCode | None = None
    ms: int | None = None


def turn_of(job: Task, before: State, epoch: int) -> Turn | None:
    """What became of a job that was in state *before*, with this *epoch*; None: nothing that is counted."""
    kind, after = JobType(job.type), State(job.state)
    if before.final and not after.final:
        return Turn(What.RETRIED, kind)
    if after.final and not before.final:
        what = What.PARTIAL if job.outcome == AlbumOutcome.PARTIAL else What(after)
        code = FailureCode(job.failure_code) if after is State.FAILED and job.failure_code else None
        return Turn(what, kind, code, _between(job.started_at, job.finished_at))
    if after is State.ACTIVE and epoch == 0:
        return Turn(What.STARTED, kind, None, _between(job.created_at, job.started_at))
    return None


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start


def read(text: str) -> Turn:
    """Read what a script says of a turn: what, type, code or `-`, milliseconds or `-`."""
    what, kind, code, ms = text.split(" ")
    return Turn(What(what), JobType(kind), None if code == "-" else FailureCode(code), None if ms == "-" else int(ms))


def count(turn: Turn) -> None:
    """Count a turn that is in the store for good."""
    _count(turn)
    if turn.ms is None or turn.what is What.CANCELLED:
        return
    spans = metrics.JOB_WAIT_SECONDS if turn.what is What.STARTED else metrics.JOB_SECONDS
    spans[turn.type].observe(max(0, turn.ms) / 1_000)


def _count(turn: Turn) -> None:
    match turn.what:
        case What.COMPLETED:
            metrics.JOBS_COMPLETED[turn.type].inc()
        case What.PARTIAL:
            metrics.JOBS_PARTIAL.inc()
        case What.FAILED:
            metrics.JOBS_FAILED[turn.code or FailureCode.INTERNAL].inc()
        case What.CANCELLED:
            metrics.JOBS_CANCELLED.inc()
        case What.RETRIED:
            metrics.JOBS_RETRIED.inc()
        case What.STARTED:
            pass
