"""Celery: kombu over a list, with what is fetched and not yet acknowledged in a hash."""

from __future__ import annotations

from benchmarks.queues.child import DAY_S, note_start
from celery import Celery
from redis import Redis

POOL = "solo"
PREFETCH = 100


class Queue:
    """See `benchmarks.queues.child.Queue`."""

    def __init__(self, url: str, *, keep: bool) -> None:
        self._redis = Redis.from_url(url)
        self._app = Celery("bench", broker=url, backend=url if keep else None)
        self._app.conf.update(
            task_ignore_result=not keep,
            result_expires=DAY_S,
            worker_prefetch_multiplier=PREFETCH,
            worker_concurrency=1,
            worker_disable_rate_limits=True,
            worker_send_task_events=False,
            broker_connection_retry_on_startup=True,
        )

        def nothing() -> None:
            """The empty task."""

        self._nothing = self._app.task(name="nothing")(nothing)
        self._noted = self._app.task(name="noted")(note_start)

    def submit(self, count: int) -> None:
        with self._app.producer_pool.acquire(block=True) as producer:
            for _ in range(count):
                self._nothing.apply_async(producer=producer)

    def start(self) -> None:
        self._noted.apply_async()

    def left(self) -> int:
        return int(self._redis.llen("celery")) + int(self._redis.hlen("unacked"))

    def work(self) -> None:
        flags = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
        self._app.worker_main(["worker", f"--pool={POOL}", *flags])
