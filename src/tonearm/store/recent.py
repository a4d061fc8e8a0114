"""Recent: what was made of a row when it was last read, for as long as the row reads the same.

A list that is asked for again and again changes in few of its rows. To see that a row is still the same costs a
fraction of making a record of it anew. What is made has to follow from the row alone, and is not changed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST = 1_000
"""Rows that are remembered; five pages."""

Row = TypeVar("Row")
Made = TypeVar("Made")


class Recent(Generic[Row, Made]):
    """The newest `MOST` rows, each with what was made of it. Used by one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Row, Made]] = {}

    def of(self, key: Hashable, row: Row, make: Callable[[Row], Made]) -> Made:
        """What *make* makes of *row*, or has made of an equal one that went by the same *key*."""
        known = self._known.get(key)
        if known is not None and known[0] == row:
            return known[1]
        made = make(row)
        self._known.pop(key, None)
        self._known[key] = (row, made)
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return made
