"""Events: what the server pushes, as typed values, and how a stream that breaks is taken up again.

Nothing is sent here: `Feed` says what to ask for, takes what arrives, and tells how long to wait before the next try.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import msgspec

from tonearm.client.exchange import LONGEST_WAIT_MS, Answer, Request, ServerAddress
from tonearm.client.reading import foreign, refused
from tonearm.client.records import Dashboard, Job, Stats, Wire
from tonearm.client.sse import Message, Parser, TooLong
from tonearm.errors import ServerUnreachable, TonearmError

STREAM_TYPE = "text/event-stream"

SILENCE_SECONDS = 45.0
"""A stream on which not a byte came for so long is dead; the server says something every 15 seconds."""

RETRY_SECONDS = 0.5
"""The first wait before a stream is opened again, where the server names no other; it doubles with every failure."""

LONGEST_RETRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events share: *event_id*, with which a later stream goes on behind this one; None before the first."""

    event_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Event):
    """How everything is; what was known before is void."""

    dashboard: Dashboard


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChanged(Event):
    """A job is new or changed; it is in its short form."""

    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """Bytes of a job arrived: *progress* 0 to 1, the speed in bytes per second; *track_id* where it is an album's."""

    job_id: str
    progress: float
    bytes_downloaded: int
    speed_bytes_per_second: int | float | None
    track_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(Event):
    """A job is gone."""

    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsChanged(Event):
    """The figures of the queue."""

    stats: Stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Resync(Event):
    """Events were missed that nobody has any more; a snapshot follows."""


class NotOurs(ServerUnreachable):
    """The stream is not one of our server; asking again would not help."""


class _Progress(Wire, frozen=True, kw_only=True):
    id: str
    progress: float
    bytes_downloaded: int = 0
    speed_bytes_per_second: int | float | None = None
    track_id: int | None = None


class _Removed(Wire, frozen=True, kw_only=True):
    id: str


# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_SNAPSHOT = msgspec.json.Decoder(Dashboard)
_JOB = msgspec.json.Decoder(Job)
_PROGRESS = msgspec.json.Decoder(_Progress)
_REMOVED = msgspec.json.Decoder(_Removed)
_STATS = msgspec.json.Decoder(Stats)


class Feed:
    """One reader's place in the stream. *after*: the event to go on behind, None for a snapshot first.

    *outage*: seconds that the server may be away without a break before its error is raised.
    """

    def __init__(self, address: ServerAddress, path: str, after: str | None, outage: float) -> None:
        self._address = address
        self._path = path
        self._parser = Parser(after or "")
        self._outage = outage
        self._base = RETRY_SECONDS
        self._failures = 0
        self._away_since: float | None = None
        self._was_open = False
        self.silence = SILENCE_SECONDS
        """Seconds without a byte after which a stream is dead."""
        self.stale = False
        """Whether this stream has to be left for another that begins with a snapshot."""

    def request(self) -> Request:
        """What opens the stream at this place."""
        return Request("GET", self._path, accept=f"{STREAM_TYPE}, application/json", last_id=self._parser.last_id)

    def opened(self) -> None:
        """A stream is open."""
        self._parser = Parser(self._parser.last_id)
        self._was_open = True
        self.stale = False

    def take(self, piece: bytes) -> list[Event]:
        """The events that are complete with *piece*; nothing behind a resync is among them.

        Raises:
            NotOurs: it is no event of our server.
        """
        found: list[Event] = []
        try:
            messages = self._parser.feed(piece)
            for message in messages:
                self._failures, self._away_since = 0, None
                event = _read(message)
                if event is not None:
                    found.append(event)
                if isinstance(event, Resync):
                    self.stale = True
                    self._parser = Parser()
                    return found
        except (msgspec.MsgspecError, UnicodeError, TooLong) as wrong:
            raise NotOurs(str(foreign(self._address, str(wrong)))) from wrong
        if self._parser.retry_ms is not None:
            self._base = min(max(self._parser.retry_ms / 1000, 0.1), LONGEST_RETRY_SECONDS)
        return found

    def failed(self, error: TonearmError) -> float:
        """Seconds until the next try after *error*.

        Raises:
            TonearmError: *error*: no stream was ever open, or the server is away for too long.
        """
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if not self._was_open or isinstance(error, NotOurs) or now - self._away_since > self._outage:
            raise error
        delay: float = min(self._base * 2.0 ** min(self._failures, 16), LONGEST_RETRY_SECONDS)
        self._failures += 1
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - so that not all come back at once

    def ended(self) -> float:
        """Seconds until the next try after a stream that ended or is stale.

        Raises:
            ServerUnreachable: the server is away for too long.
        """
        if self.stale:
            return self._base
        return self.failed(ServerUnreachable(f"The server at {self._address} ended the stream of events"))

    def refused(self, answer: Answer) -> float:
        """Seconds until the next try after an *answer* that is no stream.

        Raises:
            TonearmError: it is the last word.
        """
        error = refused(answer, self._address)
        if answer.status not in (429, 502, 503, 504):
            raise error
        return max(self.failed(error), min(answer.retry_after_ms or 0, LONGEST_WAIT_MS) / 1000)


def _read(message: Message) -> Event | None:
    """The event that a message is; None for one that this version does not know."""
    event_id = message.last_id or None
    if message.name == "snapshot":
        return Snapshot(event_id=event_id, dashboard=_SNAPSHOT.decode(message.data))
    if message.name == "job":
        return JobChanged(event_id=event_id, job=_JOB.decode(message.data))
    if message.name == "progress":
        told = _PROGRESS.decode(message.data)
        return Progress(
            event_id=event_id,
            job_id=told.id,
            progress=told.progress,
            bytes_downloaded=told.bytes_downloaded,
            speed_bytes_per_second=told.speed_bytes_per_second,
            track_id=told.track_id,
        )
    if message.name == "removed":
        return Removed(event_id=event_id, job_id=_REMOVED.decode(message.data).id)
    if message.name == "stats":
        return StatsChanged(event_id=event_id, stats=_STATS.decode(message.data))
    return Resync(event_id=None) if message.name == "resync" else None
