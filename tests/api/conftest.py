"""Fixtures of the HTTP tests: a server with the defaults, and a way to start others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from tests.api.serving import Api, serving

from tonearm.clock import Clock

Serve = Callable[..., Awaitable[Api]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers with the settings that it is given; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(clock: Clock | None = None, **flags: str) -> Api:
            return await stack.enter_async_context(serving(clock, **flags))

        yield start


@pytest.fixture
async def api(serve: Serve) -> Api:
    """A server with the defaults, but for the rate limit, which is off."""
    return await serve()
