"""Messages: the body of a delivery in a few words for people, made when it is sent.

The store keeps one body for whoever is told, the JSON of `tonearm.notices.happenings`. These are plain texts; how they
look at a service is Apprise's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tonearm.model import Topic

NAMED = 5
"""Missing tracks that are named, and after them how many more there are."""

TEXT_LENGTH = 300
"""Characters of one text of somebody else's, such as a title or an error."""


class Message(NamedTuple):
    """What people read."""

    title: str
    body: str


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    track_id: int | None = None
    album_id: int | None = None
    track_title: str | None = None
    album_title: str | None = None
    artist_name: str | None = None


class _Track(msgspec.Struct, frozen=True, rename="camel"):
    track_title: str
    error: str


class _Job(msgspec.Struct, frozen=True, rename="camel"):
    """A job as lists show it; of one that is gone, its id."""

    id: str
    job: _Spec | None = None
    error: str | None = None
    failure_code: str | None = None
    track_count: int | None = None
    completed_tracks: int | None = None
    failed_tracks: tuple[_Track, ...] = ()
    failed_count: int | None = None


class _Facts(msgspec.Struct, frozen=True):
    job: _Job | None = None
    queue: dict[str, int] = {}
    trouble: str = ""
    message: str = ""


class _Told(msgspec.Struct, frozen=True):
    type: Topic
    data: _Facts


_TOLD = msgspec.json.Decoder(_Told)  # described here, before there are threads

_ENDS = {Topic.COMPLETED: "completed", Topic.PARTIAL: "incomplete", Topic.FAILED: "failed"}


def message_of(body: str) -> Message:
    """The body of a delivery, in words."""
    told = _TOLD.decode(body)
    data = told.data
    if data.job is not None:
        lines = (*_story(told.type, data.job), f"Job {data.job.id}")
        return Message(f"{_kind(data.job)} {_ENDS[told.type]}: {_name(data.job)}", "\n".join(lines))
    if told.type is Topic.DRAINED:
        counts = ", ".join(f"{count} {state}" for state, count in data.queue.items())
        return Message("The queue is empty", f"Nothing is left to download. Jobs on record: {counts}.")
    if told.type is Topic.ATTENTION:
        return Message(f"Tonearm needs attention: {data.trouble}", _plain(data.message))
    return Message("A test of tonearm", _plain(data.message))


def _kind(job: _Job) -> str:
    return "Job" if job.job is None else job.job.type.capitalize()


def _name(job: _Job) -> str:
    """Title and artist, as far as they are known."""
    spec = job.job
    if spec is None:
        return job.id
    title = spec.track_title or spec.album_title or f"number {spec.track_id or spec.album_id}"
    return " – ".join(_plain(part) for part in (title, spec.artist_name) if part)  # noqa: RUF001 - a dash between names


def _story(topic: Topic, job: _Job) -> list[str]:
    """What came of it, and what to do where something is missing."""
    lines = []
    if job.track_count:
        lines.append(f"{job.completed_tracks or 0} of {job.track_count} tracks came.")
    if job.failed_tracks:
        more = (job.failed_count or 0) - NAMED
        lines.append(f"Missing: {_missing(job.failed_tracks)}{f'; and {more} more' if more > 0 else ''}.")
    if job.error and topic is Topic.FAILED:
        lines.append(f"{_plain(job.error)} (code {job.failure_code})")
    if topic is not Topic.COMPLETED:
        lines.append(f"What to do: tonearm show {job.id}")
    return lines


def _missing(tracks: Sequence[_Track]) -> str:
    return "; ".join(f"{_plain(track.track_title)} ({_plain(track.error)})" for track in tracks[:NAMED])


def _plain(text: str) -> str:
    """A text of somebody else's on one line, of a bounded length, without characters that steer."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= TEXT_LENGTH else f"{line[: TEXT_LENGTH - 1]}…"
