"""A reader of the feed, as a page in a browser is one: it keeps a picture of every job, and hears what changes it.

    async with following(store) as reader:
        ...
        await reader.knows(finals)

It goes on where it was when the store had been away, and reads everything anew when it is told to (`resync`). It holds
the feed to what that promises: no event comes twice, and what was final stays final as long as nobody retries it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from tests.support.server import until
from tonearm.errors import NotFound, StoreUnavailable
from tonearm.model import EventKind, JobOrder, JobQuery, State
from tonearm.store.base import Store

WAIT_MS = 1_000
"""The longest that one look waits for news, milliseconds."""


class Reader:
    """What somebody who follows the feed knows: the newest state of each job, by id."""

    def __init__(self, store: Store) -> None:
        self.counts = Counter[str]()
        self.picture: dict[str, State] = {}
        self._store = store
        self._last: str | None = None
        self._heard = set[str]()
        self._seen = 0

    async def follow(self) -> None:
        """Read on and on."""
        while True:
            try:
                await self._read()
            except StoreUnavailable:
                self.counts["times away"] += 1
                await asyncio.sleep(0.05)  # a pause between two looks at a store that is awaited

    async def knows(self, finals: Mapping[str, State], *, seconds: float = 30.0) -> None:
        """Wait until the picture is this one."""
        try:
            await until("the reader knows it all", lambda: self.picture == finals, seconds=seconds)
        except AssertionError as error:
            wrong = {job: (self.picture.get(job), finals.get(job)) for job in {*self.picture, *finals}}
            raise AssertionError(f"{error}: {[each for each in wrong.items() if each[1][0] != each[1][1]]}") from None

    async def _read(self) -> None:
        feed = await self._store.events(self._last)
        if feed.resync or self._last is None:
            self.counts["resyncs"] += feed.resync
            await self._look_at_all()
        for event in feed.events:
            assert event.kind is EventKind.JOB, event
            await self._look_at(event.job_id)
            assert event.id not in self._heard, f"{event} came twice"
            self._heard.add(event.id)
            self._last = event.id
            self.counts["events"] += 1
        self._last = feed.last
        if not feed.events:
            self._seen = await self._store.changed(self._seen, WAIT_MS)

    async def _look_at(self, job_id: str) -> None:
        try:
            record = await self._store.job(job_id)
        except NotFound:
            raise AssertionError(f"{job_id} was told of, and is not there") from None
        self._note(job_id, record.state)

    async def _look_at_all(self) -> None:
        cursor: str | None = None
        while True:
            page = await self._store.jobs(JobQuery(order=JobOrder.CREATED, cursor=cursor))
            for job in page.jobs:
                self._note(job.id, job.state)
            cursor = page.next
            if cursor is None:
                return

    def _note(self, job_id: str, state: State) -> None:
        known = self.picture.get(job_id)
        assert known is None or not known.final or state is known, f"{job_id} was {known}, and is {state} again"
        self.picture[job_id] = state


@asynccontextmanager
async def following(store: Store) -> AsyncIterator[Reader]:
    """A reader that follows the feed until the end of the block, which raises what it found wrong."""
    reader = Reader(store)
    task = asyncio.create_task(reader.follow())
    try:
        yield reader
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
