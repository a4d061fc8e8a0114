"""The follower: reads the feed of the store for all streams of a process, and makes a frame of each event once.

It runs as long as somebody listens. A job that changed several times since the last look is told once, as it is now.
Progress is no event of the feed: it is read from the store four times a second while transfers run. What a stream
begins with, a snapshot or what it missed, is made here as well; how it is sent is the business of `streams`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextvars import Context
from dataclasses import dataclass

import structlog

from tonearm.api import records
from tonearm.api.bodies import Object
from tonearm.api.frames import Ring, frame, frame_of
from tonearm.api.live import Body, Live
from tonearm.api.progress import read_progress
from tonearm.api.revision import PROGRESS_MS
from tonearm.errors import NotFound, StoreUnavailable
from tonearm.model import Event, EventKind
from tonearm.store.base import PAGE, Store

PAUSE_S = 0.05
"""Between two looks at the feed, seconds: what happens in between is told together."""

IDLE_MS = 1_000
"""The longest wait for a change; then the workers are looked at, whose end no event tells. Milliseconds."""

AWAY_S = 1.0
"""Between two looks at a store that does not answer, seconds."""

RESUMED = 1_000
"""The most events that are told to who resumes; beyond that a snapshot is less."""

LONGEST_ID = 200
"""Characters of an id that the store is asked about."""

log = structlog.get_logger("api.events")


@dataclass(frozen=True, slots=True)
class Joined:
    """Where a stream goes on in the ring, and what it is told before that."""

    place: int
    first: tuple[bytes, ...]


class Follower:
    """Follows the feed of *store* while streams listen."""

    def __init__(self, store: Store, live: Live) -> None:
        self.ring = Ring()
        self._store = store
        self._live = live
        self._listeners = 0
        self._following: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        """Held while the place in the feed and the ring do not fit together."""
        self._last = ""
        self._snapshot = (b"", "", b"")
        self._told = ""
        self._told_at = 0.0
        self._progress: dict[str, Object] = {}
        self._busy = False

    def enter(self) -> None:
        """Somebody is going to listen."""
        self._listeners += 1

    def leave(self) -> None:
        """Somebody who entered does not listen any more; with the last one the work ends."""
        self._listeners -= 1
        if not self._listeners and self._following is not None:
            self._following.cancel()
            self._following = None

    async def join(self, after: str | None, *, lost: bool = False) -> Joined:
        """Begin with a snapshot, or with what came *after* an event; *lost*: neither, there is a gap.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        async with self._lock:
            if self._following is None:
                self._last = (await self._store.events(None)).last
                self._following = asyncio.create_task(self._follow(), name="events", context=Context())
            missed = None if after is None or lost else await self._missed(after)
            place, last = self.ring.end, self._last
        if missed is not None:
            stats = frame("stats", (await self._live.stats_body(await self._live.revisions.look())).encoded)
            return Joined(place, (*await self._frames(missed), stats))
        snapshot = self._snapshot_of(await self._dashboard(), last)
        gap = after is not None or lost
        return Joined(place, (frame_of("resync", {}), snapshot) if gap else (snapshot,))

    def _snapshot_of(self, body: Body, last: str) -> bytes:
        """The frame of a snapshot; the same bytes for all who begin at the same time."""
        if self._snapshot[:2] != (body.encoded, last):
            self._snapshot = (body.encoded, last, frame("snapshot", body.encoded, id=last))
        return self._snapshot[2]

    async def _missed(self, after: str) -> list[Event] | None:
        """What came after an event; None: it is unknown, too old, or too much."""
        missed: list[Event] = []
        while len(after) <= LONGEST_ID and len(missed) <= RESUMED:
            feed = await self._store.events(after)
            if feed.resync:
                return None
            missed += feed.events
            if len(feed.events) < PAGE:
                return missed if len(missed) <= RESUMED else None
            after = feed.last
        return None

    async def _follow(self) -> None:
        seen, away = 0, False
        while True:
            try:
                seen = await self._store.changed(seen, PROGRESS_MS if self._busy else IDLE_MS)
                await self._look()
                away = False
                await asyncio.sleep(PAUSE_S)
            except StoreUnavailable as error:
                if not away:
                    log.warning("The streams hear nothing: the queue does not answer", error=str(error))
                away = True
                await asyncio.sleep(AWAY_S)
            except Exception:  # a supervisor: what goes wrong in one look must not end all streams
                log.exception("A look at the feed failed")
                await asyncio.sleep(AWAY_S)

    async def _look(self) -> None:
        """Tell what is new: events, then figures and progress, at most four times a second."""
        while await self._tell_events():
            pass
        now = asyncio.get_running_loop().time()
        if (now - self._told_at) * 1_000 < PROGRESS_MS:
            self._busy = True  # there may be more to tell as soon as the time is over
            return
        look = await self._live.revisions.look()
        self._busy = look.transferring
        stats = [] if look.steady == self._told else [frame("stats", (await self._live.stats_body(look)).encoded)]
        progress = await self._progress_frames() if look.transferring or self._progress else []
        if stats or progress:
            self.ring.put(b"".join((*stats, *progress)))  # together: sending costs most by how often it is done
        self._told = look.steady
        if stats or look.transferring:
            self._told_at = now

    async def _tell_events(self) -> bool:
        """One page of the feed; whether there is more."""
        async with self._lock:
            feed = await self._store.events(self._last)
            if feed.resync:
                body = await self._dashboard()
                self.ring.put(frame_of("resync", {}) + frame("snapshot", body.encoded, id=feed.last))
            else:
                for one in await self._frames(feed.events):
                    self.ring.put(one)
            self._last = feed.last
        return len(feed.events) == PAGE

    async def _frames(self, events: Iterable[Event]) -> list[bytes]:
        """Frames of events, of each job only the last, in the order of these."""
        newest: dict[str, Event] = {}
        for event in events:
            newest.pop(event.job_id, None)
            newest[event.job_id] = event
        found = list(newest.values())
        frames: list[bytes] = []
        for start in range(0, len(found), PAGE):
            frames += await asyncio.gather(*(self._frame(event) for event in found[start : start + PAGE]))
        return frames

    async def _frame(self, event: Event) -> bytes:
        if event.kind is EventKind.JOB:
            try:
                job = await self._store.job(event.job_id, whole=False)
                return frame("job", records.encode_short(job), id=event.id)
            except NotFound:
                pass  # it is gone by now
        return frame_of("removed", {"id": event.job_id}, id=event.id)

    async def _progress_frames(self) -> list[bytes]:
        """How far running jobs and their tracks are, as far as that is new."""
        before, self._progress = self._progress, await read_progress(self._store)
        return [frame_of("progress", told) for name, told in self._progress.items() if before.get(name) != told]

    async def _dashboard(self) -> Body:
        return await self._live.dashboard_body(await self._live.revisions.look())
