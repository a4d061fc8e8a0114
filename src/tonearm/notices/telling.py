"""Telling: rounds in which what the store remembers, and what the queue shows, becomes deliveries.

Every process that knows the addresses goes through rounds; of those that tell the same one, the store lets one do it.
What has to be known from one round to the next is kept in the store with it, so a restart neither forgets nor repeats.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog

from tonearm.clock import Clock
from tonearm.errors import FailureCode, NotFound
from tonearm.metrics import WEBHOOKS, Sent
from tonearm.model import AlbumOutcome, Counts, JobRecord, Notice, Pending, State, Topic
from tonearm.notices import happenings
from tonearm.notices.addresses import Address
from tonearm.notices.happenings import Happening
from tonearm.notices.troubles import Trouble, TroubleKind, Watch, troubles_of
from tonearm.store.base import PAGE, Store

LISTEN_MS = 7 * 24 * 3_600_000
"""For how long jobs go on leaving notices when every process that asks for them is gone, milliseconds. Half of it is
left when it is prolonged."""

LOOK_MS = 2_000
"""The longest time between two looks at what is not told by news: troubles, and work of other processes."""

PAUSE_S = 0.2
"""The shortest time between two rounds, seconds: many jobs that end together are told together."""

log = structlog.get_logger("notices")


class Memory(msgspec.Struct, frozen=True):
    """What one round leaves to the next: whether there was unfinished work, and which troubles are told."""

    busy: bool = False
    troubles: tuple[str, ...] = ()


_MEMORY = msgspec.json.Decoder(Memory)  # described here, before there are threads


class Teller:
    """Tells *addresses*; *encode* writes a job as lists show it, *catalog* is its host and port, *told* is called when
    there are new deliveries.
    """

    def __init__(
        self,
        store: Store,
        addresses: Sequence[Address],
        clock: Clock,
        *,
        encode: Callable[[JobRecord], bytes],
        catalog: str | None,
        told: Callable[[], None],
    ) -> None:
        self._store = store
        self._addresses = addresses
        self._clock = clock
        self._encode = encode
        self._catalog = catalog
        self._told = told
        self._watch = Watch(clock)
        self._seen = 0

    async def listen(self) -> None:
        """Have jobs that end leave notices from now on."""
        await self._store.listen(LISTEN_MS)

    async def round(self) -> None:
        """Tell what there is to tell, and wait until there may be more."""
        if await self.look() < PAGE:
            await asyncio.sleep(PAUSE_S)
            self._seen = await self._store.changed(self._seen, LOOK_MS)

    async def look(self) -> int:
        """Tell what there is to tell now; answers how many notices that were."""
        counts = await self._store.counts()  # before the notices: what has ended by now is among them
        pending = await self._store.pending()
        if pending.listens_ms < LISTEN_MS // 2:
            await self.listen()
        if pending.missed:
            log.warning("Ends of jobs were forgotten before they could be told", notices=pending.missed)
        before = _read(pending.memory)
        ends = [(notice, await self._job(notice)) for notice in pending.notices]
        found = [happenings.ended(notice, None if job is None else self._encode(job)) for notice, job in ends]
        after = before
        if pending.whole:
            more = len(ends) == PAGE  # what comes behind a full page may have ended as well, or be drained with it
            drained, busy = ([], True) if more else await self._drained(counts, ended=bool(ends), before=before)
            due, told = await self._troubles([job for _, job in ends], before)
            found += drained + due
            after = Memory(busy, told)
        if pending.notices or found or after != before:
            await self._tell(pending, found, after)
        return len(pending.notices)

    async def _tell(self, pending: Pending, found: Sequence[Happening], memory: Memory) -> None:
        deliveries = [each for happening in found for each in happening.deliveries(self._addresses)]
        upto = pending.notices[-1].number if pending.notices else 0
        text = msgspec.json.encode(memory).decode()
        dropped = await self._store.tell(deliveries, from_round=pending.round, upto=upto, memory=text)
        if dropped:
            WEBHOOKS[Sent.DROPPED].inc(dropped)
            log.warning("Too many webhooks wait; the oldest were dropped", dropped=dropped)
        if deliveries:
            self._told()

    async def _job(self, notice: Notice) -> JobRecord | None:
        """The job as lists show it, if it still is what the notice says; None: it is gone, or began anew."""
        try:
            job = await self._store.job(notice.job_id, whole=False)
        except NotFound:
            return None
        return job if _topic(job) is notice.topic else None

    async def _drained(self, counts: Counts, *, ended: bool, before: Memory) -> tuple[list[Happening], bool]:
        """Whether the last unfinished job is over, and whether there is one now. *ended*: some have, this round."""
        if counts.unfinished or not (before.busy or ended):
            return [], counts.unfinished > 0
        counts = await self._store.counts()  # a round of another process may have come between, with new jobs
        if counts.unfinished:
            return [], True
        return [happenings.drained(self._clock.wall_ms(), counts)], False

    async def _troubles(
        self, jobs: Sequence[JobRecord | None], before: Memory
    ) -> tuple[list[Happening], tuple[str, ...]]:
        """What wants a person now, and the troubles that count as told."""
        seen = troubles_of(await self._store.workers(), self._catalog)
        # That a catalog does not know us shows in the jobs that it fails, and nowhere else.
        refused = (job.error or "" for job in jobs if job is not None and job.failure_code is FailureCode.AUTH)
        seen += [Trouble(TroubleKind.CATALOG, text, certain=True) for text in refused]
        due, told = self._watch.judge(seen, before.troubles)
        return [happenings.attention(self._clock.wall_ms(), trouble) for trouble in due], told


def _topic(job: JobRecord) -> Topic | None:
    """What the present end of a job is told as; None: it has none, or one that is not told."""
    if job.state is State.FAILED:
        return Topic.FAILED
    if job.state is not State.COMPLETED:
        return None
    return Topic.PARTIAL if job.outcome is AlbumOutcome.PARTIAL else Topic.COMPLETED


def _read(text: str) -> Memory:
    """What was remembered; where it cannot be read, nothing was."""
    try:
        return _MEMORY.decode(text)
    except msgspec.MsgspecError:
        return Memory()
