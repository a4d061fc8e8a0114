"""arq: asyncio, a sorted set that the worker polls, and a key for each job."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import uvloop
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.worker import Worker
from benchmarks.queues.child import AT_ONCE, DAY_S, note_start

CONCURRENCY = 100
POLL_S = 0.01

_run = asyncio.Runner(loop_factory=uvloop.new_event_loop).run


async def nothing(_context: Any) -> None:
    """The empty task."""


async def noted(_context: Any) -> None:
    """The task that says when it started."""
    note_start()


class Queue:
    """See `benchmarks.queues.child.Queue`.

    Where `STARTED` is set, latency is measured: with arq's own pause between polls, since a shorter one costs an idle
    worker CPU all day. Where speed is measured, the pause is short.
    """

    def __init__(self, url: str, *, keep: bool) -> None:
        self._redis: ArqRedis = _run(create_pool(RedisSettings.from_dsn(url)))
        self._keep_s = DAY_S if keep else 0
        self._poll = {} if "STARTED" in os.environ else {"poll_delay": POLL_S}

    def submit(self, count: int) -> None:
        _run(self._submit(count))

    async def _submit(self, count: int) -> None:
        for begin in range(0, count, AT_ONCE):
            size = min(AT_ONCE, count - begin)
            await asyncio.gather(*(self._redis.enqueue_job("nothing") for _ in range(size)))

    def start(self) -> None:
        _run(self._redis.enqueue_job("noted"))

    def left(self) -> int:
        return int(_run(self._redis.zcard("arq:queue")))

    def work(self) -> None:
        _run(self._work())

    async def _work(self) -> None:
        worker = Worker(
            [nothing, noted],
            redis_pool=self._redis,
            max_jobs=CONCURRENCY,
            keep_result=self._keep_s,
            log_results=False,
            **self._poll,
        )
        await worker.async_run()
