"""The hand-over: jobs go from the local store to the main one, and a kill between any two steps harms nothing.

    mark it (nobody can claim it)  →  take it in there, by its id  →  remove it here

A job that somebody works on is left until its claim has ended. One whose `take_in` was not answered stays marked, and
also after a restart: it may be there, and may run there, so it is worked on nowhere else until the main store has said.
What was deleted there in between is deleted here too. All of it happens under one lock, which an action on a job takes
as well: so none is lost between the two stores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from tonearm.errors import Invalid, NotFound, StoreRefused
from tonearm.model import Idempotency, JobOrder, JobQuery, Submission, SubmitLimits, Submitted, TakenIn
from tonearm.store import batches
from tonearm.store.base import PAGE, LocalStore
from tonearm.store.batches import Answers
from tonearm.store.spool.reach import Reach

TOGETHER = 16
"""Jobs that are marked, and removed, in one commit; they are taken in one after the other, so their order holds."""

log = structlog.get_logger("store.spool")


class HandOver:
    """Moves what lies in *local* to the store behind *reach*."""

    def __init__(self, reach: Reach, local: LocalStore) -> None:
        self._reach = reach
        self._local = local
        self._refused: set[str] = set()
        self._arrived = 0
        self.news = asyncio.Event()
        """Set where a job begins to lie here, or to be marked; the loop clears it before it looks."""
        self.lock = asyncio.Lock()
        self.marked: set[str] = set()
        """Jobs here that may be there as well."""
        self.left = 0
        """Jobs that lie here, or a few more; 0 only if there are none."""

    async def begin(self) -> None:
        """Learn what an earlier process left."""
        page = await self._local.moving()
        while page:
            self.marked.update(page)
            page = await self._local.moving(page[-1])
        await self.count()

    async def count(self) -> None:
        """Count what lies here; what arrives meanwhile counts as well."""
        before = self._arrived
        counted = (await self._local.counts()).total
        self.left = counted + self._arrived - before

    def arrived(self) -> None:
        """A job has just been accepted into the local store."""
        self._arrived += 1
        self.left += 1
        self.news.set()

    async def accept_marked(self, submission: Submission, limits: SubmitLimits) -> Submitted:
        """Accept a job here that may be there already, because its submission was not answered."""
        submitted = await self._local.submit_marked(submission, limits)
        if submitted.job_id == submission.id:
            self.marked.add(submission.id)
        self.arrived()
        return submitted

    async def accept_many_marked(
        self, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None
    ) -> Answers:
        """Accept a batch here that may be there already, as `accept_marked`."""
        answers = await self._local.submit_many_marked(submissions, limits, idempotency)
        self.marked |= set(batches.added(submissions, answers))
        return answers

    async def go_through(self) -> bool:
        """Hand over what can be: the marked ones, then all in the order of their submission. True: something moved.

        Raises:
            StoreUnavailable: the main store went away again.
            StoreFull: it has no room for the next one, which stays here, as do those after it.
        """
        before = self.left
        cursor: str | None = None
        await self._in_parts(sorted(self.marked))
        while True:
            page = await self._local.jobs(JobQuery(order=JobOrder.CREATED, limit=PAGE, cursor=cursor))
            await self._in_parts([job.id for job in page.jobs])
            cursor = page.next
            if cursor is None:
                break
        await self.count()
        if self.left != before:
            log.info("Handed over jobs to the queue", left=self.left)
        return self.left != before

    async def _in_parts(self, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), TOGETHER):
            async with self.lock:
                await self.move(ids[first : first + TOGETHER])

    async def move(self, ids: Sequence[str]) -> None:
        """Hand these over, as far as nobody works on them; the caller holds the lock.

        Raises:
            StoreUnavailable: the main store is away; what it did not answer stays marked, what was not sent does not.
        """
        begun = await asyncio.gather(*map(self._begin, ids))
        waiting = [job_id for job_id, ready in zip(ids, begun, strict=True) if ready]
        answers: dict[str, TakenIn] = {}
        try:
            for job_id in waiting:
                before = job_id in self.marked
                self.marked.add(job_id)
                try:
                    answer = await self._take_in(job_id)
                except StoreRefused:
                    if not before:
                        self.marked.discard(job_id)
                    raise
                if answer is not None:
                    answers[job_id] = answer
        finally:
            unsent = [job_id for job_id in waiting if job_id not in self.marked]
            settled = [self._finish(job_id, answer) for job_id, answer in answers.items()]
            await asyncio.gather(*settled, *map(self._abandon, unsent))

    async def _begin(self, job_id: str) -> bool:
        try:
            return await self._local.begin_move(job_id)
        except NotFound:
            self.marked.discard(job_id)
            return False

    async def _take_in(self, job_id: str) -> TakenIn | None:
        """Take all pages of a job in there; None: that store refuses it, and it stays here."""
        start: int | None = 1
        answer = TakenIn.MORE
        try:
            while answer is TakenIn.MORE and start is not None:
                page = await self._local.dump(job_id, start=start)
                # mypy cannot tell the type of a lambda with a default
                answer = await self._reach.add(lambda main, page=page: main.take_in(page))  # type: ignore[misc]  # default of a lambda
                start = page.following
        except Invalid as error:
            await self._abandon(job_id)
            if job_id not in self._refused:
                self._refused.add(job_id)
                log.warning("The queue does not take a job, so it stays here", job=job_id, reason=error.message)
            return None
        return answer

    async def _abandon(self, job_id: str) -> None:
        await self._local.abandon_move(job_id)
        self.marked.discard(job_id)

    async def _finish(self, job_id: str, answer: TakenIn) -> None:
        if answer is TakenIn.DELETED:
            await self._local.delete(job_id)
        else:
            await self._local.finish_move(job_id)
        self.marked.discard(job_id)
