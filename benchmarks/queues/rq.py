"""RQ: synchronous, one job after the other; its SimpleWorker does not fork for each."""

from __future__ import annotations

from benchmarks.queues.child import CHUNK, DAY_S, note_start
from redis import Redis
from rq import Queue as RqQueue
from rq import SimpleWorker


def nothing() -> None:
    """The empty task."""


def noted() -> None:
    """The task that says when it started."""
    note_start()


class Queue:
    """See `benchmarks.queues.child.Queue`."""

    def __init__(self, url: str, *, keep: bool) -> None:
        self._redis = Redis.from_url(url)
        self._queue = RqQueue(connection=self._redis)
        self._ttl = DAY_S if keep else 0

    def submit(self, count: int) -> None:
        for begin in range(0, count, CHUNK):
            size = min(CHUNK, count - begin)
            self._queue.enqueue_many([RqQueue.prepare_data(nothing, result_ttl=self._ttl) for _ in range(size)])

    def start(self) -> None:
        self._queue.enqueue(noted, result_ttl=self._ttl)

    def left(self) -> int:
        return int(self._queue.count) + int(self._redis.zcard(self._queue.started_job_registry.key))

    def work(self) -> None:
        SimpleWorker([self._queue], connection=self._redis).work(logging_level="ERROR")
