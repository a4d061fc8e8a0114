"""The bench of the state machine: an engine and an oracle side by side, and how a call is made to both.

It says nothing about which calls are made: those are the rules of `machine.py`. After every step the engine is read
whole and compared: states, flags, counts, tokens, events; and its own audit must find nothing. At the end whatever is
left must come to an end by itself, and once deleted leave nothing.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.contract.engines import Engine
from tests.contract.steps import album_tracks, info_of, news
from tests.model.agreement import compare, drain, moves
from tests.model.drawn import LEASE_MS, WORKERS, Wish
from tests.model.judge import Judge
from tests.model.oracle import Oracle
from tests.support.clock import FakeClock
from tonearm.errors import LeaseLost, QuotaExceeded, RefusalCode, Refused
from tonearm.model import (
    Claim,
    ClaimRequest,
    EventKind,
    Mark,
    Outcome,
    Priority,
    Publication,
    SubmitLimits,
    Submitted,
)
from tonearm.store.base import Store

T = TypeVar("T")


class Bench(RuleBasedStateMachine):
    """One life of a queue, told twice. Subclasses name the engine."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.place = Path(tempfile.mkdtemp(prefix="tonearm-model-"))
        self.runner = asyncio.Runner()
        self.oracle = Oracle()
        self.judge = Judge(self.oracle)
        self.claims: list[Claim] = []
        self.seen: dict[str, object] = {}
        self.probed: dict[str, int] = {}
        self.number = 0
        self.agreed = True
        self.store = self.open()
        self.cursor = self.run(self.store.events(None)).last

    def open(self) -> Store:
        """Open the engine in its place."""
        return self.run(self.engine.open(self.place, self.clock))

    def run(self, call: Awaitable[T]) -> T:
        """Let the engine do something."""

        async def answer() -> T:
            return await call

        return self.runner.run(answer())

    def agree(self, predict: Callable[[], T], call: Callable[[], Awaitable[T]], *, twice: bool = False) -> None:
        """Make a call and compare what it answers, or refuses, with the oracle; *twice*: say it again at once."""
        expected = outcome_of(predict)
        got = outcome_of(lambda: self.run(call()))
        assert got == expected
        if twice and not got[1]:
            before = self.run(self.store.events(None)).last
            _, refused = outcome_of(lambda: self.run(call()))
            assert refused is None, f"said again it was refused with {refused}"
            assert self.run(self.store.events(None)).last == before, "said again it told another event"

    # What may be chosen

    def a_job(self, number: int) -> str:
        """One of the jobs, sometimes one that is gone."""
        ids = [*self.oracle.jobs, *self.oracle.gone[-1:]]
        return ids[number % len(ids)]

    def current(self) -> list[Claim]:
        """The claims that are current."""
        tokens = {task.claim.token for task in self.oracle.tasks() if task.claim is not None}
        return [claim for claim in self.claims if claim.token in tokens]

    def a_claim(self, number: int, *, late: bool) -> Claim:
        """A claim that is current; with *late*, or where there is none, any that ever was, or a forged one."""
        current = self.current()
        if late and current and number % 2:
            claim = current[number % len(current)]
            return replace(claim, token=f"{claim.epoch}:forged")
        choice = self.claims if late else current or self.claims
        return choice[number % len(choice)]

    # Calls that several rules make

    def submit_one(self, wish: Wish, limit: SubmitLimits, *, twice: bool) -> None:
        """Submit; where an engine may choose between twins or refusals, take its choice."""
        self.number += 1
        said = wish.submission(f"job-1-m{self.number}")
        twins = self.oracle.twins(said)
        refusals = set() if twins else self.oracle.refusals(said, limit)
        got, refused = outcome_of(lambda: self.run(self.store.submit(said, limit)))
        if refusals:
            assert refused in refusals
            return
        assert refused is None
        assert got is not None
        if twins:
            assert got.duplicate
            assert got.job_id in twins
        else:
            assert got == Submitted(said.id)
            self.oracle.submit(said, limit)
        if twice:
            assert self.run(self.store.submit(said, limit)) == got

    def claim_some(self, worker: str, tracks: int, albums: int, allowed: int = 0) -> tuple[Claim, ...]:
        """Claim, where a client may have received so many bytes (0: no limit), and have it judged."""
        request = ClaimRequest(worker, tracks, albums, LEASE_MS, client_bytes=allowed)
        answer = self.run(self.store.claim(request))
        self.judge.claimed(request, answer)
        self.claims.extend(answer.claims)
        return answer.claims

    def commit_one(self, claim: Claim) -> None:
        """Commit, twice."""
        publication = Publication("A/B/01 C.flac", 8_000, claim.epoch)
        self.agree(
            lambda: self.oracle.commit(claim, publication), lambda: self.store.commit(claim, publication), twice=True
        )

    def settle_one(self, claim: Claim, outcome: Outcome, mark: Mark | None, *, twice: bool) -> None:
        """Settle."""
        self.agree(
            lambda: self.oracle.settle(claim, outcome, mark),
            lambda: self.store.settle(claim, outcome, mark),
            twice=twice,
        )

    def expand_one(self, claim: Claim, start: int, count: int, unlisted: int, *, last: bool, twice: bool) -> None:
        """Enter a page of tracks from *start* on, or from where the list ends so far; so many more are announced."""
        known = self.oracle.jobs.get(claim.job_id)
        start = min(start, 1 + (len(known.tracks) if known else 0))
        if known is not None and known.resolved and count:
            start, count = 1, max(count, len(known.tracks))
        lines = album_tracks(count, start)
        announced = start + count - 1 + unlisted
        self.agree(
            lambda: self.oracle.expand(claim, start, lines, announced, last=last),
            lambda: self.store.expand(claim, info_of(claim, announced), start, lines, last=last),
            twice=twice,
        )

    def recover_all(self, worker: str, found: dict[str, Mark], *, charge: bool) -> None:
        """Recover until nothing is left; tracks of albums that are gone may be among them."""
        freed = self.oracle.recover(worker, found, charge=charge)
        got = 0
        while step := self.run(self.store.recover(worker, found, charge=charge)):
            got += step
        assert got >= freed

    # What holds after every step

    @invariant()
    def the_engine_is_as_the_oracle_says(self) -> None:
        """Read everything and compare."""
        self.agreed = False
        self.judge.forget_idle()
        self.run(compare(self.store, self.oracle, self.claims, WORKERS))
        self._follow_the_feed()
        self._probe_received()
        self.agreed = True

    def _probe_received(self) -> None:
        """To the byte what clients have received since the last look, by how they are refused at a full queue."""
        changed = dict(self.oracle.received.items() - self.probed.items())
        if not self.oracle.unfinished():
            return
        self.probed = dict(self.oracle.received)
        for client, received in changed.items():
            said = Wish(client, False, 10, Priority.NORMAL, True, False).submission("job-1-probe")
            codes = {received: RefusalCode.CLIENT_BYTES_EXCEEDED, received + 1: RefusalCode.QUEUE_FULL}
            for allowed in filter(None, codes):
                with pytest.raises(QuotaExceeded) as refused:
                    self.run(self.store.submit(said, SubmitLimits(queue_unfinished=1, client_bytes=allowed)))
                assert refused.value.code is codes[allowed], f"{client} has not received {received} bytes"

    def _follow_the_feed(self) -> None:
        """Whatever changed was told, what is gone was told last, and nothing is told of what is gone."""
        told = self.run(news(self.store, self.cursor))
        self.cursor = self.run(self.store.events(None)).last
        now: dict[str, object] = {
            job.id: (job.state, job.cancel, job.pause, job.priority) for job in self.oracle.jobs.values()
        }
        changed = {job_id for job_id in now if now[job_id] != self.seen.get(job_id)}
        removed = set(self.seen) - set(now)
        assert changed <= {event.job_id for event in told if event.kind is EventKind.JOB}
        assert removed <= {event.job_id for event in told if event.kind is EventKind.REMOVED}
        for job_id in {event.job_id for event in told} - set(now):
            assert [event.kind for event in told if event.job_id == job_id][-1] is EventKind.REMOVED
        self.seen = now

    def teardown(self) -> None:
        """Everything comes to an end, and leaves nothing."""
        try:
            self._end()
        finally:
            self.runner.close()
            shutil.rmtree(self.place, ignore_errors=True)

    def _end(self) -> None:
        try:
            if self.agreed:
                self.run(moves(self.store, FakeClock()))
                self.run(drain(self.store, self.clock))
            self.run(self.store.close())
        finally:
            self.run(self.engine.clear())


def outcome_of(call: Callable[[], T]) -> tuple[T | None, type[Exception] | None]:
    """What a call answers, or the type of its refusal."""
    try:
        return call(), None
    except (LeaseLost, Refused) as error:
        return None, type(error)
