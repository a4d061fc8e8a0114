"""A store that a test can take away: every call goes to the real one below, or fails as a store does that is not there.

`gone()` refuses calls before they reach the store, as a server that is down; `deaf()` carries them out and loses their
answers, as a connection that breaks in the middle. Which calls are hit can be named; without names it is all of them.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from tonearm.errors import StoreUnavailable
from tonearm.store.base import Store


class Outage:
    """A wrapper around one store, which is there until the test says otherwise."""

    def __init__(self) -> None:
        self.failed = Counter[str]()
        """How often each call failed so far."""
        self._store: Store
        self._gone: frozenset[str] | None = None
        self._deaf: frozenset[str] | None = None

    def around(self, store: Store) -> Store:
        """This wrapper, around *store*."""
        self._store = store
        return cast(Store, self)

    @contextmanager
    def gone(self, *calls: str) -> Iterator[None]:
        """While the block runs, these calls (all, if none is named) do not reach the store."""
        self._gone = frozenset(calls)
        try:
            yield
        finally:
            self._gone = None

    @contextmanager
    def deaf(self, *calls: str) -> Iterator[None]:
        """While the block runs, the answers of these calls (all, if none is named) are lost."""
        self._deaf = frozenset(calls)
        try:
            yield
        finally:
            self._deaf = None

    def has_failed(self, call: str, times: int) -> bool:
        """Whether this call has failed so often."""
        return self.failed[call] >= times

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)
        if not inspect.iscoroutinefunction(call):
            return call

        async def guarded(*args: Any, **options: Any) -> Any:
            self._fail_if(self._gone, name)
            answer = await call(*args, **options)
            self._fail_if(self._deaf, name)
            return answer

        return guarded

    def _fail_if(self, hit: frozenset[str] | None, name: str) -> None:
        if hit is not None and (not hit or name in hit):
            self.failed[name] += 1
            raise StoreUnavailable(f"taken away by the test: {name}")
