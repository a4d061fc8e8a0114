"""Records: jobs, workers, counts and events as readers see them. Times are wall milliseconds, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from tonearm.errors import FailureCode
from tonearm.model.claims import Phase, Publication, RestingHost, TaskKind
from tonearm.model.jobs import AlbumOutcome, JobSpec, JobType, Priority, State, Status


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a job's own story. *at*: wall milliseconds."""

    at: int
    event: str
    attempt: int | None = None
    code: FailureCode | None = None
    message: str | None = None
    worker: str | None = None


@dataclass(frozen=True, slots=True)
class FailedTrack:
    """A track of an album that did not arrive."""

    track_id: int
    track_title: str
    error: str
    code: FailureCode
    attempts: int


@dataclass(frozen=True, slots=True)
class TrackProgress:
    """One track of an album for people: pending, downloading, completed or failed; progress 0 to 1."""

    track_id: int
    track_title: str
    status: str
    progress: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as readers see it. Times are wall milliseconds, sizes bytes, speed bytes per second."""

    id: str
    spec: JobSpec
    client: str
    state: State
    priority: Priority
    created_at: int
    updated_at: int
    max_retries: int
    retry_count: int = 0
    """Of an album: the sum of its tracks'."""
    started_at: int | None = None
    completed_at: int | None = None
    next_retry_at: int | None = None
    error: str | None = None
    """Why it failed, or which tracks a partial album misses."""
    last_error: str | None = None
    """What the newest unsuccessful attempt said, whatever came after."""
    failure_code: FailureCode | None = None
    cancel_requested: bool = False
    pause_requested: bool = False
    bytes_downloaded: int = 0
    bytes_total: int | None = None
    speed: float | None = None
    download_ms: int | None = None
    size: int | None = None
    """Bytes of the published files."""
    files: tuple[str, ...] = ()
    file_count: int = 0
    warnings: tuple[str, ...] = ()
    progress: float = 0.0
    # albums
    track_count: int = 0
    completed_tracks: int = 0
    failed_count: int = 0
    outcome: AlbumOutcome | None = None
    failed_tracks: tuple[FailedTrack, ...] = ()
    # only in the answer to one id
    track_progress: tuple[TrackProgress, ...] = ()
    history: tuple[HistoryEntry, ...] = ()


class JobOrder(StrEnum):
    """The orders of a list of jobs, by their names on the wire."""

    QUEUE = "queue"
    CREATED = "created"
    CREATED_DESC = "-created"
    COMPLETED = "completed"
    COMPLETED_DESC = "-completed"


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs, in which order, from where. *text* is looked for in titles, artist and id, without regard to case.

    *outcome* asks for completed jobs alone: those that miss nothing, or the albums that miss tracks.
    """

    status: Status | None = None
    outcome: AlbumOutcome | None = None
    type: JobType | None = None
    client: str | None = None
    text: str | None = None
    order: JobOrder = JobOrder.QUEUE
    limit: int = 200
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of jobs; *next* is the cursor of the following one, None at the end."""

    jobs: tuple[JobRecord, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class TrackPage:
    """One page of an album's tracks in the album's order."""

    tracks: tuple[TrackProgress, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class FilePage:
    """One page of what a job has published, in the album's order; *next* is the cursor of the following page."""

    files: tuple[Publication, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Jobs by status, from cardinalities."""

    queued: int = 0
    processing: int = 0
    paused: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All jobs that have a record."""
        return self.queued + self.processing + self.paused + self.completed + self.failed + self.cancelled

    @property
    def unfinished(self) -> int:
        """Jobs that are not final."""
        return self.queued + self.processing + self.paused


@dataclass(frozen=True, slots=True)
class Metrics:
    """Sums over the jobs that have a record; times in milliseconds, rates 0-100."""

    avg_success_rate: float = 0.0
    avg_retry_count: float = 0.0
    total_download_ms: int = 0
    avg_job_duration_ms: float = 0.0
    failure_by_code: dict[FailureCode, int] = field(default_factory=dict[FailureCode, int])


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """A task that a worker holds. *since*: wall milliseconds of its claim; progress 0 to 1, speed bytes per second."""

    task_id: str
    job_id: str
    kind: TaskKind
    since: int
    phase: Phase
    progress: float
    speed: float = 0.0
    title: str | None = None
    album: str | None = None
    catalog_id: int | None = None
    bytes_done: int = 0


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker as the store knows it. Times are wall milliseconds; *alive*: its last sign of life is recent enough.

    From *active_downloads* on it is what a living one said last (`WorkerReport`), without hosts whose rest is over. One
    that is cut off or frozen may still name *tasks* that another one has claimed since.
    """

    id: str
    host: str
    alive: bool
    started_at: int
    last_heartbeat: int
    active_downloads: int
    max_concurrent: int
    resting: tuple[RestingHost, ...] = ()
    holding: str | None = None
    disk_free: int | None = None
    disk_min: int | None = None
    tasks: tuple[WorkerTask, ...] = ()


class EventKind(StrEnum):
    """What the feed tells: a job changed, or is gone."""

    JOB = "job"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Event:
    """One change, in order. *id* is opaque; give it back to go on after it."""

    id: str
    kind: EventKind
    job_id: str


@dataclass(frozen=True, slots=True)
class Feed:
    """Events after a given one. *resync*: that one is too old or unknown, and what came between is not told."""

    events: tuple[Event, ...]
    last: str
    resync: bool = False


@dataclass(frozen=True, slots=True)
class Swept:
    """What one bounded sweep did. *more*: there is more to do at once."""

    recovered: int = 0
    crashed: int = 0
    children: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished jobs keep their record, milliseconds; partial albums count as failed."""

    completed_ms: int
    failed_ms: int
    cancelled_ms: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many records one bounded prune removed. *more*: there are more to remove."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    more: bool = False

    def __add__(self, other: Pruned) -> Pruned:
        """The sum; there is more if either says so."""
        return Pruned(
            self.completed + other.completed,
            self.failed + other.failed,
            self.cancelled + other.cancelled,
            self.more or other.more,
        )
