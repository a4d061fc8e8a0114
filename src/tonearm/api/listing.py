"""Listing: a page of jobs as long as a reader wants it, made of as many calls of the store as it takes."""

from __future__ import annotations

from dataclasses import replace

from tonearm.model import JobPage, JobQuery, JobRecord
from tonearm.store.base import PAGE, Store


async def read_jobs(store: Store, query: JobQuery) -> JobPage:
    """At most as many jobs as *query* wants, and where the next page begins.

    The calls are counted, not the jobs: where a filter lets few pass, the answer is short and not late.

    Raises:
        Invalid: INVALID_CURSOR.
    """
    jobs: list[JobRecord] = []
    cursor = query.cursor
    for _ in range(calls(query.limit)):
        page = await store.jobs(replace(query, cursor=cursor, limit=min(PAGE, query.limit - len(jobs))))
        jobs += page.jobs
        cursor = page.next
        if cursor is None:
            break
    return JobPage(tuple(jobs), cursor)


def calls(limit: int) -> int:
    """How many calls of the store hold *limit* items."""
    return -(-limit // PAGE)
