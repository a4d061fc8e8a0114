"""Both clients as one: a test that is written for the blocking client runs over the asynchronous one as well.

    def test_...(connect: Connect) -> None:
        with connect(url) as client:
            ...

The asynchronous client is driven call by call, on a loop that stands still between two calls.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from functools import wraps
from typing import Any, Self, cast

import pytest

from tonearm.client import AsyncClient, AsyncDownload, Client

Connect = Callable[..., Client]
"""Makes a client, from the parameters of `Client`."""


class Driven:
    """Something asynchronous, to be used as if it were not."""

    def __init__(self, runner: asyncio.Runner, target: Any) -> None:
        self._runner = runner
        self._target = target

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._target.close())
        self._runner.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        @wraps(found)
        def driven(*arguments: Any, **named: Any) -> Any:
            return self._drive(found(*arguments, **named))

        return driven

    def __iter__(self) -> Iterator[Any]:
        return self._iterate(aiter(self._target))

    def __repr__(self) -> str:
        return repr(self._target)

    def _drive(self, found: Any) -> Any:
        if inspect.iscoroutine(found):
            found = self._runner.run(found)
        if inspect.isasyncgen(found):
            return self._iterate(found)
        return Driven(self._runner, found) if isinstance(found, AsyncDownload) else found

    def _iterate(self, found: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(found, self)

        try:
            while (item := self._runner.run(following())) is not self:
                yield item
        finally:
            if inspect.isasyncgen(found):
                self._runner.run(found.aclose())


def driven(*address: str, sleep: Callable[[float], None] | None = None, **options: Any) -> Client:
    """An asynchronous client that is used like a blocking one; *sleep* is one of those as well."""
    if sleep is not None:

        async def nap(seconds: float) -> None:
            sleep(seconds)

        options["sleep"] = nap
    return cast("Client", Driven(asyncio.Runner(), AsyncClient(*address, **options)))


@pytest.fixture(params=[Client, driven], ids=["blocking", "asynchronous"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Both clients, one after the other."""
    return cast("Connect", request.param)
