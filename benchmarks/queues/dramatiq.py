"""Dramatiq: threads, a list of ids and a hash of messages; what is done leaves nothing behind."""

from __future__ import annotations

import threading

import dramatiq
from benchmarks.queues.child import note_start
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries

CONCURRENCY = 8
PREFETCH = 200


class Queue:
    """See `benchmarks.queues.child.Queue`. Of its middleware only what retries is kept."""

    def __init__(self, url: str, *, keep: bool) -> None:  # noqa: ARG002 - it has nothing to keep
        self._broker = RedisBroker(url=url, middleware=[Retries()])
        dramatiq.set_broker(self._broker)

        def nothing() -> None:
            """The empty task."""

        self._nothing = dramatiq.actor(nothing)
        self._noted = dramatiq.actor(note_start)

    def submit(self, count: int) -> None:
        for _ in range(count):
            self._nothing.send()

    def start(self) -> None:
        self._noted.send()

    def left(self) -> int:
        return int(self._broker.do_qsize("default"))

    def work(self) -> None:
        worker = dramatiq.Worker(self._broker, worker_threads=CONCURRENCY)
        worker.queue_prefetch = PREFETCH
        worker.start()
        threading.Event().wait()
