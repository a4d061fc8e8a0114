"""BullMQ for Python: asyncio, Lua scripts; settling a job and fetching the next are two calls."""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop
from benchmarks.queues.child import CHUNK, note_start
from bullmq import Queue as BullQueue
from bullmq import Worker

CONCURRENCY = 20

_run = asyncio.Runner(loop_factory=uvloop.new_event_loop).run


async def _do(job: Any, _token: str) -> None:
    if job.name == "noted":
        note_start()


class Queue:
    """See `benchmarks.queues.child.Queue`. A kept job stays for ever."""

    def __init__(self, url: str, *, keep: bool) -> None:
        self._url = url
        self._options = {"removeOnComplete": not keep}
        self._queue = _run(self._open())

    async def _open(self) -> Any:
        return BullQueue("bench", {"connection": self._url})

    def submit(self, count: int) -> None:
        _run(self._submit(count))

    async def _submit(self, count: int) -> None:
        for begin in range(0, count, CHUNK):
            size = min(CHUNK, count - begin)
            await self._queue.addBulk([{"name": "nothing", "data": {}, "opts": self._options} for _ in range(size)])

    def start(self) -> None:
        _run(self._queue.add("noted", {}, self._options))

    def left(self) -> int:
        return sum(_run(self._queue.getJobCounts("wait", "active")).values())

    def work(self) -> None:
        _run(self._work())

    async def _work(self) -> None:
        Worker("bench", _do, {"connection": self._url, "concurrency": CONCURRENCY})
        await asyncio.Event().wait()
