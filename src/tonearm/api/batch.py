"""The route of batches: up to 100 jobs in one request, each answered by itself.

A job that cannot be read is refused in its place and stops no other; the store takes the others as one unit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response

from tonearm import metrics, traces
from tonearm.api.answers import limit_of, success, with_warning
from tonearm.api.bodies import Object, read_object
from tonearm.api.fields import invalid, unknown, warning
from tonearm.api.idempotency import read_idempotency
from tonearm.api.paths import BATCH
from tonearm.api.peers import client_name, key_limits
from tonearm.api.submissions import Wanted, read_submission
from tonearm.clock import Clock
from tonearm.errors import Invalid, RefusalCode, Refused
from tonearm.model import Submitted
from tonearm.settings import Settings
from tonearm.store import batches
from tonearm.store.base import Store
from tonearm.traces import Step

log = structlog.get_logger("api.batch")


@dataclass(frozen=True)
class BatchRoutes:
    """`POST /batch`."""

    store: Store
    settings: Settings
    clock: Clock

    def add_to(self, app: FastAPI) -> None:
        """Add the route to *app*, before that of a job."""
        app.add_api_route(BATCH, self.submit, methods=["POST"])

    async def submit(self, request: Request) -> Response:
        """Add jobs, and say of each what became of it."""
        body = await read_object(request, batches.BATCH * self.settings.max_body_bytes)
        client = client_name(request.scope)
        judged = [self._read(each, client) for each in _jobs(body)]
        wanted = [each for each in judged if isinstance(each, Wanted)]
        # What can be read is part of it: the answers that are remembered are those of the jobs that could be.
        said = {"body": body, "read": [isinstance(each, Wanted) for each in judged]}
        idempotency = read_idempotency(request, BATCH, said)
        answers: batches.Answers = ()
        began_ns = time.time_ns()
        if wanted:
            answers = await self.store.submit_many(
                [each.submission for each in wanted],
                key_limits(request.scope, self.settings.submit_limits()),
                idempotency,
            )
        added = frozenset(batches.added([each.submission for each in wanted], answers))
        for each in wanted:
            if each.submission.id in added:
                metrics.JOBS_SUBMITTED[each.submission.spec.type].inc()
        if added:
            log.info("Batch submitted", client=client, jobs=len(added))
        for job_id in added:
            traces.passed(Step.SUBMIT, job_id, began_ns=began_ns, headers=request.headers)
        coming = iter(zip(wanted, answers, strict=True))
        results = [_refused(each) if isinstance(each, Invalid) else _result(*next(coming)) for each in judged]
        lies = next((each for each in answers if isinstance(each, Submitted)), None)
        source = lies.source if lies is not None and lies.source else self.store.source
        answer: Object = {"results": results, "queueSource": source}
        lost = (lies.warning if lies else None) or self.store.warning
        return success(with_warning(answer, warning(unknown(body, ("jobs",))), lost))

    def _read(self, job: Any, client: str) -> Wanted | Invalid:
        if not isinstance(job, dict):
            return Invalid(RefusalCode.INVALID_JOB, "Invalid job format")
        try:
            return read_submission(
                job,
                client=client,
                clock=self.clock,
                max_retries=self.settings.max_retries,
                aliases=self.settings.quality_aliases,
            )
        except Invalid as refused:
            return refused


def _jobs(body: Object) -> list[Any]:
    jobs = body.get("jobs")
    if not isinstance(jobs, list) or not 1 <= len(jobs) <= batches.BATCH:
        raise invalid("jobs", f"jobs must be a list of 1 to {batches.BATCH} jobs")
    return jobs


def _result(wanted: Wanted, answer: Submitted | Refused) -> Object:
    if isinstance(answer, Refused):
        return _refused(answer)
    result: Object = {"success": True, "jobId": answer.job_id}
    if answer.duplicate:
        result["duplicate"] = True
    if wanted.warning is not None:
        result["warning"] = wanted.warning
    return result


def _refused(refused: Refused) -> Object:
    metrics.REQUESTS_REFUSED[refused.code].inc()
    result: Object = {"success": False, "error": refused.message, "code": refused.code}
    if isinstance(refused, Invalid) and refused.field is not None:
        result["field"] = refused.field
    limit = limit_of(refused)
    if limit is not None:
        result["limit"] = limit
    return result
