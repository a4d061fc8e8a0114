"""The machine: hypothesis makes every call of the store's protocol in every order it can think of.

Each rule makes one call, or a short round of them, to the engine and to the oracle (`bench.py`), now and then twice, as
if the reply had been lost, or with a token that is no longer good. `test_machine.py` runs it over each engine.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.contract.steps import sweep_all
from tests.model.bench import Bench
from tests.model.drawn import (
    LEASE_MS,
    WORKERS,
    Wish,
    again,
    allowances,
    changes,
    limits,
    marks,
    outcomes,
    pick,
    seldom,
    unlisted,
    wishes,
)
from tests.support.clock import HOUR, MINUTE, SECOND, YEAR
from tonearm.errors import FailureCode
from tonearm.model import (
    Completed,
    ControlChange,
    Failed,
    Failure,
    JobQuery,
    Mark,
    Outcome,
    Phase,
    Priority,
    Released,
    Retention,
    State,
    SubmitLimits,
    TaskKind,
)

ARRIVED = Completed(("A/B/01 C.flac",), 8_000)
GONE = Failed(Failure(FailureCode.NETWORK, "It is gone"))


class QueueMachine(Bench):
    """One random life of a queue."""

    # What clients and people say

    @initialize(wished=st.lists(wishes, min_size=2, max_size=6), partial=st.booleans())
    def begin(self, wished: list[Wish], *, partial: bool) -> None:
        """A queue is seldom empty, and often there is an album of which not all was listed and not all arrived."""
        if partial:
            self.submit_one(Wish("ann", True, 9, Priority.NORMAL, True, False), SubmitLimits(), twice=False)
            self.resolve(worker="w1", count=2, short=2)
            for claim, arrives in zip(self.claim_some("w1", 2, 0), (True, False), strict=True):
                if arrives:
                    self.commit_one(claim)
                self.settle_one(claim, ARRIVED if arrives else GONE, None, twice=False)
        for wish in wished:
            self.submit_one(wish, SubmitLimits(), twice=False)

    @rule(wished=st.lists(wishes, min_size=1, max_size=3), limit=limits, twice=again)
    def submit(self, *, wished: list[Wish], limit: SubmitLimits, twice: bool) -> None:
        """New jobs, or twins of old ones."""
        for wish in wished:
            self.submit_one(wish, limit, twice=twice)

    @precondition(lambda self: self.oracle.jobs)
    @rule(number=pick, twice=again)
    def cancel(self, *, number: int, twice: bool) -> None:
        """Somebody wants it no more."""
        job_id = self.a_job(number)
        self.agree(lambda: self.oracle.cancel(job_id), lambda: self.store.cancel(job_id), twice=twice)

    @precondition(lambda self: self.oracle.jobs)
    @rule(number=pick, twice=again)
    def pause(self, *, number: int, twice: bool) -> None:
        """Somebody wants it later."""
        job_id = self.a_job(number)
        self.agree(lambda: self.oracle.pause(job_id), lambda: self.store.pause(job_id), twice=twice)

    @precondition(lambda self: self.oracle.jobs)
    @rule(number=pick, twice=again)
    def resume(self, *, number: int, twice: bool) -> None:
        """Somebody wants it now."""
        job_id = self.a_job(number)
        self.agree(lambda: self.oracle.resume(job_id), lambda: self.store.resume(job_id), twice=twice)

    @precondition(lambda self: any(job.state is State.WAITING for job in self.oracle.jobs.values()))
    @rule(number=pick, action=st.sampled_from(["cancel", "pause", "delete"]))
    def stop_album(self, *, number: int, action: str) -> None:
        """Somebody stops an album in the middle."""
        ids = [job.id for job in self.oracle.jobs.values() if job.state is State.WAITING]
        job_id = ids[number % len(ids)]
        self.agree(lambda: getattr(self.oracle, action)(job_id), lambda: getattr(self.store, action)(job_id))

    @precondition(lambda self: self.number % 7 == 0 or any(job.state.final for job in self.oracle.jobs.values()))
    @precondition(lambda self: self.oracle.jobs)
    @rule(number=pick, twice=again)
    def retry(self, *, number: int, twice: bool) -> None:
        """Start again, mostly what is final; said twice it is refused."""
        ids = [job.id for job in self.oracle.jobs.values() if job.state.final] or list(self.oracle.jobs)
        job_id = ids[number % len(ids)]
        for _ in range(1 + twice):
            self.agree(lambda: self.oracle.retry(job_id), lambda: self.store.retry(job_id))

    @precondition(lambda self: any(job.state.final and job.unlisted for job in self.oracle.jobs.values()))
    @rule(number=pick, worker=st.sampled_from(WORKERS), count=st.integers(0, 3), short=unlisted, had=st.booleans())
    def ask_again(self, *, number: int, worker: str, count: int, short: int, had: bool) -> None:
        """An album of which not all was listed is retried, and its list is asked for: *had*, or in vain."""
        ids = [job.id for job in self.oracle.jobs.values() if job.state.final and job.unlisted]
        job_id = ids[number % len(ids)]
        self.agree(lambda: self.oracle.retry(job_id), lambda: self.store.retry(job_id))
        while claims := self.claim_some(worker, 0, 2):
            for claim in claims:
                if had or claim.job_id != job_id:
                    self.expand_one(claim, 1, count, short, last=True, twice=False)
                else:
                    self.settle_one(claim, GONE, None, twice=False)

    @precondition(lambda self: self.oracle.jobs)
    @rule(number=pick, priority=st.sampled_from(Priority), twice=again)
    def prioritize(self, *, number: int, priority: Priority, twice: bool) -> None:
        """Another place."""
        job_id = self.a_job(number)
        self.agree(
            lambda: self.oracle.prioritize(job_id, priority),
            lambda: self.store.prioritize(job_id, priority),
            twice=twice,
        )

    @precondition(lambda self: len(self.oracle.jobs) > 6)
    @rule(number=pick, keep_ms=st.sampled_from([0, 0, 3 * SECOND]), twice=again)
    def delete(self, *, number: int, keep_ms: int, twice: bool) -> None:
        """Remove; said twice it is not found."""
        job_id = self.a_job(number)
        for _ in range(1 + twice):
            self.agree(lambda: self.oracle.delete(job_id, keep_ms), lambda: self.store.delete(job_id, keep_ms=keep_ms))

    @rule(change=changes, twice=again)
    def steer(self, *, change: ControlChange, twice: bool) -> None:
        """Somebody changes how the whole queue runs, and resumes it soon."""
        self.agree(lambda: self.oracle.steer(change), lambda: self.store.steer(change), twice=twice)

    @precondition(lambda self: self.oracle.control.paused)
    @rule()
    def resume_queue(self) -> None:
        """A pause of the whole queue lasts for a few calls."""
        self.steer(change=ControlChange(paused=False), twice=False)

    # What workers say

    @rule(worker=st.sampled_from(WORKERS), tracks=st.integers(0, 4), albums=st.integers(0, 2), allowed=allowances)
    def claim(self, *, worker: str, tracks: int, albums: int, allowed: int) -> None:
        """A worker asks for work and keeps it."""
        self.claim_some(worker, tracks, albums, allowed)

    @rule(
        worker=st.sampled_from(WORKERS),
        outcome=outcomes,
        count=st.integers(0, 3),
        short=unlisted,
        keep=st.integers(0, 3),
        allowed=allowances,
    )
    def work(self, *, worker: str, outcome: Outcome, count: int, short: int, keep: int, allowed: int) -> None:
        """A worker takes all it can get and ends all but *keep* the same way; albums get *count* tracks."""
        claims = self.claim_some(worker, 4, 2, allowed)
        for claim in claims[: max(0, len(claims) - keep)]:
            if claim.kind is TaskKind.RESOLVE:
                self.expand_one(claim, 1, count, short, last=True, twice=False)
                continue
            if isinstance(outcome, Completed):
                self.commit_one(claim)
            self.settle_one(claim, outcome, None, twice=False)

    @rule(worker=st.sampled_from(WORKERS), count=st.integers(1, 3), short=unlisted)
    def resolve(self, *, worker: str, count: int, short: int) -> None:
        """A worker resolves the albums that it can get, and leaves their tracks for later."""
        for claim in self.claim_some(worker, 0, 2):
            self.expand_one(claim, 1, count, short, last=True, twice=False)

    @precondition(lambda self: self.number % 3 == 0)
    @rule(worker=st.sampled_from(WORKERS), times=st.integers(1, 5), charge=st.sampled_from([True, True, False]))
    def die(self, *, worker: str, times: int, charge: bool) -> None:
        """A worker takes what it can get and dies of it, again and again."""
        for _ in range(times):
            self.claim_some(worker, 4, 2)
            self.recover_all(worker, {}, charge=charge)

    @precondition(lambda self: self.claims)
    @rule(number=pick, outcome=outcomes, mark=st.none() | marks, late=seldom, twice=again)
    def settle(self, *, number: int, outcome: Outcome, mark: Mark | None, late: bool, twice: bool) -> None:
        """A claim ends; a completed one was mostly committed before."""
        claim = self.a_claim(number, late=late)
        if claim.kind is TaskKind.RESOLVE and isinstance(outcome, Completed):
            return
        if isinstance(outcome, Completed) and number % 5:
            self.commit_one(claim)
        self.settle_one(claim, outcome, mark, twice=twice)

    @precondition(lambda self: self.claims)
    @rule(number=pick, late=seldom)
    def commit(self, *, number: int, late: bool) -> None:
        """The commit point."""
        claim = self.a_claim(number, late=late)
        if claim.kind is TaskKind.TRACK:
            self.commit_one(claim)

    @precondition(lambda self: self.current())
    @rule(number=pick)
    def forge(self, *, number: int) -> None:
        """Somebody guesses a token: the epoch is right, the secret is not."""
        held = self.a_claim(number, late=False)
        forged = replace(held, token=f"{held.epoch}:forged")
        if held.kind is TaskKind.TRACK:
            self.commit_one(forged)
        self.settle_one(forged, Released("stop"), None, twice=False)

    @precondition(lambda self: any(task.publication and task.claim for task in self.oracle.tasks()))
    @rule(number=pick, late=seldom)
    def retract(self, *, number: int, late: bool) -> None:
        """The commit point is taken back, mostly by a holder after the one that committed."""
        committed = [claim for claim in self.current() if self.oracle.held(claim).publication]
        claim = self.a_claim(number, late=True) if late else committed[number % len(committed)]
        self.agree(lambda: self.oracle.retract(claim), lambda: self.store.retract(claim), twice=True)

    @rule(worker=st.sampled_from(WORKERS))
    def heartbeat(self, *, worker: str) -> None:
        """A sign of life."""
        self.oracle.beats[worker] = self.oracle.now
        self.run(self.store.heartbeat(worker, "den", 4))

    @precondition(lambda self: any(claim.kind is TaskKind.RESOLVE for claim in self.claims))
    @rule(
        number=pick,
        count=st.sampled_from([0, 1, 1, 2, 2, 3]),
        start=st.integers(1, 4),
        short=unlisted,
        last=st.sampled_from([True, True, False]),
        late=seldom,
        twice=again,
    )
    def expand(self, *, number: int, count: int, start: int, short: int, last: bool, late: bool, twice: bool) -> None:
        """A page of an album's tracks."""
        claims = [claim for claim in self.claims if claim.kind is TaskKind.RESOLVE]
        current = [claim for claim in self.current() if claim.kind is TaskKind.RESOLVE]
        chosen = claims if late else current or claims
        self.expand_one(chosen[number % len(chosen)], start, count, short, last=last, twice=twice)

    @precondition(lambda self: self.claims)
    @rule(number=pick, name=st.sampled_from("ABC"), late=seldom)
    def reserve(self, *, number: int, name: str, late: bool) -> None:
        """A library name."""
        claim = self.a_claim(number, late=late)
        if claim.kind is TaskKind.RESOLVE:
            return
        self.agree(
            lambda: self.oracle.reserve(claim, name, name.lower()),
            lambda: self.store.reserve(claim, name, name.lower()),
        )

    @precondition(lambda self: self.current())
    @rule(worker=st.sampled_from(WORKERS), mark=marks)
    def renew(self, *, worker: str, mark: Mark) -> None:
        """A worker prolongs all it ever held."""
        tokens = {claim.token: mark for claim in self.claims[-30:] if claim.worker == worker}
        self.agree(
            lambda: frozenset(self.oracle.renew(worker, tokens, LEASE_MS)),
            lambda: self.store.renew(worker, tokens, LEASE_MS),
            twice=True,
        )

    @precondition(lambda self: self.current())
    @rule(worker=st.sampled_from(WORKERS), charge=st.sampled_from([True, True, False]), mark=st.none() | marks)
    def recover(self, *, worker: str, charge: bool, mark: Mark | None) -> None:
        """A worker died and came back."""
        held = [claim.task_id for claim in self.current() if claim.worker == worker]
        self.recover_all(worker, {task_id: mark for task_id in held if mark is not None}, charge=charge)

    # What time and the keeper do

    @precondition(lambda self: self.oracle.sweepable())
    @rule()
    def sweep(self) -> None:
        """Leases that ran out are freed, and what albums began is done."""
        self.oracle.sweep()
        self.run(sweep_all(self.store))

    @precondition(lambda self: any(job.state.final for job in self.oracle.jobs.values()))
    @rule(keep=st.sampled_from([0, HOUR]))
    def prune(self, *, keep: int) -> None:
        """Old records go; exactly as old as the retention may go or stay."""
        retention = Retention(keep, 2 * keep, keep)
        must, may = self.oracle.prunable(retention)
        while self.run(self.store.prune(retention)).more:
            pass
        left = {job.id for job in self.run(self.store.jobs(JobQuery(limit=1_000))).jobs}
        removed = set(self.oracle.jobs) - left
        assert must <= removed <= may
        for job_id in removed:
            self.oracle.delete(job_id)

    @precondition(lambda self: self.current())
    @rule(renewing=st.sampled_from([None, *WORKERS]), swept=st.booleans())
    def outlast_leases(self, *, renewing: str | None, swept: bool) -> None:
        """Time goes by until all leases have run out, but those that are renewed in the last moment."""
        self.pass_time(ms=LEASE_MS - 1)
        if renewing is not None:
            self.renew(worker=renewing, mark=Mark(Phase.CLAIMED))
        self.pass_time(ms=1)
        self.sweep()
        self.pass_time(ms=LEASE_MS)
        if swept:
            self.sweep()

    @rule(ms=st.sampled_from([1, SECOND, 5 * SECOND, 5 * SECOND, LEASE_MS - 1, LEASE_MS, 3 * MINUTE]))
    def pass_time(self, *, ms: int) -> None:
        """Time goes by."""
        self.clock.advance(ms)
        self.oracle.now += ms

    @rule(ms=st.sampled_from([-HOUR, HOUR, 10 * YEAR, -10 * YEAR]))
    def step_wall(self, *, ms: int) -> None:
        """Somebody sets the wall clock; nothing must come of it."""
        self.clock.step_wall(ms)

    @precondition(lambda self: self.engine.durable)
    @rule()
    def reopen(self) -> None:
        """The process ends and another begins."""
        self.run(self.store.close())
        self.store = self.open()
