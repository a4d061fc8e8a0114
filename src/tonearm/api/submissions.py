"""Submissions: from the JSON object that a client sent to the job that the store takes, or the reason why not."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tonearm.api import fields
from tonearm.clock import Clock
from tonearm.errors import Invalid, RefusalCode
from tonearm.model import MAX_CATALOG_ID, JobSpec, JobType, Priority, Quality, Submission

_KNOWN = ("job", "priority", "maxRetries", "checkDuplicate", "startPaused")
_TITLES = ("trackTitle", "albumTitle", "artistName")
_ID_LETTERS = string.ascii_lowercase + string.digits
MAX_RETRIES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A submission as it was read. *warning* names the fields that were accepted and not used."""

    submission: Submission
    warning: str | None


def new_job_id(clock: Clock) -> str:
    """An id that nobody has: the time, and ten random letters and digits (52 bits)."""
    return f"job-{clock.wall_ms()}-{''.join(secrets.choice(_ID_LETTERS) for _ in range(10))}"


def read_submission(
    body: Mapping[str, Any], *, client: str, clock: Clock, max_retries: int, aliases: Mapping[str, Quality]
) -> Wanted:
    """The job that *body* asks for, under a new id.

    *max_retries* is the default; *aliases* are other words for the qualities.

    Raises:
        Invalid: INVALID_JOB, INVALID_ID, INVALID_QUALITY or INVALID_FIELD.
    """
    job = body.get("job")
    if not isinstance(job, dict):
        raise Invalid(RefusalCode.INVALID_JOB, "Invalid job format", "job")
    kind = _type(job)
    id_name = f"{kind}Id"
    if job.get(id_name) is None or job.get("quality") is None:
        raise Invalid(RefusalCode.INVALID_JOB, f"{kind.capitalize()} job requires {id_name} and quality")
    spec = JobSpec(
        type=kind,
        catalog_id=_catalog_id(job, id_name),
        quality=_quality(job, aliases),
        track_title=fields.text(job, "trackTitle"),
        album_title=fields.text(job, "albumTitle"),
        artist_name=fields.text(job, "artistName"),
    )
    ignored = [
        *fields.unknown(body, _KNOWN),
        *fields.unknown(job, ("type", id_name, "quality", *_TITLES), "job."),
    ]
    submission = Submission(
        id=new_job_id(clock),
        client=client,
        spec=spec,
        priority=fields.word(body, "priority", Priority) or Priority.NORMAL,
        max_retries=fields.integer(body, "maxRetries", max_retries, least=0, most=MAX_RETRIES),
        check_duplicate=fields.boolean(body, "checkDuplicate", default=True),
        start_paused=fields.boolean(body, "startPaused", default=False),
    )
    return Wanted(submission, fields.warning(ignored))


def _type(job: Mapping[str, Any]) -> JobType:
    value = job.get("type")
    if not isinstance(value, str) or value not in frozenset(JobType):
        raise Invalid(RefusalCode.INVALID_JOB, "Invalid job format", "type")
    return JobType(value)


def _catalog_id(job: Mapping[str, Any], name: str) -> int:
    value = job[name]
    if type(value) is not int or not 1 <= value <= MAX_CATALOG_ID:
        raise Invalid(RefusalCode.INVALID_ID, f"{name} must be a whole number from 1 to {MAX_CATALOG_ID}", name)
    return value


def _quality(job: Mapping[str, Any], aliases: Mapping[str, Quality]) -> Quality:
    value = job["quality"]
    if isinstance(value, str):
        if value in Quality.__members__:
            return Quality(value)
        if value in aliases:
            return aliases[value]
    words = ", ".join(Quality)
    raise Invalid(
        RefusalCode.INVALID_QUALITY,
        f"quality must be one of {words} (QUEUE_QUALITY_ALIASES can map other words to these)",
        "quality",
    )
