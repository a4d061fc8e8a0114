"""Harvest: every job of a queue as it stands, also of a queue whose file is damaged in places.

The list is read from its beginning to the damage, and then from its end back to it. What could not be read is named.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from tonearm.errors import NotFound, StoreDamaged
from tonearm.model import JobDump, JobOrder, JobQuery
from tonearm.store.base import PAGE, Store


@dataclass(slots=True)
class Harvest:
    """One reading of *store*; afterwards *unreadable* says which jobs are missing, for people."""

    store: Store
    unreadable: list[str] = field(default_factory=list[str])

    async def pages(self) -> AsyncIterator[JobDump]:
        """Every job in the order of submission; one that is deleted meanwhile is left out, or its last pages are."""
        last: str | None = None
        async for job, query in self._listed(JobOrder.CREATED):
            last = job
            async for page in self._dumped(job, query):
                yield page
        if not self.unreadable or not self.unreadable[-1].startswith(GAP):
            return
        first: str | None = None
        async for job, query in self._listed(JobOrder.CREATED_DESC):
            if job == last:
                break
            first = job
            async for page in self._dumped(job, query):
                yield page
        self.unreadable[:] = [each for each in self.unreadable if not each.startswith(GAP)]
        self.unreadable.append(f"{GAP} {last or 'the beginning'} and {first or 'the end'}")

    async def _listed(self, order: JobOrder) -> AsyncIterator[tuple[str, JobQuery]]:
        """Ids in this order, with the query that found them, as far as the list can be read."""
        query: JobQuery | None = JobQuery(order=order, limit=PAGE)
        while query is not None:
            try:
                listed = await self.store.jobs(query)
            except StoreDamaged:
                if query.limit > 1:
                    query = replace(query, limit=query.limit // 2)
                    continue
                self.unreadable.append(GAP)
                return
            for job in listed.jobs:
                yield job.id, query
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
            # Who was deleted is in no list any more; who still is, is damaged where it lies.
            if any(job.id == job_id for job in (await self.store.jobs(query)).jobs):
                self.unreadable.append(job_id)


GAP = "whatever was submitted between"
