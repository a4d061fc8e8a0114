"""Blocking file work beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run *function* on a thread and wait for it, even through a cancel.

    A cancel is honoured when the function has ended: nothing goes on writing behind the back of whoever stopped it.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):  # a further cancel changes nothing: the first one is raised below
                await asyncio.wait([work])
        if not work.cancelled():
            work.exception()
        raise
