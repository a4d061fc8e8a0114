"""The ledger: all that the oracle knows of a queue, and what can be asked of it without changing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.model.tasks import Ending, Job, Task
from tonearm.errors import LeaseLost, NotFound, QuotaExceeded, RateLimited
from tonearm.model import (
    AlbumOutcome,
    Claim,
    Control,
    Retention,
    State,
    Status,
    Submission,
    SubmitLimits,
)
from tonearm.store.base import RATE_WINDOW_MS

DEAD_MS = 120_000
"""Silence after which a worker is dead, milliseconds: the default of the engines."""


class Ledger:
    """The whole queue. *now* is time that passed, milliseconds; the wall clock means nothing here."""

    def __init__(self) -> None:
        self.now = 0
        self.jobs: dict[str, Job] = {}
        self.gone: list[str] = []
        self.ages = 0
        self.names: dict[str, Task] = {}
        self.rate: dict[str, list[int]] = {}
        self.discards: set[tuple[str, str, int]] = set()
        self.beats: dict[str, int] = {}
        self.control = Control()
        self.endings: dict[str, Ending] = {}
        self.tombstones: dict[str, int] = {}
        self.received: Counter[str] = Counter()
        """Bytes by client. Nothing leaves the window, because no life here lasts for a day."""
        self.heard: Counter[str] = Counter()
        """Bytes that a claim said it has received, by its token."""

    def job(self, job_id: str) -> Job:
        """The job of this id."""
        if job_id not in self.jobs:
            raise NotFound(job_id)
        return self.jobs[job_id]

    def tasks(self) -> Iterable[Task]:
        """Every job and every track of a job."""
        for job in self.jobs.values():
            yield job
            yield from job.tracks

    def held(self, claim: Claim) -> Task:
        """The task of a current claim."""
        for task in self.tasks():
            if task.claim is not None and task.claim.token == claim.token and task.id == claim.task_id:
                return task
        raise LeaseLost

    def ended(self, claim: Claim) -> bool:
        """Whether the claim is the one that ended last of its task."""
        return any(task.id == claim.task_id and task.ended == claim.token for task in self.tasks())

    def wanted(self, task: Task) -> tuple[bool, bool]:
        """Whether a cancel, and whether a pause, is wanted of an active task."""
        if task.album is None:
            return task.cancel, task.pause
        return task.album.state is State.CANCELLED, task.album.state is State.PAUSED

    def claimable(self, task: Task) -> bool:
        """Ready, or delayed and due, and not held back by its album."""
        if task.album is not None and (task.album.state is not State.WAITING):
            return False
        return task.state is State.READY or (task.state is State.DELAYED and (task.due or 0) <= self.now)

    def open_albums(self, client: str) -> int:
        """Albums of a client that are active or waiting."""
        open_states = (State.ACTIVE, State.WAITING)
        return sum(job.is_album and job.client == client and job.state in open_states for job in self.jobs.values())

    def unfinished(self) -> list[Job]:
        """Jobs that are not final."""
        return [job for job in self.jobs.values() if not job.state.final]

    def counts(self) -> dict[Status, int]:
        """Jobs by status."""
        found = dict.fromkeys(Status, 0)
        for job in self.jobs.values():
            found[job.state.status] += 1
        return found

    def alive(self, worker: str) -> bool:
        """Whether a worker gave a sign of life in the last two minutes."""
        return worker in self.beats and self.now - self.beats[worker] < DEAD_MS

    def spent(self, client: str, allowed: int) -> bool:
        """Whether a client has received all that it may; 0: there is no limit."""
        return 0 < allowed <= self.received[client]

    # Submitting

    def twins(self, said: Submission) -> set[str]:
        """Unfinished jobs that this submission repeats."""
        if not said.check_duplicate:
            return set()
        key = (said.client, said.spec.type, said.spec.catalog_id, said.spec.quality)
        return {
            job.id
            for job in self.unfinished()
            if key == (job.client, job.said.spec.type, job.catalog_id, job.said.spec.quality)
        }

    def refusals(self, said: Submission, limits: SubmitLimits) -> set[type[Exception]]:
        """Every reason there is to refuse a submission that is no repeat; an engine names one of them."""
        reasons: set[type[Exception]] = set()
        recent = [at for at in self.rate.get(said.client, []) if at > self.now - RATE_WINDOW_MS]
        if limits.rate_per_minute and len(recent) >= limits.rate_per_minute:
            reasons.add(RateLimited)
        mine = sum(job.client == said.client for job in self.unfinished())
        if limits.client_unfinished and mine >= limits.client_unfinished:
            reasons.add(QuotaExceeded)
        if limits.queue_unfinished and len(self.unfinished()) >= limits.queue_unfinished:
            reasons.add(QuotaExceeded)
        if self.spent(said.client, limits.client_bytes):
            reasons.add(QuotaExceeded)
        return reasons

    def sweepable(self) -> bool:
        """Whether a sweep has anything to do."""
        expired = any(task.claim is not None and task.lease_end <= self.now for task in self.tasks())
        expired = expired or any(one.lease_end <= self.now and not one.over for one in self.endings.values())
        return expired or any(job.untidy for job in self.jobs.values())

    def prunable(self, retention: Retention) -> tuple[set[str], set[str]]:
        """Ids that must go, and that may go (those of exactly that age)."""
        must, may = set(), set()
        for job in self.jobs.values():
            if job.finished_at is None:
                continue
            kept = {
                State.COMPLETED: retention.completed_ms,
                State.FAILED: retention.failed_ms,
                State.CANCELLED: retention.cancelled_ms,
            }[State.FAILED if job.outcome is AlbumOutcome.PARTIAL else job.state]
            age = self.now - job.finished_at
            if age > kept:
                must.add(job.id)
            if age >= kept:
                may.add(job.id)
        return must, may
