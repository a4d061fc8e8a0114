"""Several processes on one queue in Redis and one library, as machines are that share a volume.

    site = Site(tmp_path, catalog.url, redis.url)
    async with site.worker("one") as one, site.server("two") as two:
        ...
        assert site.files() == [...]

Each process has a folder of its own beside the library. What of the queue a test looks at, it asks a server for, or the
store itself, as one more process (`site.store()`), or Redis.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.support.server import Tonearm
from tonearm.clock import SystemClock
from tonearm.store.redis import RedisStore, open_redis


class Site:
    """A library, a catalog and a queue, and the processes that work with them. *settings* are for all of them."""

    def __init__(self, folder: Path, catalog_url: str, redis_url: str, **settings: object) -> None:
        self.library = folder / "music"
        self.stage = self.library / ".tonearm"
        self._folder = folder
        self._catalog_url = catalog_url
        self._redis_url = redis_url
        self._settings = settings
        self._any = Tonearm(folder / "nobody", catalog_url, library=self.library)

    def server(self, name: str, **more: object) -> Tonearm:
        """A `tonearm serve`, not started yet."""
        return self._process(name, "serve", more)

    def worker(self, name: str, **more: object) -> Tonearm:
        """A `tonearm worker`, not started yet."""
        return self._process(name, "worker", more)

    def _process(self, name: str, command: str, more: dict[str, object]) -> Tonearm:
        options: dict[str, object] = {"REDIS_URL": self._redis_url, **self._settings, **more}
        breakage, arguments = options.pop("breakage", None), options.pop("arguments", ())
        assert breakage is None or isinstance(breakage, str)
        assert isinstance(arguments, tuple)
        process = Tonearm(
            self._folder / name,
            self._catalog_url,
            library=self.library,
            command=command,
            breakage=breakage,
            **options,
        )
        process.arguments += map(str, arguments)
        return process

    @asynccontextmanager
    async def store(self) -> AsyncIterator[RedisStore]:
        """The queue, for the test itself."""
        dead_ms = int(str(self._settings.get("QUEUE_WORKER_DEAD_MS", 120_000)))
        store = await open_redis(self._redis_url, SystemClock(), worker_dead_ms=dead_ms)
        try:
            yield store
        finally:
            await store.close()

    def files(self) -> list[str]:
        """Every file of the library outside the stage."""
        return self._any.files()

    def published(self) -> dict[str, tuple[int, int]]:
        """Inode and size of every file of the library."""
        found = {name: (self.library / name).stat() for name in self.files()}
        return {name: (status.st_ino, status.st_size) for name, status in found.items()}

    def staged(self) -> list[str]:
        """Everything in the stage that belongs to tasks."""
        return self._any.staged()


async def ended(worker: Tonearm) -> dict[str, int]:
    """How the claims of a `tonearm worker` ended so far, by outcome, without zeros."""
    async with aiohttp.ClientSession() as http, http.get(f"{worker.url}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    samples = [sample for family in families for sample in family.samples if sample.name == "tonearm_tasks_total"]
    return {sample.labels["outcome"]: int(sample.value) for sample in samples if sample.value}
