"""Blocking file work beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run *function* on a thread and wait for it, even through a cancel.

    A cancel is honoured when the function has ended: nothing goes on writing behind the back of whoever stopped it.
    """
    # As `asyncio.to_thread`, without a task around it: a track goes to a thread a dozen times.
    call = partial(copy_context().run, function, *args, **kwargs)
    work = asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):  # a further cancel changes nothing: the first one is raised below
                await asyncio.wait([work])
        if not work.cancelled():
            work.exception()
        raise
