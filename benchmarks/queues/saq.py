"""SAQ: asyncio, a list and a sorted set; a job's status is written when it starts and when it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop
from benchmarks.queues.child import AT_ONCE, DAY_S, note_start
from saq import Queue as SaqQueue
from saq import Worker

CONCURRENCY = 10

_run = asyncio.Runner(loop_factory=uvloop.new_event_loop).run


async def nothing(_context: Any) -> None:
    """The empty task."""


async def noted(_context: Any) -> None:
    """The task that says when it started."""
    note_start()


class Queue:
    """See `benchmarks.queues.child.Queue`."""

    def __init__(self, url: str, *, keep: bool) -> None:
        self._queue = SaqQueue.from_url(url, max_concurrent_ops=50)
        self._ttl = DAY_S if keep else -1

    def submit(self, count: int) -> None:
        _run(self._submit(count))

    async def _submit(self, count: int) -> None:
        for begin in range(0, count, AT_ONCE):
            size = min(AT_ONCE, count - begin)
            await asyncio.gather(*(self._queue.enqueue("nothing", ttl=self._ttl) for _ in range(size)))

    def start(self) -> None:
        _run(self._queue.enqueue("noted", ttl=self._ttl))

    def left(self) -> int:
        return int(_run(self._queue.count("incomplete")))

    def work(self) -> None:
        _run(Worker(self._queue, [nothing, noted], concurrency=CONCURRENCY).start())
