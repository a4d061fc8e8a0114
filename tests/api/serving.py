"""The real application on a real socket over a real store, for tests; and the wire as a test wants to see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tonearm.api import ApiServer, create_app
from tonearm.catalog import Catalog
from tonearm.clock import Clock, SystemClock
from tonearm.settings import load
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite

PREFIX = "/api/download-queue"
WORKER = "worker-1"
Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer: status, headers, and the body as JSON."""

    status: int
    headers: Mapping[str, str]
    body: Json


class Caller:
    """A way to call a server that listens at *url*, without its base path."""

    url: str
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str = "", **options: Any) -> Answer:
        """A request below the prefix; an absolute path begins with `//`."""
        url = self.url + (path[1:] if path.startswith("//") else PREFIX + path)
        async with self.http.request(method, url, allow_redirects=False, **options) as answer:
            body = {} if method == "HEAD" else await answer.json(content_type=None)
            return Answer(answer.status, answer.headers, body)

    async def submit(self, kind: str = "track", number: int = 11, **more: Any) -> str:
        """Queue a job; its id."""
        job = {"type": kind, f"{kind}Id": number, "quality": "LOSSLESS"}
        answer = await self.call("POST", json={"job": job, **more})
        assert answer.status == 201, answer.body
        return str(answer.body["jobId"])

    async def job(self, job_id: str) -> Json:
        """The whole record of a job."""
        answer = await self.call("GET", f"/{job_id}")
        assert answer.status == 200, answer.body
        record: Json = answer.body["job"]
        return record


@dataclass
class Remote(Caller):
    """A server that is another process."""

    url: str
    http: aiohttp.ClientSession


@dataclass
class Api(Caller):
    """A server of this process that listens, its store, and a way to call it."""

    server: ApiServer
    store: Store
    http: aiohttp.ClientSession
    host: str = field(init=False)
    port: int = field(init=False)
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.host, _, port = self.server.addresses[0].removeprefix("http://").partition("/")[0].rpartition(":")
        self.port = int(port)
        self.url = f"http://{self.host}:{self.port}"

    async def raw(self, *pieces: bytes, end: bool = False) -> bytes:
        """Send *pieces* over a connection of its own, and read until the server closes it; *end* closes our side."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if end:
                writer.write_eof()
            async with asyncio.timeout(15):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def serving(clock: Clock | None = None, catalog: Catalog | None = None, **flags: str) -> AsyncIterator[Api]:
    """A server on a free port over a store in memory with a living worker; no rate limit unless *flags* set one."""
    settings = load({"PORT": "0", "QUEUE_RATE_LIMIT_PER_MIN": "0", **flags})
    clock = clock or SystemClock()
    store = await open_sqlite(None, clock, worker_dead_ms=settings.worker_dead_ms)
    await store.heartbeat(WORKER, "here", 4)
    server = ApiServer(create_app(store, settings, clock, catalog=catalog), settings)
    try:
        await server.start()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            yield Api(server, store, http)
    finally:
        await server.stop(1_000)
        await store.close()
