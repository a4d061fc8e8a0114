"""The judge of claims: an engine chooses, and the judge says whether it was allowed to.

For each pick: the task was claimable, nobody else holds it, it is the first of its client, suspects run alone.
For each answer: nothing was held back without a reason. Over time: two clients that both always had work got equal
shares, within the bound of start-time fair queuing.
"""

from __future__ import annotations

from itertools import combinations

from tests.model.oracle import Oracle
from tests.model.tasks import PLACES, Job, Task
from tests.support.clock import HOUR
from tonearm.model import Claim, Claimed, ClaimRequest, StageRef, TaskKind
from tonearm.store.base import OPEN_ALBUMS

SHARE_BOUND = 2
"""Tasks of one unit by which two busy clients may differ: l_f/r_f + l_m/r_m (Goyal, Vin, Cheng 1996, theorem 1)."""

Key = tuple[int, bool, int, int]


class Judge:
    """Follows the claims of one queue; raises AssertionError when one was not allowed."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._lead: dict[tuple[str, str], int] = {}
        self._tokens: set[str] = set()

    def claimed(self, request: ClaimRequest, answer: Claimed) -> None:
        """Judge one answer pick by pick, and enter it into the oracle."""
        if self._oracle.control.paused:
            assert answer == Claimed(), "something was handed out though the queue is paused"
            return
        left = {TaskKind.TRACK: request.tracks, TaskKind.RESOLVE: request.albums}
        for claim in answer.claims:
            self._pick(claim, request)
            left[claim.kind] -= 1
            assert left[claim.kind] >= 0, "more was handed out than was asked for"
        self._held_back(request, left)
        self._next_due(request, answer)

    def forget_idle(self) -> None:
        """Between two calls: who has nothing to do leaves the race."""
        busy = {task.client for task, _ in self._candidates(TaskKind.TRACK) if not task.suspect}
        for pair in list(self._lead):
            if not set(pair) <= busy:
                del self._lead[pair]

    def _candidates(self, kind: TaskKind, allowed: int = 0) -> list[tuple[Task, Key]]:
        """What can be handed out where a client may have received so many bytes (0: no limit)."""
        found: list[tuple[Task, Key]] = []
        for job in self._oracle.jobs.values():
            entry = (PLACES[job.priority], job.is_album, job.age)
            if not job.is_album and kind is TaskKind.TRACK:
                found += [(job, (*entry, 0))] if self._oracle.claimable(job) else []
            elif job.is_album and kind is TaskKind.TRACK:
                found += [(track, (*entry, track.position)) for track in job.tracks if self._oracle.claimable(track)]
            elif job.is_album and self._oracle.claimable(job):
                found += [(job, (*entry, 0))] if self._oracle.open_albums(job.client) < OPEN_ALBUMS else []
        return [(task, key) for task, key in found if not self._oracle.spent(task.client, allowed)]

    def _find(self, claim: Claim) -> Task:
        job = self._oracle.jobs[claim.job_id]
        if claim.position is None:
            assert claim.task_id == job.id
            return job
        track = job.tracks[claim.position - 1]
        if track.id.startswith("?"):
            track.id = claim.task_id
        assert track.id == claim.task_id, "a track changed its id"
        return track

    def _holds(self, worker: str) -> list[Task]:
        return [task for task in self._oracle.tasks() if task.claim is not None and task.claim.worker == worker]

    def _suspect_runs(self) -> bool:
        return any(task.claim is not None and task.claim.suspect for task in self._oracle.tasks())

    def _pick(self, claim: Claim, request: ClaimRequest) -> None:
        task = self._find(claim)
        candidates = self._candidates(claim.kind, request.client_bytes)
        keys = {candidate: key for candidate, key in candidates}  # noqa: C416 - tasks compare by identity
        assert task in keys, f"{claim.task_id} was handed out, but it was not claimable"
        assert task.claim is None, "two claims of one task"
        self._check_fields(claim, task, request)
        held = self._holds(request.worker)
        assert not any(other.claim is not None and other.claim.suspect for other in held), "beside a suspect"
        if task.suspect:
            assert not held, "a suspect was handed to a worker that holds tasks"
            assert not self._suspect_runs(), "two suspects at once"
        own = [
            key
            for candidate, key in candidates
            if candidate.client == task.client and not (candidate.suspect and self._suspect_runs())
        ]
        assert keys[task] == min(own), f"{claim.task_id} was handed out before an earlier task of {task.client}"
        if claim.kind is TaskKind.TRACK:
            self._share(task.client, candidates)
        self._oracle.take(claim, task, request.lease_ms)
        self._tokens.add(claim.token)

    def _check_fields(self, claim: Claim, task: Task, request: ClaimRequest) -> None:
        assert claim.token not in self._tokens
        assert claim.epoch > task.epoch
        assert claim.worker == request.worker
        assert (claim.client, claim.spec.catalog_id) == (task.client, task.catalog_id)
        assert (claim.retry_count, claim.corrupt_count) == (task.retry_count, task.corrupt_count)
        assert claim.suspect == task.suspect
        assert (claim.reserved, claim.publication) == (task.reserved, task.publication)
        job = task.album or task
        if claim.kind is TaskKind.TRACK and not (isinstance(job, Job) and job.murky):
            assert claim.previous == (None if task.stage is None else StageRef(*task.stage))

    def _share(self, client: str, candidates: list[tuple[Task, Key]]) -> None:
        """Keep the score between every two clients that have something to do at this pick."""
        if any(task.suspect for task, _ in candidates) or any(job.untidy for job in self._oracle.jobs.values()):
            self._lead.clear()
            return
        busy = sorted({task.client for task, _ in candidates})
        for pair in combinations(busy, 2):
            lead = self._lead.get(pair, 0)
            if client in pair:
                lead += 1 if client == pair[0] else -1
            assert abs(lead) <= SHARE_BOUND, f"of {pair}, {client} got more than its share"
            self._lead[pair] = lead
        for pair in set(self._lead) - set(combinations(busy, 2)):
            del self._lead[pair]

    def _held_back(self, request: ClaimRequest, left: dict[TaskKind, int]) -> None:
        """What was asked for and not handed out was not there, or has to wait for a suspect."""
        held = self._holds(request.worker)
        if any(task.claim is not None and task.claim.suspect for task in held):
            return
        there = [
            task for kind in TaskKind if left[kind] > 0 for task, _ in self._candidates(kind, request.client_bytes)
        ]
        certain = [task for task in there if task.album is None or not task.album.untidy]
        suspects = [task for task in there if task.suspect]
        if self._suspect_runs():
            assert set(certain) <= set(suspects), "a healthy task was held back"
        elif held:
            assert suspects or not certain, "a task was held back"
        else:
            assert not certain, "a task was held back from an idle worker"

    def _next_due(self, request: ClaimRequest, answer: Claimed) -> None:
        delays = [
            (task.due - self._oracle.now, task.album is None or not task.album.untidy)
            for task in self._oracle.tasks()
            if task.due is not None and task.due > self._oracle.now and task.state.value == "delayed"
        ]
        if answer.next_due_ms is None:
            assert not any(certain for _, certain in delays)
        elif answer.next_due_ms > 0:
            spent = any(self._oracle.spent(client, request.client_bytes) for client in self._oracle.received)
            waits = spent and answer.next_due_ms > HOUR  # until bytes leave the window, and no delay is so long
            assert waits or answer.next_due_ms in {delay for delay, _ in delays}
            assert answer.next_due_ms <= min((delay for delay, _ in delays), default=answer.next_due_ms)
