"""The oracle: what a queue does, as plainly as it can be written, with dicts and loops and no thought of speed.

It is written from the docstrings of `tonearm.store.base` alone. Each method changes the model as the store call of that
name should change the store, and answers or raises what the store should. Where an engine may choose (which client
comes first, when the tracks of an album follow it) the choice is taken over, and `judge.py` judges it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.model.ledger import Ledger
from tests.model.tasks import Ending, Job, Task
from tonearm.errors import FailureCode, LeaseLost, WrongState
from tonearm.model import (
    AlbumOutcome,
    AlbumTrack,
    Cancelled,
    Claim,
    Completed,
    Control,
    ControlChange,
    Failed,
    Mark,
    Outcome,
    Priority,
    Publication,
    Released,
    Reserved,
    Retry,
    State,
    Submission,
    SubmitLimits,
)
from tonearm.store.base import STALLS_TO_CRASH, STALLS_TO_SUSPECT


class Oracle(Ledger):
    """The whole queue, changed by the calls of a store."""

    def submit(self, said: Submission, limits: SubmitLimits) -> None:
        """Enter a job that is no repeat and was not refused."""
        if limits.rate_per_minute:
            self.rate.setdefault(said.client, []).append(self.now)
        self.ages += 1
        job = Job(said.id, said.client, said.spec.catalog_id, said=said, age=self.ages, priority=said.priority)
        if said.start_paused:
            job.state, job.came_from = State.PAUSED, State.READY
        self.jobs[said.id] = job

    # What people ask

    def cancel(self, job_id: str) -> None:
        """At once, or flagged."""
        job = self.job(job_id)
        if job.state is State.CANCELLED or job.cancel:
            return
        if job.state.final or job.publication:
            raise WrongState("final or committed")
        if job.state is State.ACTIVE:
            job.cancel, job.pause = True, False
            return
        self._finish(job, State.CANCELLED)
        self._discard(job)
        if job.resolved:
            self._tracks_cancelled(job)

    def pause(self, job_id: str) -> None:
        """At once, or flagged."""
        job = self.job(job_id)
        if job.state is State.PAUSED or job.pause:
            return
        if job.state.final or job.cancel or job.publication:
            raise WrongState("final, committed or to be cancelled")
        if job.state is State.ACTIVE:
            job.pause = True
        else:
            job.came_from, job.state = job.state, State.PAUSED

    def resume(self, job_id: str) -> None:
        """Back to where it came from."""
        job = self.job(job_id)
        if job.state.final:
            raise WrongState("final")
        job.pause = False
        if job.state is State.PAUSED:
            assert job.came_from is not None
            job.state, job.came_from = job.came_from, None

    def retry(self, job_id: str) -> None:
        """Start a finished job again."""
        job = self.job(job_id)
        if not job.state.final or (job.state is State.COMPLETED and job.outcome is not AlbumOutcome.PARTIAL):
            raise WrongState("unfinished or whole")
        job.finished_at, job.outcome = None, None
        job.refresh()
        job.state = State.WAITING if job.resolved and not job.unlisted else State.READY
        job.murky = job.murky or job.untidy
        job.untidy = job.resolved
        for track in job.tracks if job.resolved else []:
            if track.state is State.ACTIVE:
                track.retry_count = track.corrupt_count = 0
            elif track.state is not State.COMPLETED:
                track.state, track.due = State.READY, None
                track.refresh()
        self._settle_album(job)

    def prioritize(self, job_id: str, priority: Priority) -> None:
        """Set the place among the client's own."""
        job = self.job(job_id)
        if job.state.final:
            raise WrongState("final")
        job.priority = priority

    def delete(self, job_id: str, keep_ms: int = 0) -> bool:
        """Remove it, with its tracks; their claims come to their end."""
        job = self.job(job_id)
        for task in (job, *job.tracks):
            if task.claim is not None:
                keys = {key for key, holder in self.names.items() if holder is task and task.publication}
                self.endings[task.claim.token] = Ending(task.claim, task.lease_end, keys)
            self._discard(task)
            self._free_name(task)
        del self.jobs[job_id]
        self.gone.append(job_id)
        self.tombstones[job_id] = self.now + keep_ms
        return not job.state.final

    def steer(self, change: ControlChange) -> Control:
        """Change how the queue runs, field by field."""
        self.control = change.applied(self.control)
        return self.control

    # What workers say

    def take(self, claim: Claim, task: Task, lease_ms: int) -> None:
        """The claim was handed out."""
        task.state, task.due, task.claim, task.ended = State.ACTIVE, None, claim, None
        task.epoch, task.lease_end = claim.epoch, self.now + lease_ms
        task.stage = (claim.worker, claim.epoch)
        task.before = task.best

    def hear(self, claim: Claim, mark: Mark | None) -> None:
        """Count what a claim has received since it said so before."""
        if mark is not None:
            new = max(0, mark.received - self.heard[claim.token])
            self.received[claim.client] += new
            self.heard[claim.token] += new

    def renew(self, worker: str, marks: Mapping[str, Mark], lease_ms: int) -> set[str]:
        """Prolong; the tokens that are not current."""
        lost = set(marks)
        for task in self.tasks():
            if task.claim is not None and task.claim.token in marks and task.claim.worker == worker:
                lost.discard(task.claim.token)
                task.lease_end = self.now + lease_ms
                self.hear(task.claim, marks[task.claim.token])
                task.reach(marks[task.claim.token])
        for token, ending in self.endings.items():
            if token in marks and ending.claim.worker == worker and not ending.over:
                lost.discard(token)
                ending.lease_end = self.now + lease_ms
                self.hear(ending.claim, marks[token])
        return lost

    def expand(self, claim: Claim, start: int, lines: Sequence[AlbumTrack], announced: int, *, last: bool) -> None:
        """Enter a page of tracks; the list of one that had one already is never shorter here."""
        if self.ended(claim):
            return
        job = self.held(claim)
        assert isinstance(job, Job)
        for position, line in enumerate(lines, start):
            if position > len(job.tracks):
                job.tracks.append(Task(f"?{job.id}.{position}", job.client, line.id, job, position))
            job.tracks[position - 1].catalog_id = line.id
        if not last:
            return
        count = start + len(lines) - 1
        cancel, pause = self.wanted(job)
        self._release(job)
        job.stalls, job.stage = 0, None
        if not count and job.resolved and not cancel:
            self._keep_list(job, pause=pause)
            return
        job.retry_count = 0
        if count or not job.resolved:
            del job.tracks[count:]
            job.count, job.unlisted = count, max(0, announced - count)
        job.resolved = bool(job.tracks)
        if cancel:
            self._finish(job, State.CANCELLED)
            self._tracks_cancelled(job)
        elif not job.tracks:
            self._finish(job, State.FAILED)
        else:
            self._go_on(job, pause=pause)

    def _keep_list(self, job: Job, *, pause: bool) -> None:
        """The list could not be had again: the one before holds."""
        job.retry_count = 0
        self._go_on(job, pause=pause)

    def _go_on(self, job: Job, *, pause: bool) -> None:
        job.state, job.came_from = (State.PAUSED, State.WAITING) if pause else (State.WAITING, None)
        self._settle_album(job)

    def reserve(self, claim: Claim, name: str, key: str) -> Reserved:
        """Whose name it is; what is over holds none, unless it still publishes."""
        task = self.held(claim)
        if any(key in ending.keys and not ending.over for ending in self.endings.values()):
            return Reserved.LEAVING
        holder = self.names.get(key, task)
        over = holder.album is not None and holder.album.state.final
        if holder is not task and not over:
            return Reserved.TAKEN
        if holder is not task and holder.claim is not None and holder.publication is not None:
            return Reserved.LEAVING
        self.give_name(task, name, key)
        return Reserved.OWN

    def give_name(self, task: Task, name: str, key: str) -> None:
        """The name is now the task's."""
        if key in self.names:
            self.names[key].reserved = None
        self._free_name(task)
        self.names[key] = task
        task.reserved = name

    def commit(self, claim: Claim, publication: Publication) -> None:
        """The commit point."""
        task = self.held(claim)
        if task.publication == publication:
            return
        if any(self.wanted(task)):
            raise LeaseLost
        task.publication = publication

    def retract(self, claim: Claim) -> None:
        """The publication is taken back."""
        self.held(claim).publication = None

    def settle(self, claim: Claim, outcome: Outcome, mark: Mark | None) -> None:
        """End the claim."""
        if self.ended(claim):
            return
        ending = self.endings.get(claim.token)
        if ending is not None and ending.claim.task_id == claim.task_id:
            if not ending.over:
                self.hear(claim, mark)
            ending.over = True
            return
        task = self.held(claim)
        if isinstance(outcome, Completed) and task.publication is None:
            raise LeaseLost
        cancel, pause = self.wanted(task)
        self._release(task)
        self.hear(claim, mark)
        task.reach(mark)
        task.stalls = 0
        if isinstance(outcome, Completed):
            task.stage = None
            self._finish(task, State.COMPLETED)
        elif cancel:
            if isinstance(outcome, Cancelled | Failed):
                task.stage = None
            self._discard(task)
            self._finish(task, State.CANCELLED)
        elif isinstance(outcome, Failed) and isinstance(task, Job) and task.resolved:
            self._keep_list(task, pause=pause)
        elif isinstance(outcome, Failed):
            task.stage, task.publication = None, None
            self._finish(task, State.FAILED)
        else:
            self._give_back(task, outcome, pause=pause)
        self._settle_album(task.album)

    def _give_back(self, task: Task, outcome: Outcome, *, pause: bool) -> None:
        if isinstance(outcome, Cancelled):
            task.stage = None
        delay_ms: int | None = None
        if isinstance(outcome, Retry):
            task.retry_count += 1
            task.corrupt_count += outcome.failure.code is FailureCode.INTEGRITY
            delay_ms = outcome.delay_ms
        elif isinstance(outcome, Released):
            delay_ms = outcome.delay_ms or None
        task.state = State.READY
        if pause and isinstance(task, Job):
            task.state, task.came_from = State.PAUSED, State.READY
        elif not pause and delay_ms is not None:
            task.state, task.due = State.DELAYED, self.now + delay_ms

    # What tidies up

    def free(self, task: Task, mark: Mark | None, *, charge: bool) -> None:
        """The lease of an active task is freed because nobody can be working on it."""
        if mark is not None:
            self.received[task.client] += max(0, mark.bytes_done - task.on_disk)
        task.reach(mark)
        if task.best > task.before:
            task.stalls = 0
        elif charge:
            task.stalls += 1
        cancel, pause = self.wanted(task)
        self._release(task, settled=False)
        if cancel:
            self._discard(task)
            self._finish(task, State.CANCELLED)
        elif task.stalls >= STALLS_TO_SUSPECT + STALLS_TO_CRASH and isinstance(task, Job) and task.resolved:
            task.stalls = 0
            self._keep_list(task, pause=pause)
        elif task.stalls >= STALLS_TO_SUSPECT + STALLS_TO_CRASH:
            self._discard(task)
            self._finish(task, State.FAILED)
            self._settle_album(task.album)
        elif pause and isinstance(task, Job):
            task.state, task.came_from = State.PAUSED, State.READY
        else:
            task.state = State.READY

    def recover(self, worker: str, marks: Mapping[str, Mark], *, charge: bool) -> int:
        """Free every lease of a dead worker."""
        dead = [task for task in self.tasks() if task.claim is not None and task.claim.worker == worker]
        for task in dead:
            self.free(task, marks.get(task.id), charge=charge)
        ending = {token for token, one in self.endings.items() if one.claim.worker == worker and not one.over}
        for token in ending:
            del self.endings[token]
        return len(dead) + len(ending)

    def sweep(self) -> None:
        """Free the leases that ran out; what albums began is done."""
        for task in [task for task in self.tasks() if task.claim is not None and task.lease_end <= self.now]:
            self.free(task, None, charge=True)
        for token in [token for token, one in self.endings.items() if one.lease_end <= self.now and not one.over]:
            del self.endings[token]
        for job in self.jobs.values():
            job.untidy = False

    # Shared by several

    def _release(self, task: Task, *, settled: bool = True) -> None:
        assert task.claim is not None
        task.ended = task.claim.token if settled else None
        task.claim, task.cancel, task.pause = None, False, False

    def _finish(self, task: Task, state: State) -> None:
        task.state, task.due = state, None
        if isinstance(task, Job):
            self._free_name(task)
            task.came_from, task.finished_at = None, self.now

    def _discard(self, task: Task) -> None:
        if task.stage is not None and not (isinstance(task, Job) and task.is_album):
            self.discards.add((task.stage[0], task.id, task.stage[1]))
        task.stage = None

    def _free_name(self, task: Task) -> None:
        for key in [key for key, holder in self.names.items() if holder is task]:
            del self.names[key]
        task.reserved = None

    def _tracks_cancelled(self, job: Job) -> None:
        job.untidy = True
        for track in job.tracks:
            if track.state is not State.ACTIVE and not track.state.final:
                self._discard(track)
                self._finish(track, State.CANCELLED)

    def _settle_album(self, job: Job | None) -> None:
        if job is None or not job.resolved or State.WAITING not in (job.state, job.came_from):
            return
        if not all(track.state.final for track in job.tracks):
            return
        arrived = sum(track.state is State.COMPLETED for track in job.tracks)
        self._finish(job, State.COMPLETED if arrived else State.FAILED)
        if arrived:
            whole = arrived == len(job.tracks) and not job.unlisted
            job.outcome = AlbumOutcome.OK if whole else AlbumOutcome.PARTIAL
