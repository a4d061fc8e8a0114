"""The examination: everything that is looked at, in the order in which people would mend it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from tonearm.clock import Clock
from tonearm.fetch import Fetcher
from tonearm.ops.doctor import contradictions, machine, places, queue, wire
from tonearm.settings import Settings
from tonearm.store.checks import Check


async def examine(settings: Settings, clock: Clock, fetcher: Fetcher | None) -> AsyncIterator[Check]:
    """Look at everything, and say it as it is found. *fetcher* reaches the catalog; None: there is none to reach.

    A server that runs meanwhile goes on undisturbed. What cannot be looked at is said to be so, and the rest is looked
    at all the same.
    """
    for check in contradictions.look(settings):
        yield check
    for look in (machine.look, places.look):
        for check in await asyncio.to_thread(_all, look, settings):
            yield check
    async for check in queue.look(settings, clock):
        yield check
    async for check in wire.look(settings, clock, fetcher):
        yield check


def _all(look: Callable[[Settings], Iterator[Check]], settings: Settings) -> list[Check]:
    return list(look(settings))
