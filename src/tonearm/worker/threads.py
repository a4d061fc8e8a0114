"""Blocking file work beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import ParamSpec, TypeVar

from tonearm.stopping import stoppable

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run *function* on a thread and wait for it, even through a cancel.

    A cancel is honoured when the function has ended: nothing goes on writing behind the back of whoever stopped it.
    One that takes long ends at its next `tonearm.stopping.checkpoint`.
    """
    # As `asyncio.to_thread`, without a task around it: a track goes to a thread a dozen times.
    unwanted = Event()
    work = asyncio.get_running_loop().run_in_executor(None, stoppable(unwanted, function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        unwanted.set()
        while not work.done():
            with suppress(asyncio.CancelledError):  # a further cancel changes nothing: the first one is raised below
                await asyncio.wait([work])
        if not work.cancelled():
            work.exception()
        raise
