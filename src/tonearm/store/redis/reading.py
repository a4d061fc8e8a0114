"""Reading: what the scripts answer, as tasks, records and claims. Nothing here talks to a server.

A task comes as a flat list of names and values, all of them texts: the fields of `Task` but those that have their usual
value, and some that only scripts need. A job with what belongs to it comes as a `Snapshot`. A record that cannot be
read is told as `Unreadable`, by the number of its task; a line of a history or a report, which mean nothing to the
queue, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from enum import StrEnum
from types import NoneType
from typing import Any, get_args, get_type_hints

import msgspec

from tonearm.errors import FailureCode
from tonearm.model import (
    HISTORY_LIMIT,
    AlbumInfo,
    AlbumOutcome,
    Claim,
    HistoryEntry,
    JobRecord,
    JobType,
    Quality,
    StageRef,
    State,
    WorkerReport,
)
from tonearm.store.base import LONG_LIST, SHORT_LIST
from tonearm.store.claims import claim_of
from tonearm.store.overlay import Overlay, kept
from tonearm.store.records import record
from tonearm.store.task import PRIORITIES, Task, Unreadable, decode
from tonearm.store.tombstones import as_cancelled

_Flats = list[list[str]] | dict[str, str]


class _Picture(msgspec.Struct, frozen=True):
    """A deleted job, as Lua writes JSON: a list without anything in it is `{}` there."""

    at: int
    seen: tuple[list[str], _Flats, _Flats, _Flats, _Flats, list[str] | dict[str, str]]
    reports: list[str] | dict[str, str] = []


# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_PICTURE = msgspec.json.Decoder(_Picture)
_HISTORY = msgspec.json.Decoder(HistoryEntry)
_REPORT = msgspec.json.Decoder(WorkerReport)

_FORMS = get_type_hints(Task)
_NUMBERS = frozenset(name for name, form in _FORMS.items() if form is int or int in get_args(form))
_NEEDED = frozenset(
    field.name for field in fields(Task) if field.default is MISSING and NoneType not in get_args(_FORMS[field.name])
)
_USUAL: Mapping[str, Any] = {
    field.name: None if field.default is MISSING else field.default
    for field in fields(Task)
    if field.name not in _NEEDED
}
_WORDS: Mapping[str, type[StrEnum]] = {
    "type": JobType,
    "quality": Quality,
    "state": State,
    "came_from": State,
    "outcome": AlbumOutcome,
    "failure_code": FailureCode,
}

SUBMITTED = "submitted"
"""The event that every history begins with."""

Flat = Sequence[str]
"""Names and values, one after the other."""


def named(flat: Flat) -> dict[str, str]:
    """Return a flat list as values by name."""
    return dict(zip(flat[::2], flat[1::2], strict=False))


def task_of(flat: Flat) -> Task:
    """Return a task as a script answered it; names that are none of `Task` are passed over.

    Raises:
        Unreadable: something is missing, or is not what it should be.
    """
    texts = named(flat)
    seq = _number(0, "seq", texts.get("seq", ""))
    if len(flat) % 2:
        raise Unreadable(seq, f"{flat[-1]} has no value")
    values = dict(_USUAL)
    for name, text in texts.items():
        if name in _FORMS:
            values[name] = _number(seq, name, text) if name in _NUMBERS else _text(seq, name, text)
    missing = _NEEDED - values.keys()
    if missing:
        raise Unreadable(seq, f"{min(missing)} is missing")
    task = Task(**values)
    if not 0 <= task.priority < len(PRIORITIES):
        raise Unreadable(seq, f"priority is {task.priority}")
    if task.final != State(task.state).final:
        raise Unreadable(seq, f"it is {task.state}, and finished_at is {task.finished_at}")
    return task


def _number(seq: int, name: str, text: str) -> int:
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > len(str(-(2**63))):
        raise Unreadable(seq, f"{name} is not a number")
    return int(text)


def _text(seq: int, name: str, text: str) -> str:
    """Return a text that is one: bytes that were none came as lone surrogates, which nobody could be shown."""
    try:
        text.encode()
        if name in _WORDS:
            _WORDS[name](text)
    except ValueError as error:
        raise Unreadable(seq, f"{name} is not what it should be") from error
    return text


def fields_of(task: Task) -> dict[str, str | int]:
    """Return what is kept of a task: its fields but those that have their usual value."""
    values = {field.name: getattr(task, field.name) for field in fields(Task)}
    return {name: value for name, value in values.items() if name in _NEEDED or value != _USUAL[name]}


class Snapshot:
    """A job with what belongs to it at one moment: the `View` that records are made of.

    *seen*: [task, [completed track, …], [failed track, …], [active track, …], [track of its list, …], [line of its
    history, …]], each list in its order and as far as the script was asked for it; lists at the end may be left out. A
    task or track is as `task_of` takes it, a line the JSON of a `HistoryEntry` in store milliseconds. *shift* is added
    to store milliseconds to show them as wall milliseconds.

    Raises:
        Unreadable: the job cannot be read.
    """

    def __init__(self, seen: Sequence[Any], shift: int) -> None:
        flat, *lists = seen
        completed, failed, active, listed, history = (*lists, (), (), (), (), ())[:5]
        self.shift = shift
        self.task = task_of(flat)
        self._tracks: Mapping[State, Iterable[Flat]] = {
            State.COMPLETED: completed,
            State.FAILED: failed,
            State.ACTIVE: active,
        }
        self._listed: Iterable[Flat] = listed
        self._history: Sequence[str] = history

    def tracks(self, album: Task, state: State, limit: int, after: int = 0) -> Sequence[Task]:
        return _beyond(after, self._tracks[state])[:limit] if album.seq == self.task.seq else []

    def listed_tracks(self, album: Task, after: int, limit: int) -> Sequence[Task]:
        return _beyond(after, self._listed)[:limit] if album.seq == self.task.seq else []

    def history(self, job: Task) -> Sequence[HistoryEntry]:
        return _story(job, self._history) if job.seq == self.task.seq else []


def _beyond(after: int, flats: Iterable[Flat]) -> list[Task]:
    return [track for track in map(task_of, flats) if (track.position or 0) > after]


def _story(job: Task, texts: Sequence[str]) -> list[HistoryEntry]:
    """Return the history of a job out of its lines. The first line of every job is not kept: its record tells it."""
    lines = _lines(texts)
    if len(texts) < HISTORY_LIMIT and (not lines or lines[0].event != SUBMITTED):
        lines.insert(0, HistoryEntry(job.created_at, SUBMITTED))
    return lines


def _lines(texts: Iterable[str]) -> list[HistoryEntry]:
    lines: list[HistoryEntry] = []
    for text in texts:
        try:
            lines.append(_HISTORY.decode(text))
        except (msgspec.DecodeError, UnicodeEncodeError):
            continue
    return lines


class TrackView:
    """Tracks of an album that were read for one question, in its order: a `View` that knows nothing else."""

    def __init__(self, flats: Iterable[Flat], shift: int) -> None:
        self.shift = shift
        self._tracks = [task_of(flat) for flat in flats]

    def tracks(self, album: Task, state: State, limit: int, after: int = 0) -> Sequence[Task]:
        del album, state, after  # that was the question
        return self._tracks[:limit]

    def listed_tracks(self, album: Task, after: int, limit: int) -> Sequence[Task]:
        del album, after
        return self._tracks[:limit]

    def history(self, job: Task) -> Sequence[HistoryEntry]:
        del job
        return ()


def job_record(reply: Sequence[Any], shift: int, *, whole: bool) -> JobRecord | None:
    """Return a job, *whole* or as in lists, as `job.lua` answers it: {'job', seen, reports} or {'tombstone', JSON}."""
    if reply[0] == "tombstone":
        return tombstone_of(reply[1], shift)
    seen = Snapshot(reply[1], shift)
    return record(seen, overlay_of(reply[2]), seen.task, LONG_LIST if whole else SHORT_LIST, whole=whole)


def overlay_of(reports: Iterable[str]) -> Overlay:
    """Return what workers say: of each the store milliseconds at which it did, a space, and the JSON of its report."""
    known: list[WorkerReport] = []
    for text in reports:
        at, _, said = text.partition(" ")
        try:
            known.append(kept(_REPORT.decode(said), int(at)))
        except (ValueError, msgspec.DecodeError):
            continue
    return Overlay(known)


def tombstone_of(text: str, shift: int) -> JobRecord | None:
    """Return a deleted job as it is seen now: JSON of {at, seen}, its *seen* that of a `Snapshot`, *at* its deletion.

    None: another version made it, and a courtesy is lost, as the job is deleted.
    """
    try:
        picture = _PICTURE.decode(text)
        snapshot = Snapshot(picture.seen, shift)
        shown = record(snapshot, overlay_of(picture.reports), snapshot.task, SHORT_LIST, whole=True)
    except (msgspec.DecodeError, UnicodeEncodeError, Unreadable):
        return None
    return as_cancelled(shown, picture.at + shift)


def handed_out(handed: Sequence[Any]) -> Claim:
    """Return a claim as a script answered it: [stage before, as `worker epoch` or '', its album's JSON or '', task].

    The task is as it is now, claimed. A library name that it has already is its field `reserved`.

    Raises:
        Unreadable: the task, or what is known of its album, cannot be read.
    """
    stage, album, flat = handed
    task = task_of(flat)
    worker, _, epoch = stage.rpartition(" ")
    return claim_of(
        task,
        token=task.token or "",
        epoch=task.epoch,
        worker=task.worker or "",
        previous=StageRef(worker, _number(task.seq, "previous_stage", epoch)) if stage else None,
        album=_album(task, album) if album else None,
        reserved=named(flat).get("reserved"),
    )


def _album(track: Task, text: str) -> AlbumInfo:
    """Decode what is known of a track's album; where it cannot be read, it is the album's record that is broken."""
    try:
        return decode(track, text, AlbumInfo)
    except Unreadable as error:
        raise Unreadable(track.parent or track.seq, error.reason) from error
