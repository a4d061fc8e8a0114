"""Dumps as every engine reads them: their bytes, what cannot be, and how a task enters another store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

import msgspec

from tonearm.errors import Invalid, RefusalCode
from tonearm.model import JOB_ID, MAX_CATALOG_ID, AlbumDump, JobDump, JobType, State, TaskDump, TrackDump
from tonearm.store.base import PAGE

_GREATEST = 2**53
"""Beyond it a number is no time, size or count, and JSON does not carry it everywhere."""

_JOBS = msgspec.json.Decoder(JobDump)  # described here, before there are threads (docs/explain/architecture.md)
_PAGES = msgspec.json.Decoder(tuple[TrackDump, ...])

_ORIGINS = (State.READY, State.DELAYED, State.WAITING)


def encode(dump: JobDump) -> bytes:
    """Return a dump as one line of JSON."""
    return msgspec.json.encode(dump)


def decode(text: bytes) -> JobDump:
    """Read a dump.

    Raises:
        Invalid: INVALID_JSON, it is none; says where.
    """
    try:
        return _JOBS.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(RefusalCode.INVALID_JSON, str(error)) from error


def decode_tracks(text: str) -> tuple[TrackDump, ...]:
    """Read a page of tracks alone.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _PAGES.decode(text)


def entering(task: TaskDump, *, album: State | None = None) -> TaskDump:
    """Return a task as it enters another store: a claim does not move. *album*: the state of the one it belongs to."""
    state = task.state
    if state is State.ACTIVE:
        state = State.READY
        if task.cancel_wanted:
            state = State.CANCELLED
        elif task.pause_wanted and album is None:
            state = State.PAUSED
    if album is not None and album.final and not state.final:
        state = State.CANCELLED
    if state is task.state:
        return replace(task, cancel_wanted=False, pause_wanted=False)
    return replace(
        task,
        state=state,
        came_from=State.READY if state is State.PAUSED else None,
        due=None,
        finished=0 if state.final else None,
        cancel_wanted=False,
        pause_wanted=False,
    )


def check(dump: JobDump) -> None:
    """See that a dump can be a job.

    Raises:
        Invalid: INVALID_FIELD, it cannot; says why.
    """
    for problem in _problems(dump):
        raise Invalid(RefusalCode.INVALID_FIELD, f"{dump.id}: {problem}", "job")


def _problems(dump: JobDump) -> Iterator[str]:
    if not JOB_ID.fullmatch(dump.id):
        yield "this is no job id"
    if not dump.client:
        yield "it has no client"
    if (dump.spec.type is JobType.ALBUM) is not (dump.album is not None):
        yield "an album and nothing else has a list of tracks"
    if not 1 <= dump.spec.catalog_id <= MAX_CATALOG_ID:
        yield "its catalog id is out of range"
    if not _sound((dump.max_retries,)) or not all(abs(line.age) < _GREATEST for line in dump.history):
        yield "a number is out of range"
    yield from _problems_of_task(dump.task)
    album = dump.album
    listed = album is not None and album.track_count > 0
    if State.WAITING in (dump.task.state, dump.task.came_from) and not listed:
        yield "only an album with tracks waits for them"
    if album is not None:
        yield from _problems_of_album(dump, album)
    elif dump.task.state is State.COMPLETED and dump.task.publication is None:
        yield "it is completed without a file"


def _problems_of_album(dump: JobDump, album: AlbumDump) -> Iterator[str]:
    if (dump.task.state is State.COMPLETED) is not (album.outcome is not None):
        yield "an album that is completed and no other has an outcome"
    if not _sound((album.track_count, album.unlisted)):
        yield "a number is out of range"
    places = [track.position for track in album.tracks]
    if places != list(range(album.start, album.start + len(places))) or album.start < 1 or len(places) > PAGE:
        yield f"its tracks are not those from one position on, at most {PAGE}"
    if album.start + len(places) - 1 > album.track_count or bool(album.track_count) is not bool(places):
        yield "its tracks are not those of its list"
    for track in album.tracks:
        yield from (f"track {track.position}: {problem}" for problem in _problems_of_track(track))


def _problems_of_track(track: TrackDump) -> Iterator[str]:
    if track.task.state in (State.PAUSED, State.WAITING):
        yield f"a track of an album is never {track.task.state}"
    if track.task.state is State.COMPLETED and track.task.publication is None:
        yield "it is completed without a file"
    if not 1 <= track.catalog_id <= MAX_CATALOG_ID or not _sound((track.track_number or 0,)):
        yield "a number is out of range"
    yield from _problems_of_task(track.task)


def _problems_of_task(task: TaskDump) -> Iterator[str]:
    if (task.state is State.PAUSED) is not (task.came_from is not None) or task.came_from not in (None, *_ORIGINS):
        yield "what is paused and nothing else came from ready, delayed or waiting"
    if (State.DELAYED in (task.state, task.came_from)) is not (task.due is not None):
        yield "what is delayed and nothing else has a time to wait"
    if task.state.final is not (task.finished is not None):
        yield "what is finished and nothing else has a time of its end"
    if task.state is State.FAILED and (task.error is None or task.failure_code is None):
        yield "it failed without a reason"
    counts = (task.epoch, task.stalls, task.retry_count, task.corrupt_count)
    sizes = (task.bytes_done, task.bytes_total or 0, task.best_bytes, task.size, task.download_ms)
    ages = (task.created, task.updated, task.due or 0, task.started or 0, task.finished or 0)
    if not _sound(counts + sizes) or not all(abs(age) < _GREATEST for age in ages):
        yield "a number is out of range"
    published = () if task.publication is None else (task.publication.path,)
    if not all(_inside(path) for path in (*task.files, *published)):
        yield "a file of it is not named by a path inside the library"
    if task.publication is not None and not _sound((task.publication.size,)):
        yield "a number is out of range"


def _sound(numbers: tuple[int, ...]) -> bool:
    return all(0 <= number < _GREATEST for number in numbers)


def _inside(path: str) -> bool:
    parts = PurePosixPath(path)
    return bool(path) and not parts.is_absolute() and ".." not in parts.parts and "\0" not in path
