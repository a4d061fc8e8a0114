"""Routes of jobs: submit, list, show, act, delete, and the tracks of an album.

Each route reads strictly, makes one call of the store (a long list several, page by page) and says what came of it.
What the store refuses is turned into an answer by `tonearm.api.app`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tonearm import metrics, traces
from tonearm.api import fields, records
from tonearm.api.answers import refusal, success, with_warning
from tonearm.api.bodies import Object, read_object
from tonearm.api.conditional import unchanged, weak
from tonearm.api.idempotency import read_idempotency
from tonearm.api.listing import calls, read_jobs
from tonearm.api.live import Live
from tonearm.api.paths import FIXED, PREFIX
from tonearm.api.peers import client_name, key_limits
from tonearm.api.queries import read_flag, read_job_query, read_window
from tonearm.api.removing import Remover
from tonearm.api.submissions import read_submission
from tonearm.clock import Clock
from tonearm.errors import Invalid, NotFound, RefusalCode, WrongState
from tonearm.model import JOB_ID, Priority, TrackProgress
from tonearm.settings import Settings
from tonearm.store.base import PAGE, Store
from tonearm.traces import Step

ASKED = "Asked of a job"
"""The event of everything that a client asks of a job and that was accepted; what becomes of it tells the store."""

log = structlog.get_logger("api.jobs")


class Action(StrEnum):
    """What can be asked of a job."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    PRIORITIZE = "prioritize"


REQUESTED = MappingProxyType(
    {
        Action.CANCEL: "Cancellation requested",
        Action.PAUSE: "Pause requested",
        Action.RESUME: "Resume requested",
        Action.RETRY: "Retry requested",
        Action.PRIORITIZE: "Priority changed",
    }
)
"""What an accepted action is answered with."""

REFUSED = MappingProxyType(
    {
        Action.CANCEL: "Could not cancel job (not found or already completed)",
        Action.PAUSE: "Could not pause job (not found or already completed)",
        Action.RESUME: "Could not resume job (not found or already completed)",
        Action.RETRY: "Could not retry job (not found or not finished)",
        Action.PRIORITIZE: "Could not prioritize job (not found or already completed)",
    }
)
"""What an action is answered with that the job's state refuses, or when there is no such job."""


class JobRoutes:
    """The routes under `/api/download-queue` that are about jobs."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, live: Live) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._live = live
        self._remover = Remover(store, settings, clock)

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*, after those of fixed names."""
        one = f"{PREFIX}/{{job_id}}"
        app.add_api_route(PREFIX, self.submit, methods=["POST"])
        app.add_api_route(PREFIX, self.browse, methods=["GET", "HEAD"])
        app.add_api_route(one, self.show, methods=["GET", "HEAD"])
        app.add_api_route(one, self.act, methods=["PATCH"])
        app.add_api_route(one, self.delete, methods=["DELETE"])
        app.add_api_route(f"{one}/tracks", self.tracks, methods=["GET", "HEAD"])

    async def submit(self, request: Request) -> Response:
        """Add a job, or name the unfinished one that it repeats."""
        body = await self._body(request)
        wanted = read_submission(
            body,
            client=client_name(request.scope),
            clock=self._clock,
            max_retries=self._settings.max_retries,
            aliases=self._settings.quality_aliases,
        )
        spec = wanted.submission.spec
        submission = replace(wanted.submission, idempotency=read_idempotency(request, PREFIX, body))
        began_ns = time.time_ns()
        submitted = await self._store.submit(submission, key_limits(request.scope, self._settings.submit_limits()))
        answer: Object = {
            "jobId": submitted.job_id,
            "message": f"{spec.type} job {'is queued already' if submitted.duplicate else 'queued successfully'}",
            "queueSource": submitted.source or self._store.source,
        }
        if submitted.duplicate:
            answer["duplicate"] = True
        elif submitted.job_id == submission.id:
            metrics.JOBS_SUBMITTED[spec.type].inc()
            traces.passed(Step.SUBMIT, submission.id, {"type": spec.type}, began_ns=began_ns, headers=request.headers)
        location = f"{self._settings.base_path}{PREFIX}/{submitted.job_id}"
        answer = with_warning(answer, wanted.warning, submitted.warning or self._store.warning)
        return success(answer, status=200 if submitted.duplicate else 201, headers={"Location": location})

    async def browse(self, request: Request) -> Response:
        """The jobs that the query asks for, page by page."""
        query = read_job_query(request.query_params)
        # The revision first: a list that is newer than its tag is asked for once more, an older one would stay.
        tag = weak(await self._live.tag_of(query))
        if (known := unchanged(request.scope, tag)) is not None:
            return known
        page = await read_jobs(self._store, query)
        answer: Object = {"jobs": self._live.lists.encode(page.jobs), "count": len(page.jobs)}
        answer = _with_cursor(with_warning(answer, self._store.warning), page.next)
        return success(answer, headers={"ETag": tag})

    async def show(self, request: Request) -> Response:
        """One job, whole."""
        job_id: str = request.path_params["job_id"]
        job = await self._store.job(_known_form(job_id))
        return success(with_warning({"job": msgspec.Raw(records.encode_whole(job))}, self._store.warning))

    async def act(self, request: Request) -> Response:
        """Cancel, pause, resume, retry or prioritize a job."""
        job_id: str = request.path_params["job_id"]
        _not_a_fixed_name(job_id)
        body = await self._body(request)
        action = read_action(body)
        priority = fields.word(body, "priority", Priority) or Priority.HIGH
        try:
            await ask(self._store, action, _known_form(job_id), priority)
        except (NotFound, WrongState) as refused:
            detail = refused.message if isinstance(refused, WrongState) else None
            return refusal(request.scope, refused.code, REFUSED[action], status=400, jobId=job_id, reason=detail)
        log.info(ASKED, job=job_id, action=action.value)
        answer = {"message": REQUESTED[action], "jobId": job_id}
        return success(with_warning(answer, fields.warning(fields.unknown(body, ("action", "priority")))))

    async def delete(self, request: Request) -> Response:
        """Remove a job in any state, and with `files=true` what it brought; a running one is cancelled first."""
        job_id: str = request.path_params["job_id"]
        query, files, warning = request.query_params, dict[str, Any](), None
        with_files = read_flag(query, "files")
        known = _known_form(job_id)
        if with_files:
            removed = await self._remover.remove(known)
            unfinished, files, warning = removed.unfinished, removed.as_json(), removed.warning
        else:
            unfinished = await self._store.delete(known, keep_ms=self._settings.delete_retention_ms)
        message = "Job cancelled" if unfinished else "Job removed"
        log.info(ASKED, job=job_id, action="delete")
        answer = {"message": message, "jobId": job_id, **files}
        return success(with_warning(answer, warning, fields.warning(fields.unknown(query, ("files",)))))

    async def tracks(self, request: Request) -> Response:
        """The tracks of an album, in its order."""
        job_id: str = request.path_params["job_id"]
        window = read_window(request.query_params)
        tracks: list[TrackProgress] = []
        cursor = window.cursor
        for _ in range(calls(window.limit)):
            page = await self._store.tracks(
                _known_form(job_id), limit=min(PAGE, window.limit - len(tracks)), cursor=cursor
            )
            tracks += page.tracks
            cursor = page.next
            if cursor is None:
                break
        answer: Object = {"tracks": [records.wire_track(track) for track in tracks], "count": len(tracks)}
        return success(_with_cursor(answer, cursor))

    async def _body(self, request: Request) -> Object:
        return await read_object(request, self._settings.max_body_bytes)


async def ask(store: Store, action: Action, job_id: str, priority: Priority) -> None:
    """Ask *action* of a job; *priority* counts for prioritize.

    Raises:
        NotFound, WrongState: as the store says.
    """
    match action:
        case Action.CANCEL:
            await store.cancel(job_id)
        case Action.PAUSE:
            await store.pause(job_id)
        case Action.RESUME:
            await store.resume(job_id)
        case Action.RETRY:
            await store.retry(job_id)
        case Action.PRIORITIZE:
            await store.prioritize(job_id, priority)


def read_action(body: Object) -> Action:
    """The action of a body.

    Raises:
        Invalid: INVALID_JOB.
    """
    value: Any = body.get("action")
    if not isinstance(value, str) or value not in frozenset(Action):
        raise Invalid(RefusalCode.INVALID_JOB, "Unknown action", "action")
    return Action(value)


def _not_a_fixed_name(job_id: str) -> None:
    """What stands where an id would, and is none, has methods of its own."""
    if f"{PREFIX}/{job_id}" in FIXED:
        raise HTTPException(405)


def _known_form(job_id: str) -> str:
    """The id, if it has the form of one; the store need not be asked for anything else."""
    _not_a_fixed_name(job_id)
    if not JOB_ID.fullmatch(job_id):
        raise NotFound(job_id)
    return job_id


def _with_cursor(answer: Object, cursor: str | None) -> Object:
    return answer if cursor is None else answer | {"nextCursor": cursor}
