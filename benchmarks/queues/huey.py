"""huey: threads over a list. A task leaves Redis when it is fetched, so a worker that dies takes it along."""

from __future__ import annotations

from benchmarks.queues.child import note_start
from huey import RedisHuey

CONCURRENCY = 2


class Queue:
    """See `benchmarks.queues.child.Queue`. A kept result is a key of a hash, for ever."""

    def __init__(self, url: str, *, keep: bool) -> None:
        self._huey = RedisHuey("bench", url=url, results=keep, store_none=keep)

        def nothing() -> None:
            """The empty task."""

        self._nothing = self._huey.task(name="nothing")(nothing)
        self._noted = self._huey.task(name="noted")(note_start)

    def submit(self, count: int) -> None:
        for _ in range(count):
            self._nothing()

    def start(self) -> None:
        self._noted()

    def left(self) -> int:
        return int(self._huey.storage.queue_size())

    def work(self) -> None:
        self._huey.create_consumer(workers=CONCURRENCY, worker_type="thread", periodic=False).run()
