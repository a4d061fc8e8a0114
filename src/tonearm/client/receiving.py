"""Receiving: a body of known length that comes piece by piece, and the file that it becomes.

Counts the bytes alone; who reads them, and how he waits for them, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tonearm.client.exchange import PIECE_BYTES, file_name
from tonearm.errors import CutOff

Arriving = Callable[[int], None]
"""Told after every piece how many bytes there are now."""


class Received:
    """What is known of a body. *size*: its bytes; *name*: what the server would call it, whatever that is."""

    def __init__(self, size: int, disposition: str | None) -> None:
        self.size = size
        self.name = file_name(disposition)
        self.left = size
        """Bytes that did not arrive yet."""

    @property
    def due(self) -> int:
        """How many bytes to read next at most; 0 when all are there."""
        return min(self.left, PIECE_BYTES)

    def take(self, piece: bytes) -> bytes:
        """Count a piece and hand it on; an empty one is the end of the connection.

        Raises:
            CutOff: that came too early.
        """
        if not piece:
            raise CutOff(f"The server stopped after {self.size - self.left} of {self.size} bytes")
        self.left -= len(piece)
        return piece


@contextmanager
def part_of(path: Path) -> Iterator[BinaryIO]:
    """A file beside *path* that gets its name when the block ends well, and is gone when it does not."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
