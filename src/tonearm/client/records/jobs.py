"""Jobs: a job with its tracks and its story, and what answers those who submit, act on and remove jobs."""

from __future__ import annotations

from tonearm.client.records.wire import Page, Wire
from tonearm.errors import FailureCode
from tonearm.model import FINISHED, AlbumOutcome, JobType, Priority, Quality, Status


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
