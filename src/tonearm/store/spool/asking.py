"""Asking: what clients and readers say to a spool, which is made of two stores (`Submitting`, `Reading`, `Moving`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tonearm.errors import StoreRefused, StoreUnavailable
from tonearm.model import (
    Control,
    ControlChange,
    Counts,
    Feed,
    FilePage,
    Idempotency,
    JobDump,
    JobPage,
    JobQuery,
    JobRecord,
    Metrics,
    Priority,
    Status,
    Submission,
    SubmitLimits,
    Submitted,
    TakenIn,
    TrackPage,
    WorkerRecord,
)
from tonearm.store import batches
from tonearm.store.base import PAGE
from tonearm.store.batches import Answers
from tonearm.store.spool.both import Both
from tonearm.store.spool.figures import add_counts, mix_metrics

HERE = "local."
"""What a cursor begins with that goes on among the jobs of the local store; no engine's own does."""

THERE = "main."
"""The cursor that begins with the jobs of the main store."""

LASTING = "The queue is {why}. Jobs are accepted {here} meanwhile, and handed over to it when it {mended}."
FLEETING = (
    "The queue is {why}. Jobs are kept in memory {here} meanwhile; "
    "they are lost if the server ends before they are handed over."
)


class Asking:
    """The calls of clients and readers."""

    def __init__(self, both: Both) -> None:
        self._both = both
        self._reach = both.reach
        self._local = both.local

    @property
    def source(self) -> str:
        """The main store's, or that of the local one while it stands in."""
        main = self._reach.store
        if main is not None and self._reach.up:
            return main.source
        return "memory" if self._local.source == "memory" else "local"

    @property
    def warning(self) -> str | None:
        """Why jobs lie here, or what the main store has to say."""
        main, left = self._reach.store, self._both.handover.left
        if main is None or not self._reach.up or (left and self._reach.full):
            return self._standing_in
        if left:
            jobs = "1 job that was" if left == 1 else f"{left:,} jobs that were"
            return f"The queue is back. {jobs} accepted while it was away will be handed over to it."
        return main.warning

    @property
    def _standing_in(self) -> str:
        """What becomes of jobs while the main store is away, or has no room for them."""
        text = FLEETING if self._local.source == "memory" else LASTING
        why, mended = ("full", "has room") if self._reach.up and self._reach.full else ("away", "is back")
        return text.format(why=why, mended=mended, here="and worked on here" if self._both.works else "here")

    # clients

    async def submit(self, submission: Submission, limits: SubmitLimits) -> Submitted:
        if submission.idempotency is not None:  # the main store knows nothing of what was answered while it was away
            known = await self._local.answered(submission.client, submission.idempotency)
            if known is not None:
                return known
        uncertain = self._reach.up
        if uncertain:
            try:
                return await self._reach.add(lambda main: main.submit(submission, limits))
            except StoreUnavailable as error:
                # It may be there: it is accepted here, and not worked on before that is known.
                uncertain = not isinstance(error, StoreRefused)
        if uncertain:
            submitted = await self._both.handover.accept_marked(submission, limits)
        else:
            submitted = await self._local.submit(submission, limits)
            self._both.handover.arrived()
        source = "memory" if self._local.source == "memory" else "local"
        return replace(submitted, source=source, warning=self._standing_in)

    async def submit_many(
        self, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None = None
    ) -> Answers:
        if idempotency is not None:
            known = await self._local.answered_many(batches.client_of(submissions), idempotency)
            if known is not None:
                return known
        uncertain = self._reach.up
        if uncertain:
            try:
                return await self._reach.add(lambda main: main.submit_many(submissions, limits, idempotency))
            except StoreUnavailable as error:
                uncertain = not isinstance(error, StoreRefused)
        if uncertain:
            answers = await self._both.handover.accept_many_marked(submissions, limits, idempotency)
        else:
            answers = await self._local.submit_many(submissions, limits, idempotency)
        for _ in batches.added(submissions, answers):
            self._both.handover.arrived()
        source = "memory" if self._local.source == "memory" else "local"
        return tuple(
            replace(answer, source=source, warning=self._standing_in) if isinstance(answer, Submitted) else answer
            for answer in answers
        )

    async def cancel(self, job_id: str) -> None:
        await self._both.act(job_id, lambda store: store.cancel(job_id))

    async def pause(self, job_id: str) -> None:
        await self._both.act(job_id, lambda store: store.pause(job_id))

    async def resume(self, job_id: str) -> None:
        await self._both.act(job_id, lambda store: store.resume(job_id))

    async def retry(self, job_id: str) -> None:
        await self._both.act(job_id, lambda store: store.retry(job_id))

    async def prioritize(self, job_id: str, priority: Priority) -> None:
        await self._both.act(job_id, lambda store: store.prioritize(job_id, priority))

    async def delete(self, job_id: str, *, keep_ms: int = 0, only: Status | None = None) -> bool:
        return await self._both.act(job_id, lambda store: store.delete(job_id, keep_ms=keep_ms, only=only))

    async def steer(self, change: ControlChange) -> Control:
        control = await self._reach.call(lambda main: main.steer(change))
        await self._both.mirror(control)
        return control

    # readers

    async def job(self, job_id: str, *, whole: bool = True) -> JobRecord:
        return await self._both.read(lambda store: store.job(job_id, whole=whole))

    async def jobs(self, query: JobQuery) -> JobPage:
        """The jobs of the local store, then those of the main one, each in the order asked for."""
        here = JobPage(())
        if query.cursor is None or query.cursor.startswith(HERE):
            inside = None if query.cursor is None else query.cursor.removeprefix(HERE)
            if self._both.handover.left or inside is not None:
                here = await self._local.jobs(replace(query, cursor=inside))
            if here.next is not None:
                return JobPage(here.jobs, HERE + here.next)
            if not self._reach.up:
                return here
            if len(here.jobs) == query.limit:
                return JobPage(here.jobs, THERE)
        start = None if query.cursor is None or query.cursor.startswith((HERE, THERE)) else query.cursor
        rest = replace(query, cursor=start, limit=query.limit - len(here.jobs))
        there = await self._reach.call(lambda main: main.jobs(rest))
        twice = {job.id for job in here.jobs} | self._both.handover.marked
        return JobPage(here.jobs + tuple(job for job in there.jobs if job.id not in twice), there.next)

    async def tracks(self, job_id: str, *, limit: int, cursor: str | None = None) -> TrackPage:
        return await self._both.read(lambda store: store.tracks(job_id, limit=limit, cursor=cursor))

    async def files(self, job_id: str, *, cursor: str | None = None) -> FilePage:
        return await self._both.read(lambda store: store.files(job_id, cursor=cursor))

    async def named_elsewhere(self, job_id: str, paths: Sequence[str]) -> frozenset[str]:
        """In either store; both have to answer, because a file that neither names may be removed."""
        there = await self._reach.call(lambda main: main.named_elsewhere(job_id, paths))
        return there | await self._local.named_elsewhere(job_id, paths)

    async def counts(self) -> Counts:
        there = await self._both.ask_main(lambda main: main.counts())
        if there is not None and not self._both.handover.left:
            return there
        return add_counts(await self._local.counts(), there or Counts())

    async def oldest(self) -> int | None:
        there = await self._both.ask_main(lambda main: main.oldest())
        here = await self._local.oldest() if self._both.handover.left else None
        return min((age for age in (here, there) if age is not None), default=None)

    async def metrics(self) -> Metrics:
        there = await self._both.ask_main(lambda main: main.metrics())
        if there is not None and not self._both.handover.left:
            return there
        here, of_here = await self._local.metrics(), await self._local.counts()
        of_there = await self._both.ask_main(lambda main: main.counts())
        return mix_metrics(here, of_here, there or Metrics(), of_there or Counts())

    async def workers(self) -> tuple[WorkerRecord, ...]:
        there = await self._both.ask_main(lambda main: main.workers())
        return await self._local.workers() if there is None else there

    async def control(self) -> Control:
        there = await self._both.ask_main(lambda main: main.control())
        return await self._local.control() if there is None else there

    async def events(self, after: str | None, *, limit: int = PAGE) -> Feed:
        return await self._both.feeds.events(after, limit)

    async def changed(self, seen: int, timeout_ms: int) -> int:
        return await self._both.feeds.changed(seen, timeout_ms)

    # moving

    async def dump(self, job_id: str, *, start: int = 1) -> JobDump:
        return await self._both.read(lambda store: store.dump(job_id, start=start))

    async def take_in(self, dump: JobDump) -> TakenIn:
        return await self._reach.add(lambda main: main.take_in(dump))
