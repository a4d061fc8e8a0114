"""Many jobs at once: one action on a list of them or on those of a status, and clearing what is finished.

Every job is asked by itself, a few at a time, and one that refuses keeps no other from its own. Nothing here is one
unit: what was done before the store went away stays done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request, Response

from tonearm.api import fields
from tonearm.api.answers import UNREACHABLE, success, with_warning
from tonearm.api.bodies import Object, read_object
from tonearm.api.jobs import REFUSED, Action, ask, read_action
from tonearm.api.listing import read_jobs
from tonearm.api.paths import ACTIONS, PREFIX
from tonearm.errors import NotFound, RefusalCode, StoreUnavailable, WrongState
from tonearm.model import FINISHED, JOB_ID, AlbumOutcome, JobQuery, Priority, Status
from tonearm.settings import Settings
from tonearm.store.base import PAGE, Store

MAX_JOBS = 1_000
"""The most jobs that one request acts on."""

ID_BYTES = 64
"""What one id may take in the body, with its quotes and comma: ids of ours take 31."""

CLEAR_PAGES = 50
"""The most pages of `PAGE` jobs that one request clears."""

AT_ONCE = 8
"""Calls of the store that one request has under way."""

T = TypeVar("T")
log = structlog.get_logger("api.bulk")


class BulkRoutes:
    """`POST …/actions`, and `DELETE` of the finished jobs of one status."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*, before those of jobs."""
        app.add_api_route(ACTIONS, self.act, methods=["POST"])
        app.add_api_route(PREFIX, self.clear, methods=["DELETE"])

    async def act(self, request: Request) -> Response:
        """Do one thing to each of the jobs, and say of each what came of it, in their order."""
        body = await read_object(request, self._settings.max_body_bytes + MAX_JOBS * ID_BYTES)
        action = read_action(body)
        priority = fields.word(body, "priority", Priority) or Priority.HIGH
        job_ids, more = await self._meant(body)

        async def one(job_id: str) -> Object:
            code = await self._asked(action, job_id, priority)
            if code is not None:
                return {"jobId": job_id, "success": False, "code": code, "error": REFUSED[action]}
            return {"jobId": job_id, "success": True}

        results = await _each(job_ids, one)
        log.info("Asked of many jobs", action=action, jobs=len(results), done=sum(done["success"] for done in results))
        answer: Object = {"results": results}
        if more:
            answer["more"] = True
        unused = fields.warning(fields.unknown(body, ("action", "jobIds", "status", "priority")))
        return success(with_warning(answer, unused))

    async def clear(self, request: Request) -> Response:
        """Remove the finished jobs of one status, or only those with an *outcome*; one that is not finished any more
        when its turn comes stays.
        """
        status = _finished(request.query_params)
        outcome = fields.word(request.query_params, "outcome", AlbumOutcome)  # an empty one does not mean all of them
        removed, cursor = 0, None
        for _ in range(CLEAR_PAGES):
            page = await self._store.jobs(JobQuery(status=status, outcome=outcome, limit=PAGE, cursor=cursor))
            removed += sum(await _few_at_once((job.id for job in page.jobs), lambda id_: self._remove(id_, status)))
            cursor = page.next
            if cursor is None:
                break
        log.info("History cleared", status=status, outcome=outcome, removed=removed)
        answer: Object = {"message": f"{removed} {status} jobs removed", "removed": removed}
        return success(answer if cursor is None else answer | {"more": True})

    async def _asked(self, action: Action, job_id: str, priority: Priority) -> RefusalCode | None:
        """Ask, and return why it was refused."""
        if not JOB_ID.fullmatch(job_id):
            return RefusalCode.NOT_FOUND
        try:
            await ask(self._store, action, job_id, priority)
        except (NotFound, WrongState) as refused:
            return refused.code
        return None

    async def _remove(self, job_id: str, status: Status) -> bool:
        try:
            await self._store.delete(job_id, keep_ms=self._settings.delete_retention_ms, only=status)
        except (NotFound, WrongState):
            return False
        return True

    async def _meant(self, body: Object) -> tuple[list[str], bool]:
        """The jobs that the body speaks of, and whether there are more of its status."""
        status = fields.word(body, "status", Status)
        if (status is None) == (body.get("jobIds") is None):
            raise fields.invalid("jobIds", "Either jobIds or status says which jobs are meant")
        if status is None:
            return _ids(body["jobIds"]), False
        page = await read_jobs(self._store, JobQuery(status=status, limit=MAX_JOBS))
        return [job.id for job in page.jobs], page.next is not None


async def _each(job_ids: list[str], one: Callable[[str], Awaitable[Object]]) -> list[Object]:
    """What came of each job, in order; one that is named twice is asked once.

    Where the store goes away, the rest is not asked.

    Raises:
        StoreUnavailable: it answered for no job at all.
    """
    away: list[StoreUnavailable] = []

    async def unless_away(job_id: str) -> Object | None:
        if away:
            return None
        try:
            return await one(job_id)
        except StoreUnavailable as error:
            away.append(error)
            return None

    distinct = list(dict.fromkeys(job_ids))
    results = dict(zip(distinct, await _few_at_once(distinct, unless_away), strict=True))
    if away and not any(results.values()):
        raise away[0]
    return [results[job_id] or _unknown(job_id) for job_id in job_ids]


def _unknown(job_id: str) -> Object:
    return {"jobId": job_id, "success": False, "code": RefusalCode.STORE_UNAVAILABLE, "error": UNREACHABLE}


async def _few_at_once(job_ids: Iterable[str], ask_one: Callable[[str], Awaitable[T]]) -> list[T]:
    """The answers in order, of at most `AT_ONCE` calls at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def waiting(job_id: str) -> T:
        async with room:
            return await ask_one(job_id)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(waiting(job_id)) for job_id in job_ids]
    except* StoreUnavailable as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _ids(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_JOBS or not all(isinstance(job_id, str) for job_id in value):
        raise fields.invalid("jobIds", f"jobIds must be a list of at most {MAX_JOBS:,} ids")
    return value


def _finished(query: Mapping[str, str]) -> Status:
    status = query.get("status")
    if status not in FINISHED:
        raise fields.invalid("status", f"status must be one of {', '.join(FINISHED)}")
    return Status(status)
