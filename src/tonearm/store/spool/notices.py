"""The notices of a spool: a job that ends leaves one in the store where it is, and is told of from there.

What the local store has is told of and sent whether the main one is away or not. What people are told of the queue as
a whole (`Pending.whole`) is judged by the main store alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace

from tonearm.errors import StoreUnavailable
from tonearm.model import Delivery, DeliveryLog, NewDelivery, Pending, TakenDeliveries
from tonearm.store.base import Store
from tonearm.store.spool.both import Both

HERE = "local."
"""What the name of a round of the local store begins with."""


class NoticesOfBoth:
    """The notices of two stores."""

    def __init__(self, both: Both) -> None:
        self._both = both
        self._local = both.local
        self._taken_here: set[str] = set()
        """Ids of deliveries of the local store that were handed out."""

    async def listen(self, ms: int) -> None:
        """Listen to both."""
        await self._local.listen(ms)
        await self._both.ask_main(lambda main: main.listen(ms))

    async def pending(self) -> Pending:
        """What the main store has, or, where that is nothing, the local one."""
        there = await self._both.ask_main(lambda main: main.pending())
        here = await self._local.pending()
        listens_ms = here.listens_ms if there is None else min(here.listens_ms, there.listens_ms)
        if there is not None and (there.notices or not here.notices):
            return replace(there, listens_ms=listens_ms)
        return replace(here, round=HERE + here.round, listens_ms=listens_ms, whole=False)

    async def tell(
        self, deliveries: Sequence[NewDelivery], *, from_round: str | None = None, upto: int = 0, memory: str = ""
    ) -> int:
        """Tell the store whose round it is; without one the main store, or, while that is away, the local one."""
        if from_round is not None and from_round.startswith(HERE):
            from_round = from_round.removeprefix(HERE)
            return await self._local.tell(deliveries, from_round=from_round, upto=upto, memory=memory)
        try:
            return await self._both.reach.call(
                lambda main: main.tell(deliveries, from_round=from_round, upto=upto, memory=memory)
            )
        except StoreUnavailable:
            if from_round is not None:
                raise
            return await self._local.tell(deliveries)

    async def take(self, targets: Sequence[str], most: int, hold_ms: int) -> TakenDeliveries:
        """Hand out those of the local store, and with the room that is left those of the main one."""
        here = await self._local.take_deliveries(targets, most, hold_ms)
        self._taken_here |= {each.id for each in here.deliveries}
        left = most - len(here.deliveries)
        there = await self._both.ask_main(lambda main: main.take_deliveries(targets, left, hold_ms)) if left else None
        there = there or TakenDeliveries()
        dues = [due for due in (here.next_due_ms, there.next_due_ms) if due is not None]
        return TakenDeliveries(here.deliveries + there.deliveries, min(dues, default=None))

    async def settle(self, delivery: Delivery, answer: str, *, received: bool, delay_ms: int | None) -> None:
        """Tell the store that handed it out."""

        def settled(store: Store) -> Awaitable[None]:
            return store.settle_delivery(delivery, answer, received=received, delay_ms=delay_ms)

        if delivery.id not in self._taken_here:
            await self._both.reach.call(settled)
            return
        await settled(self._local)
        self._taken_here.discard(delivery.id)

    async def log(self, limit: int) -> DeliveryLog:
        """The deliveries of both, those of the main store first where they are of the same time."""
        here = await self._local.deliveries(limit)
        there = await self._both.ask_main(lambda main: main.deliveries(limit)) or DeliveryLog(0, ())
        found = sorted((*there.deliveries, *here.deliveries), key=lambda record: record.at, reverse=True)
        return DeliveryLog(here.waiting + there.waiting, tuple(found))
