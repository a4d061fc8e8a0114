"""Batches: how many jobs one call submits, what it costs of the rate, and its answers as text.

Both engines remember the answers of a batch under its idempotency key. Which job gets which answer, they decide.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tonearm.errors import QuotaExceeded, RefusalCode, Refused
from tonearm.model import Submission, Submitted

BATCH = 100
"""The most jobs of one call of `submit_many`."""

JOBS_A_TOKEN = 10
"""New jobs of a batch that count as one submission in the rate."""

Answers = tuple[Submitted | Refused, ...]


class _Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer as it is remembered: of a job, or a refusal for want of room."""

    job: str = ""
    duplicate: bool = False
    code: RefusalCode = RefusalCode.INTERNAL
    message: str = ""
    limit: int = 0
    wait_ms: int | None = None


_DECODER = msgspec.json.Decoder(list[_Answer])


def client_of(submissions: Sequence[Submission]) -> str:
    """Return the client whose batch this is.

    Raises:
        ValueError: there are too many jobs, none, or those of several clients.
    """
    clients = {submission.client for submission in submissions}
    if len(clients) != 1 or len(submissions) > BATCH:
        raise ValueError(f"a batch is 1 to {BATCH} jobs of one client, not {len(submissions)} of {len(clients)}")
    return clients.pop()


def cost(jobs: int) -> int:
    """Return as how many submissions so many new jobs count."""
    return -(-jobs // JOBS_A_TOKEN)


def added(submissions: Sequence[Submission], answers: Answers) -> list[str]:
    """Return the ids of the jobs of a batch that are in the store under their own ids."""
    pairs = zip(submissions, answers, strict=True)
    return [said.id for said, answer in pairs if isinstance(answer, Submitted) and answer.job_id == said.id]


def encode(answers: Sequence[Submitted | QuotaExceeded]) -> str:
    """Write answers as JSON."""
    return msgspec.json.encode([_written(answer) for answer in answers]).decode()


def _written(answer: Submitted | QuotaExceeded) -> _Answer:
    if isinstance(answer, Submitted):
        return _Answer(answer.job_id, answer.duplicate)
    return _Answer(code=answer.code, message=answer.message, limit=answer.limit, wait_ms=answer.retry_after_ms)


def decode(text: str) -> Answers:
    """Read what `encode` wrote."""
    return tuple(
        Submitted(each.job, duplicate=each.duplicate)
        if each.job
        else QuotaExceeded(each.code, each.message, each.limit, each.wait_ms)
        for each in _DECODER.decode(text)
    )
