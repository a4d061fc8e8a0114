"""Whether a claim is current, and what is wanted of it. What an album says wins over its tracks' own rows."""

from __future__ import annotations

from tonearm.model import Claim, State
from tonearm.store import wording
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task


def held(unit: Unit, claim: Claim) -> Task:
    """Return the task of a current claim.

    Raises:
        LeaseLost: the token is not the current one, or the album of the track is deleted.
    """
    task = unit.named(claim.task_id)
    if task is None or task.token != claim.token or orphaned(unit, task):
        raise wording.not_current(claim.token, claim.task_id)
    return task


def ended(unit: Unit, claim: Claim) -> bool:
    """Whether this claim was settled and no other came since, so that settling it again is a repetition."""
    task = unit.named(claim.task_id)
    return task is not None and task.ended_token == claim.token and not orphaned(unit, task)


def orphaned(unit: Unit, task: Task) -> bool:
    """Whether it is a track of an album that is deleted."""
    return task.parent is not None and unit.task(task.parent) is None


def wanted(unit: Unit, task: Task) -> tuple[bool, bool]:
    """Say whether a cancel, and whether a pause, is wanted of an active task, by itself or by its album."""
    album = unit.task(task.parent)
    if album is None:
        return bool(task.cancel_wanted), bool(task.pause_wanted)
    return album.final, album.state == State.PAUSED
