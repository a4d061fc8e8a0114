"""Moving: the words of `take_in` for its script, and the answer of `dump` as a whole job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tonearm.model import HistoryDump, HistoryEntry, JobDump, ReservedName, State, TaskDump, TrackDump
from tonearm.store import dumping
from tonearm.store.arriving import job_of, story_of, track_of
from tonearm.store.base import PAGE
from tonearm.store.redis import wire
from tonearm.store.redis.desk import Moment, Word
from tonearm.store.redis.reading import Snapshot, fields_of, named
from tonearm.store.task import Task

_GIVEN = frozenset({"seq"})
_FROM_ALBUM = _GIVEN | {"id", "parent", "type", "client", "quality", "priority", "max_retries"}


def taken(dump: JobDump) -> tuple[Word, ...]:
    """Write a job, or a page of one, with times that are relative to when it is taken in."""
    job, album = job_of(dump, 0), dump.album
    start, tracks = (1, ()) if album is None else (album.start, album.tracks)
    # What the album is when a track enters is known there alone, so here it is one that goes on.
    goes_on = replace(job, state=State.WAITING.value)
    return (
        wire.text(_entry(job, dump.task, _GIVEN)),
        wire.text([_line(line) for line in story_of(dump)]),
        start,
        len(tracks),
        wire.flag(dump.following is None),
        wire.text([_entry(track_of(track, goes_on, 0), track.task, _FROM_ALBUM) for track in tracks]),
    )


def _entry(task: Task, dump: TaskDump, given: frozenset[str]) -> dict[str, object]:
    """An entry of lua/parts/pages.lua, without the fields that are *given* there."""
    entry: dict[str, object] = {
        "fields": {name: value for name, value in fields_of(task).items() if name not in given},
        "unfinished": not dump.state.final,
    }
    if dump.reserved is not None:
        entry |= {"reserved": dump.reserved.name, "reserved_key": dump.reserved.key}
    return entry


def _line(line: HistoryDump) -> tuple[int, str]:
    told = wire.known(event=line.event, attempt=line.attempt, code=line.code, message=line.message, worker=line.worker)
    return -line.age, wire.text(told).decode()


class _Seen:
    """A snapshot of a job, as dump.lua answers it: a `dumping.View`."""

    def __init__(self, seen: Sequence[Any], moment: Moment) -> None:
        self._snapshot = Snapshot(seen, moment.shift)
        self.now = moment.now
        self.shift = moment.shift
        self.job = self._snapshot.task
        held = [fields for fields in map(named, (seen[0], *seen[4])) if "reserved_key" in fields]
        self._names = {each["id"]: ReservedName(each.get("reserved", ""), each["reserved_key"]) for each in held}

    def reserved(self, task: Task) -> ReservedName | None:
        return self._names.get(task.id)

    def page(self, album: Task, start: int) -> Sequence[TrackDump]:
        tracks = self._snapshot.listed_tracks(album, start - 1, PAGE)
        return [dumping.track(self, album, track) for track in tracks]

    def history(self, job: Task) -> Sequence[HistoryEntry]:
        return self._snapshot.history(job)


def dumped(seen: Sequence[Any], moment: Moment, start: int) -> JobDump:
    """Read a job, of an album with the page of its tracks from position *start* on.

    Raises:
        Unreadable: it, or one of these tracks, cannot be read.
    """
    view = _Seen(seen, moment)
    return dumping.dump(view, view.job, start)
