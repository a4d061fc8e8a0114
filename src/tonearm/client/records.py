"""Records: the answers of the server as types, field by field as docs/reference/http.md names them.

Times are epoch milliseconds, sizes bytes, speeds bytes per second, progress 0 to 1. Fields that the server leaves out
are None or empty here; fields that this version does not know are passed over. Nothing here talks to a server.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tonearm.errors import FailureCode
from tonearm.model import FINISHED, AlbumOutcome, JobType, Priority, Quality, Scope, Status


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What all records share: immutable, named fields, camelCase on the wire."""

    def as_json(self) -> dict[str, Any]:
        """The record as it stood on the wire, fields without a value left out."""
        plain: dict[str, Any] = _without_none(msgspec.to_builtins(self))
        return plain


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


class Wanted(Wire, frozen=True, kw_only=True):
    """What a job asks for; `job` of the record."""

    type: JobType
    quality: Quality
    track_id: int | None = None
    album_id: int | None = None
    track_title: str | None = None
    album_title: str | None = None
    artist_name: str | None = None

    @property
    def catalog_id(self) -> int:
        """The catalog's id of the track or album."""
        return self.track_id or self.album_id or 0


class FailedTrack(Wire, frozen=True, kw_only=True):
    """A track of an album that did not arrive, and why."""

    track_id: int
    track_title: str
    error: str
    code: FailureCode
    attempts: int


class Track(Wire, frozen=True, kw_only=True):
    """One track of an album: pending, downloading, completed or failed."""

    track_id: int
    track_title: str
    status: str
    progress: float
    error: str | None = None


class HistoryEntry(Wire, frozen=True, kw_only=True):
    """One line of a job's story."""

    at: int
    event: str
    attempt: int | None = None
    code: FailureCode | None = None
    message: str | None = None
    worker: str | None = None


class Job(Wire, frozen=True, kw_only=True):
    """A job record. Lists leave out *track_progress* and *history* and shorten *files* and *failed_tracks*."""

    id: str
    job: Wanted
    job_type: JobType
    status: Status
    progress: float
    created_at: int
    last_updated_at: int
    priority: Priority
    started_at: int | None = None
    completed_at: int | None = None
    retry_count: int = 0
    max_retries: int = 0
    next_retry_at: int | None = None
    error: str | None = None
    last_error: str | None = None
    error_category: str | None = None
    failure_code: FailureCode | None = None
    cancellation_requested: bool | None = None
    pause_requested: bool | None = None
    bytes_downloaded: int = 0
    bytes_total: int | None = None
    speed_bytes_per_second: int | float | None = None
    eta_seconds: int | float | None = None
    download_time_ms: int | float | None = None
    file_size: int | None = None
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] | None = None
    client: str = ""
    track_count: int | None = None
    completed_tracks: int | None = None
    outcome: AlbumOutcome | None = None
    failed_tracks: tuple[FailedTrack, ...] | None = None
    track_progress: tuple[Track, ...] | None = None
    file_count: int | None = None
    failed_count: int | None = None
    history: tuple[HistoryEntry, ...] | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing but a retry will change it."""
        return self.status in FINISHED

    @property
    def whole(self) -> bool:
        """Whether everything that was asked for is in the library."""
        return self.status is Status.COMPLETED and self.outcome is not AlbumOutcome.PARTIAL


class Receipt(Wire, frozen=True, kw_only=True):
    """The answer to a submission. *duplicate*: an unfinished job for the same thing was there, and this is its id."""

    job_id: str
    message: str = ""
    queue_source: str = ""
    duplicate: bool = False
    warning: str | None = None


class QueueCounts(Wire, frozen=True, kw_only=True):
    """Jobs by status."""

    queued: int
    processing: int
    paused: int
    completed: int
    failed: int
    cancelled: int
    total: int


class Control(Wire, frozen=True, kw_only=True):
    """How the queue is steered: what holds, for each of *workers* worker processes; *overrides* are not the settings'.

    *bandwidth_limit*: bytes per second, 0 for none.
    """

    paused: bool
    bandwidth_limit: int
    max_concurrent: int
    overrides: tuple[str, ...] = ()
    workers: int = 0
    warning: str | None = None


class RestingHost(Wire, frozen=True, kw_only=True):
    """A host that gets no request before *until*."""

    host: str
    until: int


class WorkerFigures(Wire, frozen=True, kw_only=True):
    """The workers together: whether one lives, slots in use, their limit, and what holds them up."""

    running: bool
    active_downloads: int
    max_concurrent: int
    last_heartbeat: int | None = None
    resting: tuple[RestingHost, ...] | None = None
    holding: str | None = None


class WorkerTask(Wire, frozen=True, kw_only=True):
    """What a worker does for a job: resolving, starting, transferring, verifying or publishing, claimed at *since*."""

    job_id: str
    doing: str
    progress: float
    since: int
    track_title: str | None = None
    album_title: str | None = None
    speed_bytes_per_second: int | float | None = None


class Worker(Wire, frozen=True, kw_only=True):
    """A worker of the queue; *slots* are the transfers that it runs at a time."""

    id: str
    host: str
    alive: bool
    started_at: int
    last_heartbeat: int
    slots: int
    active_downloads: int = 0
    holding: str | None = None
    resting: tuple[RestingHost, ...] | None = None
    tasks: tuple[WorkerTask, ...] = ()


class Workers(Wire, frozen=True, kw_only=True):
    """The workers of the last 24 hours, those that live first; *timestamp*: when that was so, by the server's clock."""

    workers: tuple[Worker, ...]
    timestamp: int


class Hit(Wire, frozen=True, kw_only=True):
    """A track or an album that a search found in the catalog; *id* is what a job names it by."""

    type: JobType
    id: int
    title: str
    artist: str | None = None
    album: str | None = None
    year: int | None = None
    track_count: int | None = None
    cover_url: str | None = None


class Found(Wire, frozen=True, kw_only=True):
    """The answer to a search."""

    results: tuple[Hit, ...]


class Stats(Wire, frozen=True, kw_only=True):
    """The figures of the queue. *success* is False, with an *error*, while no worker lives."""

    success: bool
    queue: QueueCounts
    worker: WorkerFigures
    queue_source: str
    timestamp: int
    metrics: dict[str, Any] = {}
    warning: str | None = None
    error: str | None = None


class Page(Wire, frozen=True, kw_only=True):
    """What pages share: *next_cursor* asks for the following one."""

    next_cursor: str | None = None


class JobPage(Page, frozen=True, kw_only=True):
    """One page of jobs."""

    jobs: tuple[Job, ...]


class TrackPage(Page, frozen=True, kw_only=True):
    """One page of an album's tracks."""

    tracks: tuple[Track, ...]


class JobAnswer(Wire, frozen=True, kw_only=True):
    """The answer to a question for one job."""

    job: Job


class Done(Wire, frozen=True, kw_only=True):
    """The answer to an action: what the server did, in its own words."""

    job_id: str
    message: str


class KeptFile(Wire, frozen=True, kw_only=True):
    """A file of a deleted job that stayed in the library, and the reason for people."""

    path: str
    reason: str


class Deleted(Done, frozen=True, kw_only=True):
    """The answer to a deletion. Of the files, where they were to go too, the first 1,000 are named and all counted.

    *missing_count*: files that were not there any more.
    """

    removed_files: tuple[str, ...] = ()
    removed_count: int = 0
    kept_files: tuple[KeptFile, ...] = ()
    kept_count: int = 0
    missing_count: int = 0
    warning: str | None = None


class Outcome(Wire, frozen=True, kw_only=True):
    """What became of one of several: *code* and *error* are the refusal's, if it was refused."""

    success: bool
    job_id: str | None = None
    code: str | None = None
    error: str | None = None


class Outcomes(Wire, frozen=True, kw_only=True):
    """What became of each, in the order in which they were named."""

    results: tuple[Outcome, ...]


class Cleared(Wire, frozen=True, kw_only=True):
    """The answer to clearing the history: how many jobs were removed; with *more*, another call removes others."""

    message: str = ""
    removed: int = 0
    more: bool = False


class Dashboard(Stats, frozen=True, kw_only=True):
    """The figures of the queue and its first 200 jobs; *generated_at* is a moment in the form of ISO 8601."""

    jobs: tuple[Job, ...]
    generated_at: str


class Metrics(Wire, frozen=True, kw_only=True):
    """Jobs by status, and the *metrics* by their names on the wire."""

    queue: QueueCounts
    metrics: dict[str, Any]


class HealthWorker(Wire, frozen=True, kw_only=True):
    """The workers together; *error_rate*: failed jobs among the finished ones, 0 to 1."""

    running: bool
    last_heartbeat: int | None = None
    uptime_seconds: int | float = 0
    jobs_processed: int = 0
    error_rate: float = 0.0


class HealthQueue(Wire, frozen=True, kw_only=True):
    """How long the queue is: ok, warn or critical, *size* unfinished jobs."""

    level: str
    size: int
    oldest_age_seconds: int | float = 0


class HealthFailures(Wire, frozen=True, kw_only=True):
    """Jobs that failed, in all and by their failure code."""

    count: int
    by_code: dict[str, int] = {}


class HealthStore(Wire, frozen=True, kw_only=True):
    """Where the queue lies, and how fast it answered."""

    kind: str
    reachable: bool
    latency_ms: float | None = None


class HealthDisk(Wire, frozen=True, kw_only=True):
    """Room for music, and how much has to stay free."""

    free_bytes: int | None = None
    min_bytes: int | None = None


class Health(Wire, frozen=True, kw_only=True):
    """How the queue is: ok, degraded or down. Of one whose store is away only *store* is known."""

    status: str
    store: HealthStore
    worker: HealthWorker | None = None
    queue: HealthQueue | None = None
    failures: HealthFailures | None = None
    disk: HealthDisk | None = None
    warning: str | None = None
    error: str | None = None


class Key(Wire, frozen=True, kw_only=True):
    """A key of the API, without its text. *limits*: `rate`, `size`, `concurrent` and `bytes`, where it has its own."""

    name: str
    scope: Scope
    created_at: int
    limits: dict[str, int]
    sessions: int


class KeyList(Wire, frozen=True, kw_only=True):
    """All keys."""

    keys: tuple[Key, ...]


class NewKey(Wire, frozen=True, kw_only=True):
    """The text of a key that was just made."""

    key: str


class WebhookDelivery(Wire, frozen=True, kw_only=True):
    """A webhook on its way to an *address* (scheme, host and port): waiting, delivered or given_up.

    *answer* is what came of the last try; *at* and *next_attempt_at* are milliseconds since the epoch.
    """

    id: str
    event: str
    address: str
    status: str
    at: int
    attempts: int
    next_attempt_at: int | None = None
    answer: str | None = None


class Webhooks(Wire, frozen=True, kw_only=True):
    """The addresses that are told, whether that is *signed*, how many deliveries wait, and the newest of all; at the
    server's time *timestamp*, milliseconds since the epoch.
    """

    addresses: tuple[str, ...]
    signed: bool
    waiting: int
    deliveries: tuple[WebhookDelivery, ...]
    timestamp: int


class WebhookTest(Wire, frozen=True, kw_only=True):
    """A test that is on its way: one delivery for each address."""

    delivery_ids: tuple[str, ...]


_Answer = TypeVar("_Answer", bound=Wire)
# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (
        *(Receipt, Control, Stats, Workers, JobPage, TrackPage, JobAnswer, Done, Deleted),
        *(Outcomes, Cleared, Dashboard, Metrics, Health, Found, KeyList, NewKey, Webhooks, WebhookTest, Wire),
    )
}


def read(body: bytes, kind: type[_Answer]) -> _Answer:
    """The answer of *kind* that *body* holds.

    Raises:
        msgspec.MsgspecError, UnicodeError: it is another one, or none.
    """
    answer: _Answer = _DECODERS[kind].decode(body)
    return answer
