"""The two things of the oracle: a task, which can be claimed, and a job, which was submitted. They decide nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from tonearm.model import AlbumOutcome, Claim, JobType, Mark, Phase, Priority, Publication, State, Submission
from tonearm.store.base import STALLS_TO_SUSPECT

Reach = tuple[int, int]
"""How far a claim came: its phase, and bytes as long as they are being transferred."""

PLACES = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}


@dataclass(eq=False)
class Task:
    """What can be claimed: a job, or a track of an album (then *album* is its job)."""

    id: str
    client: str
    catalog_id: int
    album: Job | None = None
    position: int = 0
    state: State = State.READY
    due: int | None = None
    claim: Claim | None = None
    lease_end: int = 0
    epoch: int = 0
    ended: str | None = None
    stage: tuple[str, int] | None = None
    stalls: int = 0
    best: Reach = (0, 0)
    before: Reach = (0, 0)
    on_disk: int = 0
    """Bytes that the newest mark said are there."""
    retry_count: int = 0
    corrupt_count: int = 0
    publication: Publication | None = None
    reserved: str | None = None
    cancel: bool = False
    pause: bool = False

    @property
    def suspect(self) -> bool:
        """Two stalls in a row."""
        return self.stalls >= STALLS_TO_SUSPECT

    def reach(self, mark: Mark | None) -> None:
        """Take note of how far it came."""
        if mark is not None:
            came = (int(mark.phase), mark.bytes_done if mark.phase is Phase.TRANSFER else 0)
            self.best = max(self.best, came)
            self.on_disk = mark.bytes_done

    def refresh(self) -> None:
        """Start anew, as a retry by hand does."""
        self.retry_count = self.corrupt_count = self.stalls = 0
        self.best = self.before = (0, 0)
        self.on_disk = 0
        self.publication = None


@dataclass(eq=False)
class Ending:
    """The claim of a deleted task until it has ended, with the keys of the names that it may still publish under."""

    claim: Claim
    lease_end: int
    keys: set[str]
    over: bool = False


@dataclass(eq=False)
class Job(Task):
    """What was submitted."""

    said: Submission = field(kw_only=True)
    age: int = field(kw_only=True)
    priority: Priority = field(kw_only=True)
    came_from: State | None = None
    finished_at: int | None = None
    outcome: AlbumOutcome | None = None
    tracks: list[Task] = field(default_factory=list[Task])
    resolved: bool = False
    count: int = 0
    """Tracks of the list that holds."""
    unlisted: int = 0
    untidy: bool = False
    """Its tracks may still have to follow it, page by page."""
    murky: bool = False
    """Its mind was changed while it was untidy: what became of old stages is the engine's choice."""

    @property
    def is_album(self) -> bool:
        """Whether it is an album."""
        return self.said.spec.type is JobType.ALBUM
