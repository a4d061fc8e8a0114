"""Dumping: a job as it stands, with a page of its tracks (`Store.dump`)."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.model import HistoryEntry, JobDump, ReservedName, TrackDump
from tonearm.store import dumping
from tonearm.store.base import PAGE
from tonearm.store.sqlite import arriving
from tonearm.store.sqlite.actions import find
from tonearm.store.sqlite.unit import Unit
from tonearm.store.task import Task


class _Seen:
    """What a unit knows of a job: a `dumping.View`."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self.now = unit.now
        self.shift = unit.shift

    def reserved(self, task: Task) -> ReservedName | None:
        row = self._unit.one("SELECT name, key FROM reservation WHERE task = ?", task.seq)
        return None if row is None else ReservedName(*row)

    def page(self, album: Task, start: int) -> Sequence[TrackDump]:
        if album.entered < start <= album.track_count:
            return arriving.awaited(self._unit, album, start)
        tracks = self._unit.listed_tracks(album, start - 1, PAGE)
        return [dumping.track(self, album, track) for track in tracks]

    def history(self, job: Task) -> Sequence[HistoryEntry]:
        return self._unit.history(job)


def dump(unit: Unit, job_id: str, start: int) -> JobDump:
    """Return a job with a page of its tracks (`Store.dump`)."""
    return dumping.dump(_Seen(unit), find(unit, job_id), start)
