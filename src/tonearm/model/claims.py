"""Claims: what a worker holds while it works on a task, what it says meanwhile, and how an attempt ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from tonearm.errors import FailureCode
from tonearm.model.catalog import AlbumInfo
from tonearm.model.control import UNSTEERED, Control
from tonearm.model.jobs import JobSpec


class Phase(IntEnum):
    """How far a claim has come; a later phase is progress."""

    CLAIMED = 0
    TRANSFER = 1
    VERIFY = 2
    PUBLISH = 3


class TaskKind(StrEnum):
    """What a claim asks of its worker."""

    TRACK = "track"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class StageRef:
    """The private folder of one attempt: `<stage>/<worker>/<task>.<epoch>/`."""

    worker: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Publication:
    """What the commit point records: from here on cancel is too late, and a later holder can find the file.

    *path* is relative to the library, *inode* that of the staged file (a link or rename keeps it), sizes in bytes.
    """

    path: str
    size: int
    inode: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one task until its lease ends. Every write of the worker presents *token*."""

    task_id: str
    job_id: str
    """The job it belongs to: the same as *task_id*, but for a track of an album."""
    kind: TaskKind
    token: str
    """`epoch:random`, compared whole."""
    epoch: int
    worker: str
    client: str
    spec: JobSpec
    """For a track of an album: type track, with the track's own catalog id and title."""
    retry_count: int
    max_retries: int
    corrupt_count: int
    """Attempts that ended with an integrity failure."""
    suspect: bool
    """Two stalls in a row: it runs alone."""
    album: AlbumInfo | None = None
    position: int | None = None
    """Place in the album's track list, from 1."""
    previous: StageRef | None = None
    """The stage of the claim before, whose bytes may be adopted."""
    reserved: str | None = None
    """The name that an earlier claim reserved, relative to the library, without extension."""
    publication: Publication | None = None
    """What an earlier claim committed to publish and may have published."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """How much a worker can take: *tracks* transfer tasks and *albums* to resolve, for *lease_ms* milliseconds.

    *client_max*: transfer tasks of one client that may be claimed at a time, by all workers together; *client_bytes*:
    bytes that a client may have received in the last 24 hours to get another task; 0: no limit. What a client's key has
    of its own holds instead of them.
    """

    worker: str
    tracks: int
    albums: int
    lease_ms: int
    client_max: int = 0
    client_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Claimed:
    """The answer to a claim request. *next_due_ms*: milliseconds until a delayed task becomes due, None if there is
    none.
    """

    claims: tuple[Claim, ...] = ()
    next_due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a claim has come: its phase, bytes of this file on disk, and the announced size (None: unknown).

    *received*: media bytes that this claim has brought over the line so far, however often it began anew; what an
    earlier claim left on disk is not among them.
    """

    phase: Phase
    bytes_done: int = 0
    bytes_total: int | None = None
    received: int = 0


@dataclass(frozen=True, slots=True)
class Flags:
    """What a poll says of one's claims (task ids), and which stages of this worker, or of a dead one, nobody wants."""

    cancel: frozenset[str] = frozenset()
    pause: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    discard: tuple[tuple[str, int], ...] = ()
    """(task id, epoch) of stages to remove and then confirm with `discarded`."""
    control: Control = UNSTEERED
    """How people steer the queue now."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One running task, for people: where it stands, bytes per second, and what it is about."""

    task_id: str
    token: str
    mark: Mark
    speed: float = 0.0
    job_id: str = ""
    kind: TaskKind = TaskKind.TRACK
    title: str | None = None
    """Of the track; of an album that is resolved, none."""
    album: str | None = None
    catalog_id: int | None = None
    """Of the track or the album; None from a worker of an older version."""
    since_ms: int = 0
    """When it was claimed: in a report milliseconds ago, as the store keeps it store milliseconds."""


class Reserved(StrEnum):
    """What became of the wish for a library name."""

    OWN = "own"
    """It is the task's."""
    TAKEN = "taken"
    """It is another task's; take another name."""
    LEAVING = "leaving"
    """A task that is over has it for the moment in which it still publishes; ask again."""


class RestKind(StrEnum):
    """Why a host is left alone."""

    UNREACHABLE = "unreachable"
    """Connections to it fail, one after the other."""
    RETRY_AFTER = "retry_after"
    """It asked for the time itself."""


@dataclass(frozen=True, slots=True)
class RestingHost:
    """A host (`host:port`) that gets no request until *until_ms*: in a report milliseconds from now, in a record
    wall milliseconds.
    """

    host: str
    until_ms: int
    kind: RestKind


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """A worker about itself: running transfers (slots in use), its limit, and the progress of its tasks."""

    worker: str
    active_downloads: int
    max_concurrent: int
    transfers: tuple[Transfer, ...] = ()
    resting: tuple[RestingHost, ...] = ()
    holding: str | None = None
    """Why it claims nothing at present, a sentence for people; None: it claims."""
    disk_free: int | None = None
    """Bytes free on the volume of its stage and library; None: not looked at."""
    disk_min: int | None = None
    """Bytes that have to stay free there."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A code of the closed list and a text for people."""

    code: FailureCode
    message: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The file is in the library. *size* in bytes, *download_ms* milliseconds on the line, warnings for people."""

    files: tuple[str, ...]
    size: int
    download_ms: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """No further attempt."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Retry:
    """Another attempt *delay_ms* milliseconds from now; costs one of the retries."""

    failure: Failure
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Released:
    """Given back without cost, to be claimed again in *delay_ms* milliseconds; *reason* goes into the history."""

    reason: str
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The worker honoured a cancel: it stopped, and the stage is gone."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The worker honoured a pause: it stopped, and the stage is kept."""


Outcome = Completed | Failed | Retry | Released | Cancelled | Paused
