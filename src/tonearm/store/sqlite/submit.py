"""Submitting: duplicates, limits and the new record, in one unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tonearm.errors import QuotaExceeded
from tonearm.model import Idempotency, Submission, SubmitLimits, Submitted
from tonearm.store import batches, wording
from tonearm.store.base import RATE_WINDOW_MS
from tonearm.store.batches import Answers
from tonearm.store.sqlite import allowance, answers, moves, tombstones
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import new_job


def submit(unit: Unit, submission: Submission, limits: SubmitLimits) -> Submitted:
    """Add a job, or answer the one that it repeats (`Store.submit`)."""
    remembered = answers.recall(unit, submission.client, submission.idempotency)
    if remembered is not None:
        return remembered
    answer = _answer(unit, submission, limits)
    answers.remember(unit, submission.client, submission.idempotency, answer)
    return answer


def _answer(unit: Unit, submission: Submission, limits: SubmitLimits) -> Submitted:
    if _known(unit, submission.id):
        return Submitted(submission.id)
    if submission.check_duplicate:
        twin = _twin(unit, submission)
        if twin is not None:
            return Submitted(twin, duplicate=True)
    _check_rate(unit, submission.client, limits.rate_per_minute, 1)
    _check_sizes(unit, submission.client, limits)
    _spend(unit, submission.client, limits, 1)
    task = moves.add(unit, new_job(submission, unit.now))
    moves.note(unit, task, "submitted")
    return Submitted(task.id)


def submit_many(
    unit: Unit, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None
) -> Answers:
    """Add the jobs of a batch (`Store.submit_many`)."""
    client = batches.client_of(submissions)
    remembered = answers.recall_many(unit, client, idempotency)
    if remembered is not None:
        return remembered
    before = _unfinished(unit, client)
    judged = [_answer_in_batch(unit, submission, limits) for submission in submissions]
    tokens = batches.cost(_unfinished(unit, client) - before)
    if tokens:  # what was added goes again with the unit
        _check_rate(unit, client, limits.rate_per_minute, tokens)
        _spend(unit, client, limits, tokens)
    answers.remember_many(unit, client, idempotency, judged)
    return tuple(judged)


def _answer_in_batch(unit: Unit, submission: Submission, limits: SubmitLimits) -> Submitted | QuotaExceeded:
    try:
        return _answer(unit, submission, replace(limits, rate_per_minute=0))
    except QuotaExceeded as refused:
        return refused


def _known(unit: Unit, job_id: str) -> bool:
    """Whether the id is that of a job, or of one that is gone and remembered."""
    return unit.one("SELECT 1 FROM task WHERE id = ?", job_id) is not None or tombstones.remembered(unit, job_id)


def _twin(unit: Unit, submission: Submission) -> str | None:
    spec = submission.spec
    row = unit.one(
        "SELECT id FROM task WHERE client = ? AND type = ? AND catalog_id = ? AND quality = ? "
        "AND parent IS NULL AND finished_at IS NULL ORDER BY seq LIMIT 1",
        *(submission.client, spec.type, spec.catalog_id, spec.quality),
    )
    return None if row is None else str(row[0])


def _check_rate(unit: Unit, client: str, limit: int, tokens: int) -> None:
    if not limit:
        return
    if tokens > limit:
        raise wording.batch_too_large(limit, tokens)
    window = unit.now - RATE_WINDOW_MS
    unit.run("DELETE FROM rate WHERE client = ? AND at <= ?", client, window)
    # The submission that has to leave the window for these to fit: for one the limit-th from the newest.
    row = unit.one(
        "SELECT at FROM rate WHERE client = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        *(client, window, limit - tokens),
    )
    if row is not None:
        raise wording.rate_limited(limit, row[0] - window)


def _spend(unit: Unit, client: str, limits: SubmitLimits, tokens: int) -> None:
    for _ in range(tokens if limits.rate_per_minute else 0):
        unit.run("INSERT INTO rate (client, at) VALUES (?, ?)", client, unit.now)


def _unfinished(unit: Unit, client: str) -> int:
    (unfinished,) = unit.one("SELECT unfinished FROM client WHERE name = ?", client) or (0,)
    return int(unfinished)


def _check_sizes(unit: Unit, client: str, limits: SubmitLimits) -> None:
    wait_ms = allowance.wait(unit, client, limits.client_bytes)
    if wait_ms is not None:
        raise wording.client_bytes_exceeded(limits.client_bytes, wait_ms)
    if limits.client_unfinished:
        own = _unfinished(unit, client)
        if own >= limits.client_unfinished:
            raise wording.client_queue_full(own, limits.client_unfinished)
    if limits.queue_unfinished:
        (unfinished,) = unit.one(
            "SELECT coalesce(sum(value), 0) FROM counter "
            "WHERE name IN ('status:queued', 'status:processing', 'status:paused')"
        ) or (0,)
        if unfinished >= limits.queue_unfinished:
            raise wording.queue_full(unfinished, limits.queue_unfinished)
