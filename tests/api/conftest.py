"""Fixtures of the HTTP tests: a server with the defaults, and a way to start others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
from tests.api.keyed import Keyed, make
from tests.api.serving import WORKER, Api, serving
from tests.support.music import music
from tests.support.redis_shared import fresh_queue, shared_redis

from tonearm.api import ApiServer, create_app
from tonearm.catalog import Catalog
from tonearm.clock import Clock, SystemClock
from tonearm.settings import load
from tonearm.store.redis import open_redis

__all__ = ["music"]  # a fixture

Serve = Callable[..., Awaitable[Api]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers with the settings that it is given; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(clock: Clock | None = None, catalog: Catalog | None = None, **flags: str) -> Api:
            return await stack.enter_async_context(serving(clock, catalog, **flags))

        yield start


@pytest.fixture
async def api(serve: Serve) -> Api:
    """A server with the defaults, but for the rate limit, which is off."""
    return await serve()


@pytest.fixture
async def keyed(api: Api) -> Keyed:
    """A server where keys are on."""
    return Keyed(api, await make(api, "root"))


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Api, Api]]:
    """Two servers over one queue in Redis; a worker lives."""
    settings, queue = load({"PORT": "0", "QUEUE_RATE_LIMIT_PER_MIN": "0"}), fresh_queue()
    async with AsyncExitStack() as stack:
        stack.callback(shared_redis().remove, queue)
        apis: list[Api] = []
        for _ in range(2):
            store = await open_redis(shared_redis().url, SystemClock(), queue=queue)
            stack.push_async_callback(store.close)
            server = ApiServer(create_app(store, settings, SystemClock()), settings)
            await server.start()
            stack.push_async_callback(server.stop, 1_000)
            http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)))
            apis.append(Api(server, store, http))
        await apis[0].store.heartbeat(WORKER, "here", 4)
        yield apis[0], apis[1]
