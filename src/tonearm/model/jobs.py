"""Jobs: what clients submit, the states it passes through, and the words people see for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_CATALOG_ID = 2**31 - 1
JOB_ID = re.compile(r"job-\d+-[a-z0-9]+", re.ASCII)
HISTORY_LIMIT = 50


def job_of(task_id: str) -> str:
    """Return the id of the job that a task belongs to: its own, or that of the album of which it is a track."""
    return task_id.partition(".")[0]


class JobType(StrEnum):
    """What a job asks for."""

    TRACK = "track"
    ALBUM = "album"


class Quality(StrEnum):
    """The three qualities of the catalog contract, worst first."""

    LOW = "LOW"
    HIGH = "HIGH"
    LOSSLESS = "LOSSLESS"


class Priority(StrEnum):
    """The order inside one client; between clients it means nothing."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Status(StrEnum):
    """What people see of a state."""

    QUEUED = "queued"
    PROCESSING = "processing"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
"""The statuses that nothing but a retry leads out of."""


class State(StrEnum):
    """Where a task stands (the drawing is in docs/explain/states.md)."""

    READY = "ready"
    ACTIVE = "active"
    DELAYED = "delayed"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing but a retry leads out of it."""
        return self in _FINAL

    @property
    def status(self) -> Status:
        """The word for it on the wire."""
        return _STATUS[self]


_FINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})
_STATUS = {
    State.READY: Status.QUEUED,
    State.DELAYED: Status.QUEUED,
    State.ACTIVE: Status.PROCESSING,
    State.WAITING: Status.PROCESSING,
    State.PAUSED: Status.PAUSED,
    State.COMPLETED: Status.COMPLETED,
    State.FAILED: Status.FAILED,
    State.CANCELLED: Status.CANCELLED,
}


class AlbumOutcome(StrEnum):
    """How complete a completed album is."""

    OK = "ok"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What is to be brought: a track or album of the catalog in one quality. Titles are hints for people."""

    type: JobType
    catalog_id: int
    quality: Quality
    track_title: str | None = None
    album_title: str | None = None
    artist_name: str | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What makes a request one that can be said again. *key* is the client's, 1 to 255 printable ASCII characters.

    *digest* is that of all that the request says, 64 characters: another one under the same key is a mistake.
    """

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A job on its way into the store. *id* is chosen by the caller, so that saying it again is harmless."""

    id: str
    client: str
    spec: JobSpec
    priority: Priority = Priority.NORMAL
    max_retries: int = 3
    check_duplicate: bool = True
    start_paused: bool = False
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class SubmitLimits:
    """What `submit` enforces; 0 means no limit. Counts are jobs; *rate_per_minute* counts submissions of one client,
    *client_bytes* what its transfers received in 24 hours.
    """

    rate_per_minute: int = 0
    client_unfinished: int = 0
    queue_unfinished: int = 0
    client_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to one submission: the job it became, or the unfinished one that it repeats."""

    job_id: str
    duplicate: bool = False
    source: str | None = None
    """Where it lies, if a store made of several took it in another one than usual; with what people should know."""
    warning: str | None = None
