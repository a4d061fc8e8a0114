"""The spool: one store made of the main one, in Redis, and a local one that stands in while that is away.

    the main store answers     every call is its own
    it is away                 jobs are accepted into the local store, with a warning, and worked on there; what is not
                               there is not known: `StoreUnavailable`, never `NotFound`
    it is full                 new jobs are accepted into the local store in the same way; all else is its own as before
    it is back, or has room    what nobody works on is handed over (`handover`), what runs here finishes here first

Limits, duplicates and the turns of clients hold in each store by itself meanwhile. One loop of the process calls `tend`
again and again: it looks whether the main store is back, sweeps the local one, and hands over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

from tonearm.errors import StoreFull, StoreUnavailable
from tonearm.model import Delivery, DeliveryLog, KeyRecord, NewDelivery, Pending, TakenDeliveries
from tonearm.store.base import LocalStore
from tonearm.store.spool.both import Both
from tonearm.store.spool.keyring import CopiedKeys
from tonearm.store.spool.notices import NoticesOfBoth
from tonearm.store.spool.reach import Opener
from tonearm.store.spool.working import Working
from tonearm.store.sweeping import sweep

PROBE_S = 1.0
"""Seconds between two looks at a main store that is away, and at jobs that cannot be handed over yet."""

LONGEST_PROBE_S = 5.0
"""The same where the main store answers the look, and then not what matters, or is full, again and again."""

SWEEPS = 10
"""Sweeps of the local store in one look, at most; each is a bounded step."""

IDLE_S = 30.0
"""The longest wait of the loop while there is nothing to do; a main store that goes away ends it, or a job here."""


async def open_spool(opener: Opener, local: LocalStore, *, works: bool = True) -> Spool:
    """Open the main store, and stand in for it at once if it does not answer. *local* belongs to the spool then.

    *works*: whether a worker of this process takes what lies there, for what people are told.

    Raises:
        SetupError: the main store answers, and cannot be used as it is.
    """
    both = Both(opener, local, works=works)
    try:
        await both.reach.open()
        await both.handover.begin()
    except BaseException:
        await local.close()
        raise
    return Spool(both)


class Spool(Working):
    """A store made of two. Made by `open_spool`."""

    def __init__(self, both: Both) -> None:
        super().__init__(both)
        self._pause_s = PROBE_S
        self._keyring = CopiedKeys(both)
        self._notices = NoticesOfBoth(both)

    async def keys(self) -> tuple[KeyRecord, ...]:
        return await self._keyring.keys()

    async def add_key(self, record: KeyRecord) -> bool:
        return await self._keyring.add(record)

    async def remove_key(self, name: str) -> bool:
        return await self._keyring.remove(name)

    async def listen(self, ms: int) -> None:
        await self._notices.listen(ms)

    async def pending(self) -> Pending:
        return await self._notices.pending()

    async def tell(
        self, deliveries: Sequence[NewDelivery], *, from_round: str | None = None, upto: int = 0, memory: str = ""
    ) -> int:
        return await self._notices.tell(deliveries, from_round=from_round, upto=upto, memory=memory)

    async def take_deliveries(self, targets: Sequence[str], most: int, hold_ms: int) -> TakenDeliveries:
        return await self._notices.take(targets, most, hold_ms)

    async def settle_delivery(
        self, delivery: Delivery, answer: str, *, received: bool, delay_ms: int | None = None
    ) -> None:
        await self._notices.settle(delivery, answer, received=received, delay_ms=delay_ms)

    async def deliveries(self, limit: int) -> DeliveryLog:
        return await self._notices.log(limit)

    @property
    def local(self) -> LocalStore:
        """The store that stands in."""
        return self._local

    @property
    def stands_in(self) -> bool:
        """Whether new jobs are accepted here, because the main store is away or full."""
        return self.away or self._reach.full

    @property
    def away(self) -> bool:
        """Whether the main store does not answer, as far as anybody tried."""
        return not self._reach.up

    @property
    def left(self) -> int:
        """Jobs that lie here, or a few more; 0 only if there are none."""
        return self._both.handover.left

    async def tend(self) -> None:
        """One round of the loop: look, hand over, wait until there may be something to do."""
        news = self._both.handover.news
        news.clear()
        wait_s = await self.look()
        ends: list[Coroutine[None, None, object]] = [self._reach.goes_away()]
        if wait_s == IDLE_S:  # else it looks again soon, and does not hurry for each job that comes
            ends.append(news.wait())
        waits = [asyncio.create_task(end) for end in ends]
        try:
            await asyncio.wait(waits, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def look(self) -> float:
        """Do what can be done now; answer how many seconds later it is worth another look."""
        there = self._reach.up or await self._reach.probe()
        more = await self._sweep_here()
        if there:
            wait_s = await self._go_on()
        else:
            await self._both.handover.count()
            wait_s = PROBE_S
        return min(wait_s, PROBE_S) if more else wait_s

    async def _sweep_here(self) -> bool:
        """Free what dead workers held here and carry on what goes in steps: there may be no worker here that does.

        True: there is more to do.
        """
        for _ in range(SWEEPS):
            if not (await sweep(self._local)).more:
                return False
        return True

    async def _go_on(self) -> float:
        """Say to the main store what it has to hear, and hand over; the answer is that of `look`."""
        handover = self._both.handover
        try:
            await self.tell_again()
            await self._both.mirror(await self._reach.call(lambda main: main.control()))
            moved = bool(handover.left or handover.marked) and await handover.go_through()
        except StoreUnavailable as error:
            if self._reach.up and not isinstance(error, StoreFull):
                raise  # it is the local store that does not answer
            await handover.count()
            self._pause_s = min(2 * self._pause_s, LONGEST_PROBE_S)
            return self._pause_s
        self._pause_s = PROBE_S
        if not handover.left and self._reach.up:
            return IDLE_S
        return 0.0 if moved else PROBE_S

    async def close(self) -> None:
        """Close both stores."""
        try:
            await self._reach.close()
        finally:
            await self._local.close()
