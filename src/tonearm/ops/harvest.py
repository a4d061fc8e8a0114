"""Harvest: every job of a queue as it stands, also of a queue whose file is damaged in places.

The list is read from its beginning to the damage, and then from its end back to it. What could not be read is named.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from tonearm.errors import NotFound, StoreDamaged
from tonearm.model import JobDump, JobOrder, JobQuery, JobRecord
from tonearm.store.base import PAGE, Store


@dataclass(slots=True)
class Harvest:
    """One reading of *store*; afterwards *unreadable* are the ids of jobs that were seen and could not be read."""

    store: Store
    unreadable: list[str] = field(default_factory=list[str])
    gap: str = ""
    """What no list tells of, in words for people; empty: the list could be read whole."""

    async def pages(self) -> AsyncIterator[JobDump]:
        """Every job in the order of submission; one that is deleted meanwhile is left out, or its last pages are."""
        last: JobRecord | None = None
        async for job, query in self._listed(JobOrder.CREATED):
            last = job
            async for page in self._dumped(job.id, query):
                yield page
        if not self.gap:
            return
        first: JobRecord | None = None
        async for job, query in self._listed(JobOrder.CREATED_DESC):
            if last is not None and (job.id == last.id or job.created_at < last.created_at):
                break
            first = job
            async for page in self._dumped(job.id, query):
                yield page
        begin, end = last.id if last else "the beginning", first.id if first else "the end"
        self.gap = f"whatever was submitted between {begin} and {end}"

    def missing(self, most: int) -> list[str]:
        """What is missing, in words for people: the gap first, then at most so many ids, then how many more."""
        named = [self.gap] * bool(self.gap) + self.unreadable[:most]
        more = len(self.unreadable) - most
        return [*named, f"{more} more"] if more > 0 else named

    async def _listed(self, order: JobOrder) -> AsyncIterator[tuple[JobRecord, JobQuery]]:
        """Jobs in this order, with the query that found them, as far as the list can be read."""
        query: JobQuery | None = JobQuery(order=order, limit=PAGE)
        while query is not None:
            try:
                listed = await self.store.jobs(query)
            except StoreDamaged:
                if query.limit > 1:
                    query = replace(query, limit=query.limit // 2)
                    continue
                self.gap = "the list itself"
                return
            for job in listed.jobs:
                yield job, query
            query = None if listed.next is None else replace(query, cursor=listed.next)

    async def _dumped(self, job_id: str, query: JobQuery) -> AsyncIterator[JobDump]:
        """The pages of a job that *query* found."""
        start: int | None = 1
        try:
            while start is not None:
                page = await self.store.dump(job_id, start=start)
                yield page
                start = page.following
        except StoreDamaged:
            self.unreadable.append(job_id)
        except NotFound:
            if await self._is_listed(job_id, query):
                self.unreadable.append(job_id)

    async def _is_listed(self, job_id: str, query: JobQuery) -> bool:
        """Whether *query* still finds it: who was deleted is in no list any more, who is damaged where it lies is.

        Also where the list itself cannot be read any more: then nobody knows.
        """
        try:
            return any(job.id == job_id for job in (await self.store.jobs(query)).jobs)
        except StoreDamaged:
            return True
