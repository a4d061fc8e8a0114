"""A store behind a switch: it answers, does not answer, or does what it is told and loses the reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, cast

from tonearm.errors import StoreFull, StoreRefused, StoreUnavailable
from tonearm.store.base import Store


class Line(Enum):
    """What becomes of a call."""

    UP = "it is answered"
    DOWN = "it does not arrive"
    DEAF = "it is done, and the reply is lost"
    REFUSES = "it is refused, and nothing is done"
    FULL = "it is refused for want of room; what needs none is answered"


class Switch:
    """Stands before *store*; *line* says what becomes of calls, *only* of which (None: of all)."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.line = Line.UP
        self.only: frozenset[str] | None = None
        self.calls: list[str] = []

    def set(self, line: Line, *only: str) -> None:
        """What becomes of calls from now on; *only* of these."""
        self.line = line
        self.only = frozenset(only) or None

    async def open(self) -> Store:
        """Open it, as `open_spool` does: only where it answers."""
        if self.line is Line.DOWN:
            raise StoreUnavailable("No connection")
        return cast("Store", self)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if name in ("source", "warning"):
            return found
        if name == "close":
            return _nothing  # a test closes the store itself
        return self._behind(name, found)

    def _behind(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def switched(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            line = self.line if self.only is None or name in self.only else Line.UP
            if line is Line.DOWN:
                raise StoreUnavailable("No answer")
            if line is Line.REFUSES:
                raise StoreRefused("A fail-over is under way")
            if line is Line.FULL and name in ("submit", "submit_many", "take_in"):
                raise StoreFull("Out of memory")
            answer = await call(*arguments, **named)
            if line is Line.DEAF:
                raise StoreUnavailable("The reply is lost")
            return answer

        return switched


async def _nothing() -> None:
    """Close nothing."""
