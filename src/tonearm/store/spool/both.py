"""Both: the two stores of a spool, what lies between them, and where a job is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tonearm.errors import NotFound, StoreUnavailable
from tonearm.model import Control, ControlChange
from tonearm.store.base import LocalStore, Store
from tonearm.store.spool.feeds import Feeds
from tonearm.store.spool.handover import HandOver
from tonearm.store.spool.reach import Opener, Reach

T = TypeVar("T")


class Both:
    """The main store and the local one. Nothing here decides which one gets a new job."""

    def __init__(self, opener: Opener, local: LocalStore, *, works: bool) -> None:
        self.local = local
        self.works = works
        """Whether a worker of this process takes what lies here."""
        self.reach = Reach(opener)
        self.handover = HandOver(self.reach, local)
        self.feeds = Feeds(self.reach, local)
        self._mirrored: Control | None = None

    async def read(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Ask the local store for a job, and the main one if it is not there.

        Raises:
            NotFound: it is in neither.
            StoreUnavailable: it is not here, and the main store is away: nobody knows whether there is such a job.
        """
        try:
            return await work(self.local)
        except NotFound:
            return await self.reach.call(work)

    async def act(self, job_id: str, work: Callable[[Store], Awaitable[T]]) -> T:
        """Do something to a job where it is, and not between two steps of its hand-over.

        One that may be in both stores is brought to its place first.

        Raises:
            NotFound: it is in neither.
            StoreUnavailable: it is not here, or perhaps there, and the main store is away.
        """
        if self.handover.left or self.handover.marked:
            async with self.handover.lock:
                if job_id in self.handover.marked:
                    await self.handover.move([job_id])
                try:
                    return await work(self.local)
                except NotFound:
                    pass
        return await self.reach.call(work)

    async def ask_main(self, work: Callable[[Store], Awaitable[T]]) -> T | None:
        """Ask the main store for what can be done without; None while it is away."""
        try:
            return await self.reach.call(work)
        except StoreUnavailable:
            return None

    async def mirror(self, control: Control) -> None:
        """Keep what people set for the whole queue here as well: it holds while the main store is away, too."""
        if control != self._mirrored:
            await self.local.steer(ControlChange(control.paused, control.bandwidth_limit, control.max_concurrent))
            self._mirrored = control
