"""Dumps: everything that a job has, in a form that every engine can give out and take in.

Times are ages: milliseconds from a moment to the one of the dump. Two stores need not agree on what time it is, and a
job that moves from one to the other keeps how old it is, how long it has to wait and how long its record stays. *at*
alone is wall time: who keeps a dump for a while adds what has passed (`JobDump.aged`). What follows from other parts,
such as the counts of an album or the order of a queue, is not in a dump; the store that takes it in derives it anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tonearm.errors import FailureCode
from tonearm.model.catalog import AlbumInfo
from tonearm.model.claims import Phase, Publication
from tonearm.model.jobs import AlbumOutcome, JobSpec, Priority, State


@dataclass(frozen=True, slots=True)
class ReservedName:
    """A library name that a task holds, and the same folded for comparison."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class TaskDump:
    """Where a task stands and what it has brought: a job, or one track of an album. Ages in milliseconds."""

    state: State
    created: int
    updated: int
    came_from: State | None = None
    due: int | None = None
    """Milliseconds until it may be tried again, of a delayed one; negative: it may already."""
    started: int | None = None
    finished: int | None = None
    epoch: int = 0
    stage_worker: str | None = None
    """Who has the stage of the newest epoch."""
    cancel_wanted: bool = False
    pause_wanted: bool = False
    bytes_done: int = 0
    bytes_total: int | None = None
    best_phase: Phase = Phase.CLAIMED
    best_bytes: int = 0
    stalls: int = 0
    retry_count: int = 0
    """Of an album: how often it had to be resolved again for its present list, without its tracks'."""
    corrupt_count: int = 0
    error: str | None = None
    last_error: str | None = None
    failure_code: FailureCode | None = None
    publication: Publication | None = None
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    size: int = 0
    download_ms: int = 0
    reserved: ReservedName | None = None

    def aged(self, by_ms: int) -> TaskDump:
        """Return the same, so many milliseconds later."""
        return replace(
            self,
            created=self.created + by_ms,
            updated=self.updated + by_ms,
            due=None if self.due is None else self.due - by_ms,
            started=None if self.started is None else self.started + by_ms,
            finished=None if self.finished is None else self.finished + by_ms,
        )


@dataclass(frozen=True, slots=True)
class TrackDump:
    """One track of an album; *position* is its place in the album's list, from 1."""

    position: int
    catalog_id: int
    task: TaskDump
    track_title: str | None = None
    album_title: str | None = None
    artist_name: str | None = None
    track_number: int | None = None


@dataclass(frozen=True, slots=True)
class AlbumDump:
    """What an album job has beside a track job's: its list, of which *tracks* is the page from position *start* on."""

    info: AlbumInfo | None = None
    outcome: AlbumOutcome | None = None
    track_count: int = 0
    """0 until the list is fixed."""
    unlisted: int = 0
    """Tracks that the catalog announced without listing them."""
    start: int = 1
    tracks: tuple[TrackDump, ...] = ()

    @property
    def following(self) -> int | None:
        """The position where the next page begins; None: this one is the last."""
        end = self.start + len(self.tracks)
        return end if end <= self.track_count else None


@dataclass(frozen=True, slots=True)
class HistoryDump:
    """One line of a job's story, *age* milliseconds before the dump."""

    age: int
    event: str
    attempt: int | None = None
    code: FailureCode | None = None
    message: str | None = None
    worker: str | None = None


@dataclass(frozen=True, slots=True)
class JobDump:
    """A whole job; of an album one page of its tracks. *at*: when it was dumped, wall milliseconds."""

    at: int
    id: str
    client: str
    spec: JobSpec
    priority: Priority
    max_retries: int
    task: TaskDump
    album: AlbumDump | None = None
    """None: a track job."""
    history: tuple[HistoryDump, ...] = ()

    @property
    def following(self) -> int | None:
        """The position of the track where the next page of this job begins; None: this is the last."""
        return None if self.album is None else self.album.following

    def aged(self, by_ms: int) -> JobDump:
        """Return the same job, so many milliseconds later."""
        album = self.album
        if album is not None:
            tracks = tuple(replace(track, task=track.task.aged(by_ms)) for track in album.tracks)
            album = replace(album, tracks=tracks)
        return replace(
            self,
            at=self.at + by_ms,
            task=self.task.aged(by_ms),
            album=album,
            history=tuple(replace(line, age=line.age + by_ms) for line in self.history),
        )


class TakenIn(StrEnum):
    """What became of a job that was to be taken in."""

    TAKEN = "taken"
    """It is here now."""
    MORE = "more"
    """This page is kept, and the next one is awaited."""
    KNOWN = "known"
    """A job of this id is here already; nothing changed."""
    DELETED = "deleted"
    """A job of this id was here and is deleted; nothing changed."""
