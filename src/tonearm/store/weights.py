"""Weights: what a task adds to the figures of others, and the sums of it that an audit compares with what is kept.

An engine that changes a task applies the difference between before and after. An audit adds up all tasks anew: it
reads everything, so it is for tests and `doctor`, not for a loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tonearm.model import State, TaskKind
from tonearm.store.task import Task

Weights = dict[tuple[str, ...], int]
"""By what they are added to: ("counter", name), ("client", name), ("lane", client, kind, figure), ("album", field)."""

TALLIES = (
    "entered",
    "ready_tracks",
    "ready_suspects",
    "completed_tracks",
    "failed_tracks",
    "cancelled_tracks",
    "file_count",
    "size",
    "download_ms",
)
"""The fields of an album that are sums over its tracks, beside its count of retries."""

_TRACK_COUNTS = {
    State.READY.value: "ready_tracks",
    State.COMPLETED.value: "completed_tracks",
    State.FAILED.value: "failed_tracks",
    State.CANCELLED.value: "cancelled_tracks",
}


def weigh(task: Task) -> Weights:
    """Say what a task adds to the figures of others: counters, its client, the client's lanes, its album."""
    return _weigh_track(task) if task.parent is not None else _weigh_job(task)


def _weigh_track(task: Task) -> Weights:
    weights: Weights = {
        ("album", "entered"): 1,
        ("album", "retry_count"): task.retry_count,
        ("album", "file_count"): task.file_count,
        ("album", "size"): task.size,
        ("album", "download_ms"): task.download_ms,
    }
    column = _TRACK_COUNTS.get(task.state)
    if column is not None:
        weights["album", column] = 1
    if task.state == State.READY and task.suspect:
        weights["album", "ready_suspects"] = 1
    if task.state == State.ACTIVE:
        weights["lane", task.client, TaskKind.TRACK.value, "held"] = 1
    return weights


def _weigh_job(task: Task) -> Weights:
    weights: Weights = {
        ("counter", f"status:{State(task.state).status}"): 1,
        ("counter", "retries"): task.retry_count,
        ("counter", "download_ms"): task.download_ms,
    }
    if not task.final:
        weights["client", task.client] = 1
    if task.state in (State.COMPLETED, State.FAILED) and task.finished_at is not None and task.started_at is not None:
        weights["counter", "timed"] = 1
        weights["counter", "duration_ms"] = task.finished_at - task.started_at
    if task.state == State.FAILED:
        weights["counter", f"failure:{task.failure_code}"] = 1
    lane, healthy = task.entry()
    if lane is not None:
        weights["lane", task.client, lane, "entries"] = 1
        weights["lane", task.client, lane, "healthy"] = healthy
    if task.is_album and task.state in (State.ACTIVE, State.WAITING):
        weights["lane", task.client, TaskKind.RESOLVE.value, "held"] = 1
    elif task.state == State.ACTIVE:
        weights["lane", task.client, TaskKind.TRACK.value, "held"] = 1
    return weights


class Sums:
    """What the tasks add up to."""

    def __init__(self) -> None:
        self._sums: dict[str, Counter[tuple[str, ...]]] = {}
        self._tracks: dict[int, Counter[str]] = {}

    def add(self, task: Task) -> None:
        """Add one task."""
        for (what, *key), weight in weigh(task).items():
            if what == "album" and task.parent is not None:
                self._tracks.setdefault(task.parent, Counter())[key[0]] += weight
            else:
                self._sums.setdefault(what, Counter())[tuple(key)] += weight

    def differences(self, what: str, kept: Mapping[tuple[str, ...], int]) -> Iterator[str]:
        """Say where what is kept of the counters, clients or lanes differs; *what*: the first part of their keys."""
        derived = self._sums.get(what, Counter())
        for key in sorted(derived.keys() | kept.keys()):
            if derived.get(key, 0) != kept.get(key, 0):
                yield f"The {what} {' '.join(key)} says {kept.get(key, 0)}, the records say {derived.get(key, 0)}"

    def album_differences(self, album: Task) -> Iterator[str]:
        """Say where an album differs from its tracks, all of which were added."""
        counted = self._tracks.get(album.seq, Counter())
        for tally in TALLIES:
            if getattr(album, tally) != counted[tally]:
                yield f"{album.id} says {getattr(album, tally)} for {tally}, its tracks say {counted[tally]}"
        retries = album.retry_count - album.resolve_retries
        if retries != counted["retry_count"]:
            yield f"{album.id} says {retries} for the retries of its tracks, they say {counted['retry_count']}"
