"""A task as every engine keeps it, and the small questions that it answers by itself.

It is plain: texts and numbers as they are stored (sqlite/schema.sql tells what each means), times in store time. JSON
fields are decoded only where they are used, so a task with a broken one can still be counted, moved and set aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from tonearm.errors import TonearmError
from tonearm.model import AlbumInfo, JobSpec, JobType, Priority, Publication, Quality, State, Submission, TaskKind
from tonearm.store.base import STALLS_TO_SUSPECT

T = TypeVar("T")

PRIORITIES = (Priority.HIGH, Priority.NORMAL, Priority.LOW)
"""A priority is stored as its place in this tuple."""


class Unreadable(TonearmError):
    """The record of task *seq* cannot be decoded (0: it does not even say whose it is).

    The engine sets it aside and says the call again. *line*: where its number stands, if that was found out.
    """

    def __init__(self, seq: int, reason: str, line: str = "") -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason
        self.line = line


@dataclass(slots=True)
class Task:
    """One task with all that is stored of it. *parent*: the `seq` of the album that it is a track of."""

    seq: int
    id: str
    parent: int | None
    position: int | None
    type: str
    client: str
    catalog_id: int
    quality: str
    track_title: str | None
    album_title: str | None
    artist_name: str | None
    track_number: int | None
    priority: int
    max_retries: int
    state: str
    created_at: int
    updated_at: int
    came_from: str | None = None
    due_at: int | None = None
    lane: str | None = None
    healthy: int = 0
    started_at: int | None = None
    finished_at: int | None = None
    epoch: int = 0
    token: str | None = None
    worker: str | None = None
    lease_until: int | None = None
    ended_token: str | None = None
    stage_worker: str | None = None
    cancel_wanted: int = 0
    pause_wanted: int = 0
    bytes_done: int = 0
    bytes_total: int | None = None
    best_phase: int = 0
    best_bytes: int = 0
    high_phase: int = 0
    high_bytes: int = 0
    stalls: int = 0
    retry_count: int = 0
    corrupt_count: int = 0
    error: str | None = None
    last_error: str | None = None
    failure_code: str | None = None
    publication: str | None = None
    files: str | None = None
    warnings: str | None = None
    file_count: int = 0
    size: int = 0
    download_ms: int = 0
    album: str | None = None
    outcome: str | None = None
    track_count: int = 0
    entered: int = 0
    ready_tracks: int = 0
    ready_suspects: int = 0
    completed_tracks: int = 0
    failed_tracks: int = 0
    cancelled_tracks: int = 0
    chore: str | None = None
    chore_position: int | None = None
    history_count: int = 0
    unlisted: int = 0
    resolve_retries: int = 0
    moving: int = 0
    received: int = 0

    @property
    def final(self) -> bool:
        """Whether nothing but a retry leads out of its state."""
        return self.finished_at is not None

    @property
    def suspect(self) -> bool:
        """Whether it has to run alone."""
        return self.stalls >= STALLS_TO_SUSPECT

    @property
    def is_album(self) -> bool:
        """Whether it is an album job."""
        return self.type == JobType.ALBUM

    @property
    def resolved(self) -> bool:
        """Whether it is an album whose track list is fixed."""
        return self.track_count > 0

    @property
    def listed(self) -> bool:
        """Whether it is an album whose track list holds now: fixed, and not being asked for again."""
        return self.resolved and (self.final or State.WAITING in (self.state, self.came_from))

    @property
    def job_id(self) -> str:
        """The id of the job it belongs to."""
        return self.id if self.parent is None else self.id.rpartition(".")[0]

    @property
    def label(self) -> str:
        """A track for people: `03 Blue`, by track number or else by place."""
        number = self.track_number if self.track_number is not None else self.position
        return f"{number or 0:02d} {self.track_title or self.catalog_id}"

    @property
    def attempt(self) -> int:
        """The number of the present attempt, or of the newest: at a track, or at the list of an album."""
        return 1 + (self.resolve_retries if self.is_album else self.retry_count)

    def entry(self) -> tuple[str | None, int]:
        """Say which kind of claim it is an entry of now (None: none), and whether that offers a healthy task."""
        if self.parent is not None or self.moving or self.entered < self.track_count:
            return None, 0
        if self.state == State.READY:
            return (TaskKind.RESOLVE if self.is_album else TaskKind.TRACK).value, int(not self.suspect)
        if self.state == State.WAITING and self.ready_tracks and self.entered == self.track_count:
            return TaskKind.TRACK.value, int(self.ready_tracks > self.ready_suspects)
        return None, 0


def new_job(submission: Submission, now: int) -> Task:
    """Return the task that a submission becomes at the store time *now*; its `seq` is given where it is kept."""
    spec = submission.spec
    return Task(
        seq=0,
        id=submission.id,
        parent=None,
        position=None,
        type=spec.type.value,
        client=submission.client,
        catalog_id=spec.catalog_id,
        quality=spec.quality.value,
        track_title=spec.track_title,
        album_title=spec.album_title,
        artist_name=spec.artist_name,
        track_number=None,
        priority=PRIORITIES.index(submission.priority),
        max_retries=submission.max_retries,
        state=(State.PAUSED if submission.start_paused else State.READY).value,
        came_from=State.READY.value if submission.start_paused else None,
        created_at=now,
        updated_at=now,
    )


def spec_of(task: Task) -> JobSpec:
    """Return what the task is to bring."""
    return JobSpec(
        type=JobType(task.type),
        catalog_id=task.catalog_id,
        quality=Quality(task.quality),
        track_title=task.track_title,
        album_title=task.album_title,
        artist_name=task.artist_name,
    )


# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {
    form: msgspec.json.Decoder(form) for form in (AlbumInfo, Publication, tuple[str, ...])
}


def decode(task: Task, text: str, form: type[T]) -> T:
    """Decode a JSON field.

    Raises:
        Unreadable: it is not what it should be.
    """
    try:
        decoded: T = _DECODERS[form].decode(text)
    except msgspec.DecodeError as error:
        raise Unreadable(task.seq, str(error)) from error
    return decoded
