"""taskiq-redis over a stream: asyncio, messages fetched a hundred at a time and acknowledged one by one."""

from __future__ import annotations

import asyncio

import uvloop
from benchmarks.queues.child import AT_ONCE, DAY_S, note_start
from redis.asyncio import Redis
from taskiq.api import run_receiver_task
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

CONCURRENCY = 100

_run = asyncio.Runner(loop_factory=uvloop.new_event_loop).run


async def nothing() -> None:
    """The empty task."""


async def noted() -> None:
    """The task that says when it started."""
    note_start()


class Queue:
    """See `benchmarks.queues.child.Queue`. An acknowledged message stays in the stream; a kept result is beside it."""

    def __init__(self, url: str, *, keep: bool) -> None:
        self._redis = Redis.from_url(url)
        self._broker = RedisStreamBroker(url, consumer_id="0", max_connection_pool_size=20)
        if keep:
            self._broker = self._broker.with_result_backend(RedisAsyncResultBackend(url, result_ex_time=DAY_S))
        self._nothing = self._broker.register_task(nothing, "nothing")
        self._noted = self._broker.register_task(noted, "noted")
        _run(self._broker.startup())

    def submit(self, count: int) -> None:
        _run(self._submit(count))

    async def _submit(self, count: int) -> None:
        for begin in range(0, count, AT_ONCE):
            size = min(AT_ONCE, count - begin)
            await asyncio.gather(*(self._nothing.kiq() for _ in range(size)))

    def start(self) -> None:
        _run(self._noted.kiq())

    def left(self) -> int:
        return _run(self._left())

    async def _left(self) -> int:
        (group,) = await self._redis.xinfo_groups("taskiq")
        return int(group["lag"]) + int(group["pending"])

    def work(self) -> None:
        _run(
            run_receiver_task(
                self._broker, validate_params=False, max_async_tasks=CONCURRENCY, max_prefetch=CONCURRENCY
            )
        )
