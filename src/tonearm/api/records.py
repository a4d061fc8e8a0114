"""Records on the wire: what readers of the API see of jobs, tracks and their history, made in this one place.

Field names and shapes are those of docs/reference/http.md: camelCase, epoch milliseconds, bytes, progress 0 to 1; what
is not known is left out. A job is encoded once to bytes, and lists are joined from such bytes. Nothing here asks the
store.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tonearm.errors import FailureCode
from tonearm.model import (
    AlbumOutcome,
    FailedTrack,
    HistoryEntry,
    JobRecord,
    JobType,
    Priority,
    Quality,
    State,
    Status,
    TrackProgress,
)
from tonearm.store.base import LONG_LIST, SHORT_LIST
from tonearm.store.recent import Recent

ERROR_LENGTH = 500
"""Characters of `error` and `lastError` in lists and events."""


class WireStruct(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What all of them share: immutable, camelCase, a field at its default is left out."""


class WireSpec(WireStruct, frozen=True, kw_only=True):
    """What was asked for: a track or an album in one quality."""

    type: JobType
    track_id: int | None = None
    album_id: int | None = None
    quality: Quality
    track_title: str | None = None
    album_title: str | None = None
    artist_name: str | None = None


class WireFailedTrack(WireStruct, frozen=True, kw_only=True):
    """A track of an album that did not arrive."""

    track_id: int
    track_title: str
    error: str
    code: FailureCode
    attempts: int


class WireTrack(WireStruct, frozen=True, kw_only=True):
    """One track of an album: pending, downloading, completed or failed."""

    track_id: int
    track_title: str
    status: str
    progress: float
    error: str | None = None


class WireHistoryEntry(WireStruct, frozen=True, kw_only=True):
    """One line of a job's story."""

    at: int
    event: str
    attempt: int | None = None
    code: FailureCode | None = None
    message: str | None = None
    worker: str | None = None


class WireJob(WireStruct, frozen=True, kw_only=True):
    """A job. Albums count their tracks; `trackProgress` and `history` stand only in the answer to one id."""

    id: str
    job: WireSpec
    job_type: JobType
    status: Status
    progress: float
    created_at: int
    started_at: int | None = None
    completed_at: int | None = None
    last_updated_at: int
    priority: Priority
    retry_count: int
    max_retries: int
    next_retry_at: int | None = None
    error: str | None = None
    last_error: str | None = None
    error_category: str | None = None
    failure_code: FailureCode | None = None
    cancellation_requested: bool = False
    pause_requested: bool = False
    bytes_downloaded: int
    bytes_total: int | None = None
    speed_bytes_per_second: int | None = None
    eta_seconds: float | None = None
    download_time_ms: int | None = None
    file_size: int | None = None
    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    client: str
    track_count: int | None = None
    completed_tracks: int | None = None
    outcome: AlbumOutcome | None = None
    failed_tracks: tuple[WireFailedTrack, ...] | None = None
    track_progress: tuple[WireTrack, ...] | None = None
    file_count: int | None = None
    failed_count: int | None = None
    history: tuple[WireHistoryEntry, ...] | None = None


_encoder = msgspec.json.Encoder()


def encode_short(record: JobRecord) -> bytes:
    """The form in lists and events: short lists, short texts, neither tracks nor history."""
    return _encoder.encode(wire_job(record, whole=False))


def encode_whole(record: JobRecord) -> bytes:
    """The form in the answer to one id, whole up to `LONG_LIST` tracks."""
    return _encoder.encode(wire_job(record, whole=True))


class Lists:
    """Lists of jobs in their short form, of which those that stayed the same are not encoded anew."""

    def __init__(self) -> None:
        self._recent = Recent[JobRecord, bytes]()

    def encode(self, jobs: Iterable[JobRecord]) -> msgspec.Raw:
        """Return a JSON array of jobs."""
        return msgspec.Raw(b"[" + b",".join(self._recent.of(job.id, job, encode_short) for job in jobs) + b"]")


def wire_track(track: TrackProgress) -> WireTrack:
    """One track of an album."""
    return WireTrack(
        track_id=track.track_id,
        track_title=track.track_title,
        status=track.status,
        progress=share(track.progress),
        error=track.error,
    )


def wire_job(record: JobRecord, *, whole: bool) -> WireJob:
    """A job as a record of the wire, in its whole or its short form."""
    album = record.spec.type is JobType.ALBUM
    most = LONG_LIST if whole else SHORT_LIST
    return WireJob(
        id=record.id,
        job=_spec(record),
        job_type=record.spec.type,
        status=record.state.status,
        progress=share(record.progress),
        created_at=record.created_at,
        started_at=record.started_at,
        completed_at=record.completed_at,
        last_updated_at=record.updated_at,
        priority=record.priority,
        retry_count=record.retry_count,
        max_retries=record.max_retries,
        next_retry_at=record.next_retry_at,
        error=record.error if whole else _shorten(record.error),
        last_error=record.last_error if whole else _shorten(record.last_error),
        error_category=record.failure_code.category if record.failure_code else None,
        failure_code=record.failure_code,
        cancellation_requested=record.cancel_requested,
        pause_requested=record.pause_requested,
        bytes_downloaded=record.bytes_downloaded,
        bytes_total=record.bytes_total,
        speed_bytes_per_second=None if record.speed is None else round(record.speed),
        eta_seconds=eta_seconds(record),
        download_time_ms=record.download_ms,
        file_size=record.size,
        files=record.files[:most],
        warnings=record.warnings[:most],
        client=record.client,
        track_count=record.track_count if album else None,
        completed_tracks=record.completed_tracks if album else None,
        outcome=record.outcome,
        failed_tracks=tuple(_failed(track) for track in record.failed_tracks[:most]) if album else None,
        track_progress=tuple(wire_track(track) for track in record.track_progress[:most]) if album and whole else None,
        file_count=record.file_count if album else None,
        failed_count=record.failed_count if album else None,
        history=tuple(_entry(entry) for entry in record.history) if whole else None,
    )


def share(part: float) -> float:
    """A share as it is shown: 0 to 1, with four places."""
    return round(min(1.0, max(0.0, part)), 4)


def eta_seconds(record: JobRecord) -> float | None:
    """Seconds until the last byte at the present speed; None when nothing moves or the size is not known."""
    if record.state not in (State.ACTIVE, State.WAITING) or not record.speed or record.bytes_total is None:
        return None
    return round(max(0, record.bytes_total - record.bytes_downloaded) / record.speed, 1)


def _spec(record: JobRecord) -> WireSpec:
    spec = record.spec
    album = spec.type is JobType.ALBUM
    return WireSpec(
        type=spec.type,
        track_id=None if album else spec.catalog_id,
        album_id=spec.catalog_id if album else None,
        quality=spec.quality,
        track_title=spec.track_title,
        album_title=spec.album_title,
        artist_name=spec.artist_name,
    )


def _failed(track: FailedTrack) -> WireFailedTrack:
    return WireFailedTrack(
        track_id=track.track_id,
        track_title=track.track_title,
        error=track.error,
        code=track.code,
        attempts=track.attempts,
    )


def _entry(entry: HistoryEntry) -> WireHistoryEntry:
    return WireHistoryEntry(
        at=entry.at,
        event=entry.event,
        attempt=entry.attempt,
        code=entry.code,
        message=entry.message,
        worker=entry.worker,
    )


def _shorten(text: str | None) -> str | None:
    if text is None or len(text) <= ERROR_LENGTH:
        return text
    return text[: ERROR_LENGTH - 1] + "…"
