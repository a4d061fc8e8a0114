"""Reach: whether the main store answers, as the calls to it show.

A call that finds it unavailable makes it count as away, and from then on only those who have to, and the probe, ask it.
So nobody waits for a store that does not answer, and one that comes back is found within a second. One that is full is
not away: it takes nothing new, and does all else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from tonearm.errors import SetupError, StoreFull, StoreUnavailable
from tonearm.store.base import Store
from tonearm.store.sweeping import sweep

T = TypeVar("T")
Opener = Callable[[], Awaitable[Store]]

NOT_ASKED = "It was not asked yet"

log = structlog.get_logger("store.spool")


class Reach:
    """The main store, and what is known about it. *opener* opens it, again and again until that succeeds."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._store: Store | None = None
        self.reason: str | None = NOT_ASKED
        """Why it is away, for people; None: it answers."""
        self.full = False
        """Whether it had no room for what it was last asked to take."""
        self._turn = asyncio.Event()

    @property
    def up(self) -> bool:
        """Whether the last thing that was heard of it was an answer."""
        return self.reason is None

    @property
    def store(self) -> Store | None:
        """The store, if it was ever open."""
        return self._store

    async def turned(self) -> None:
        """Wait until it goes away or comes back."""
        await self._turn.wait()

    async def goes_away(self) -> None:
        """Wait until it goes away from now on; while it is away, for ever."""
        while True:
            await self.turned()
            if not self.up:
                return

    async def call(self, work: Callable[[Store], Awaitable[T]], *, though_away: bool = False) -> T:
        """Ask the store; *though_away*: also while it counts as away, as for a claim that nobody else knows of.

        Raises:
            StoreUnavailable: it is away, or does not answer this; then the outcome is unknown.
            StoreFull: it has no room for this, and is not away for that.
        """
        store = self._store
        if store is None or not (self.up or though_away):
            raise StoreUnavailable(f"The queue is away: {self.reason}")
        try:
            return await work(store)
        except StoreFull:
            raise
        except StoreUnavailable as error:
            self._note(str(error))
            raise

    async def add(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Ask the store to take something new.

        Raises:
            StoreFull: it has no room for it; nothing was changed.
            StoreUnavailable: as for `call`.
        """
        try:
            answer = await self.call(work)
        except StoreFull as error:
            if not self.full:
                log.warning("The queue is full; jobs are accepted here meanwhile", reason=str(error))
            self.full = True
            raise
        if self.full:
            log.info("The queue has room again")
        self.full = False
        return answer

    async def probe(self) -> bool:
        """Look whether the store answers, opening it where it is not open yet."""
        try:
            if self._store is None:
                self._store = await self._opener()
            await sweep(self._store)  # it has to be able to write
        except (StoreUnavailable, SetupError) as error:
            self._note(str(error))
        else:
            self._note(None)
        return self.up

    async def open(self) -> None:
        """Open the store at a start, if it answers.

        Raises:
            SetupError: it answers, and cannot be used as it is; nobody is served by starting without it.
        """
        try:
            self._store = await self._opener()
        except StoreUnavailable as error:
            self._note(str(error))
        else:
            self._note(None)

    async def close(self) -> None:
        """Close what is open."""
        if self._store is not None:
            await self._store.close()

    def _note(self, reason: str | None) -> None:
        turned = (reason is None) is not self.up
        first, self.reason = self.reason == NOT_ASKED, reason
        if reason is None and turned:
            log.info("The queue can be reached")
        elif reason is not None and (turned or first):
            log.warning("The queue is away; jobs are accepted here meanwhile", reason=reason)
        if turned:
            self._turn.set()
            self._turn = asyncio.Event()
