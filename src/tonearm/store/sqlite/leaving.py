"""Leaving: a job is handed over to another store, step by step (`store.base.Leaving`)."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.errors import WrongState
from tonearm.model import Idempotency, State, Submission, SubmitLimits, Submitted
from tonearm.store import batches
from tonearm.store.base import PAGE
from tonearm.store.batches import Answers
from tonearm.store.sqlite import albums, moves
from tonearm.store.sqlite.actions import find, known
from tonearm.store.sqlite.submit import submit, submit_many
from tonearm.store.sqlite.unit import Unit


def submit_marked(unit: Unit, submission: Submission, limits: SubmitLimits) -> Submitted:
    """Accept a job that may be elsewhere as well (`Leaving.submit_marked`)."""
    submitted = submit(unit, submission, limits)
    if submitted.job_id == submission.id and known(unit, submission.id) is not None:
        begin(unit, submission.id)
    return submitted


def submit_many_marked(
    unit: Unit, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None
) -> Answers:
    """Accept a batch that may be elsewhere as well (`Leaving.submit_many_marked`)."""
    answers = submit_many(unit, submissions, limits, idempotency)
    for job_id in batches.added(submissions, answers):
        if known(unit, job_id) is not None:
            begin(unit, job_id)
    return answers


def begin(unit: Unit, job_id: str) -> bool:
    """Mark a job that nobody works on (`Leaving.begin_move`)."""
    job = find(unit, job_id)
    claimed = unit.one("SELECT 1 FROM task WHERE parent = ? AND state = 'active' LIMIT 1", job.seq)
    if job.state == State.ACTIVE or claimed is not None:
        return False
    moves.change(unit, job, moving=1)
    return True


def abandon(unit: Unit, job_id: str) -> None:
    """Take the mark back (`Leaving.abandon_move`)."""
    moves.change(unit, find(unit, job_id), moving=0)


def finish(unit: Unit, job_id: str) -> None:
    """Remove a job that is elsewhere now; its stages belong to it there (`Leaving.finish_move`)."""
    job = known(unit, job_id)
    if job is None:
        return
    if not job.moving:
        raise WrongState("The job is not marked as moving, so it stays.")
    moves.drop(unit, job)
    del unit.told[job.id]
    if job.entered:
        unit.run("INSERT INTO orphanage (album, moved) VALUES (?, 1)", job.seq)
        albums.remove_orphans(unit, job.seq, PAGE)


def moving(unit: Unit, after: str | None) -> tuple[str, ...]:
    """Return the ids of marked jobs (`Leaving.moving`)."""
    rows = unit.all("SELECT id FROM task WHERE moving = 1 AND id > ? ORDER BY id LIMIT ?", after or "", PAGE)
    return tuple(job_id for (job_id,) in rows)
