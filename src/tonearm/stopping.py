"""Stopping: how blocking work on a thread learns that nobody wants it any more.

A thread cannot be interrupted, and whoever started it waits for its end, so that nothing writes behind the back of a
cancel. Work that may take long (copying, hashing, syncing a large file) therefore goes in pieces of at most `PIECE`
bytes, with a `checkpoint` between two. Outside of `stoppable` a checkpoint does nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from tonearm.errors import Stopped

P = ParamSpec("P")
T = TypeVar("T")
PIECE = 32 * 1024 * 1024
"""Bytes between two checkpoints: about half a second of a slow disk."""

_unwanted: ContextVar[threading.Event | None] = ContextVar("unwanted", default=None)


def stoppable(unwanted: threading.Event, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> partial[T]:
    """Bind *function* to its arguments and to this context, so that its checkpoints ask for *unwanted*."""
    context = copy_context()
    context.run(_unwanted.set, unwanted)
    return partial(context.run, function, *args, **kwargs)


def checkpoint() -> None:
    """Let long work end here if nobody wants it any more.

    Raises:
        Stopped: to be passed on, as if the process had been killed here; only what must not stay may be removed first.
    """
    unwanted = _unwanted.get()
    if unwanted is not None and unwanted.is_set():
        raise Stopped
