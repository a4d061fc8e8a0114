"""Claiming: which task comes next for a worker, and handing it out.

Between clients `fair` decides; one that has all that it may have is passed over (`turns`). Inside a client the entries
stand in one index: by priority, single tracks before albums, then by age. An album is one entry, whatever the number of
its tracks; the claim takes the first ready one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from tonearm.model import (
    AlbumInfo,
    Claim,
    Claimed,
    ClaimRequest,
    JobType,
    StageRef,
    State,
    TaskKind,
)
from tonearm.store.base import PAGE, STALLS_TO_SUSPECT
from tonearm.store.claims import claim_of
from tonearm.store.sqlite import allowance, fair, moves, steering
from tonearm.store.sqlite.turns import Turns
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task, decode

_LANES = (TaskKind.RESOLVE, TaskKind.TRACK)


@dataclass(frozen=True, slots=True)
class _Pick:
    kind: TaskKind
    client: str
    task: Task


def claim(unit: Unit, request: ClaimRequest) -> Claimed:
    """Hand out what is ready, fairly (`Store.claim`)."""
    if steering.control(unit).paused:
        return Claimed()
    promote(unit)
    turns = Turns(unit, request)
    holds, stalls = unit.one(
        "SELECT count(*), coalesce(max(stalls), 0) FROM task WHERE state = 'active' AND worker = ?", request.worker
    ) or (0, 0)
    claims: list[Claim] = []
    if stalls < STALLS_TO_SUSPECT:
        left = {TaskKind.RESOLVE: request.albums, TaskKind.TRACK: request.tracks}
        healthy = unit.one("SELECT 1 FROM task WHERE state = 'active' AND stalls >= 2 LIMIT 1") is not None
        while (pick := _next(unit, turns, left, healthy=healthy)) is not None:
            if pick.task.suspect and (holds or claims):
                break
            claims.append(_take(unit, pick, request))
            left[pick.kind] -= 1
            if pick.task.suspect:
                break
    return Claimed(tuple(claims), 0 if turns.cut_short else _next_due(unit))


def promote(unit: Unit) -> None:
    """Make delayed tasks ready that are due, at most `PAGE`."""
    due = unit.all(
        "SELECT seq FROM task WHERE state = 'delayed' AND due_at <= ? ORDER BY due_at, seq LIMIT ?", unit.now, PAGE
    )
    for (seq,) in due:
        task = unit.task(seq)
        if task is not None:
            moves.move(unit, task, State.READY)


def _next_due(unit: Unit) -> int | None:
    row = unit.one("SELECT due_at FROM task WHERE state = 'delayed' ORDER BY due_at LIMIT 1")
    waits = (None if row is None else max(0, row[0] - unit.now), allowance.next_due(unit))
    return min((wait for wait in waits if wait is not None), default=None)


def _next(unit: Unit, turns: Turns, left: dict[TaskKind, int], *, healthy: bool) -> _Pick | None:
    """Return what would be handed out next; a suspect at the head of either lane comes first, as it waits for quiet."""
    heads = [
        head for kind in _LANES if left[kind] > 0 and (head := _head(unit, turns, kind, healthy=healthy)) is not None
    ]
    return next((head for head in heads if head.task.suspect), heads[0] if heads else None)


def _head(unit: Unit, turns: Turns, kind: TaskKind, *, healthy: bool) -> _Pick | None:
    client = turns.next_client(kind, healthy=healthy)
    if client is None:
        return None
    row = unit.one(
        "SELECT seq, type FROM task WHERE lane = ? AND client = ? AND healthy >= ? "
        "ORDER BY priority, type DESC, seq LIMIT 1",
        *(kind.value, client, int(healthy)),
    )
    if row is not None and kind is TaskKind.TRACK and row[1] == JobType.ALBUM:
        row = unit.one(
            "SELECT seq FROM task WHERE parent = ? AND state = 'ready' AND (stalls < 2 OR NOT ?) "
            "ORDER BY position LIMIT 1",
            *(row[0], healthy),
        )
    task = None if row is None else unit.task(row[0])
    return None if task is None else _Pick(kind, client, task)


def _take(unit: Unit, pick: _Pick, request: ClaimRequest) -> Claim:
    task = pick.task
    epoch = task.epoch + 1
    token = f"{epoch}:{secrets.token_hex(8)}"
    claim = _claim_of(unit, task, token, request.worker)
    moves.move(
        unit,
        task,
        State.ACTIVE,
        epoch=epoch,
        token=token,
        ended_token=None,
        worker=request.worker,
        lease_until=unit.now + request.lease_ms,
        received=0,
        stage_worker=request.worker if pick.kind is TaskKind.TRACK else None,
        started_at=unit.now if task.started_at is None else task.started_at,
        high_phase=task.best_phase,
        high_bytes=task.best_bytes,
    )
    fair.serve(unit, pick.client, pick.kind.value)
    moves.note(unit, task, "started", worker=request.worker)
    return claim


def _claim_of(unit: Unit, task: Task, token: str, worker: str) -> Claim:
    album = unit.task(task.parent)
    reserved = unit.one("SELECT name FROM reservation WHERE task = ?", task.seq)
    return claim_of(
        task,
        token=token,
        epoch=task.epoch + 1,
        worker=worker,
        previous=None if task.stage_worker is None else StageRef(task.stage_worker, task.epoch),
        album=None if album is None or album.album is None else decode(album, album.album, AlbumInfo),
        reserved=None if reserved is None else reserved[0],
    )
