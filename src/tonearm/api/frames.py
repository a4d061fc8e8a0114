"""Frames: events in the form of server-sent events (HTML Living Standard, 9.2), and the ring that holds the newest.

A frame is made once for all streams. The ring is bounded, whoever reads it, and a reader is nothing but a place in it.
"""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

RING_FRAMES = 10_000
RING_BYTES = 4 * 1024 * 1024
"""The most that the ring holds, in frames and bytes; a reader further behind has lost its place."""

HEARTBEAT = b":\n\n"
"""A comment: it keeps proxies from closing a stream that is silent."""


def frame(event: str, data: bytes, *, id: str | None = None) -> bytes:  # noqa: A002 - the name of the field
    """One event; *data* is JSON on one line, and *id* where to resume."""
    head = f"event: {event}\n" if id is None else f"id: {id}\nevent: {event}\n"
    return head.encode() + b"data: " + data + b"\n\n"


def frame_of(event: str, value: object, *, id: str | None = None) -> bytes:  # noqa: A002 - the name of the field
    """One event whose data is *value* in JSON."""
    return frame(event, msgspec.json.encode(value), id=id)


class Ring:
    """The newest frames, numbered from 0 on."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._grown = asyncio.Event()
        self.end = 0
        """The number that the next frame gets."""

    def put(self, one: bytes) -> None:
        """Add a frame, and drop the oldest beyond the bounds; a frame that is too large alone stays until the next."""
        self._frames.append(one)
        self._bytes += len(one)
        self.end += 1
        while len(self._frames) > RING_FRAMES or (self._bytes > RING_BYTES and len(self._frames) > 1):
            self._bytes -= len(self._frames.popleft())
        self._grown.set()
        self._grown = asyncio.Event()

    def since(self, place: int, most: int) -> list[bytes] | None:
        """The frames from this number, below `end`, on: one, and more of together *most* bytes.

        None: it has been dropped.
        """
        first = place - (self.end - len(self._frames))
        if first < 0:
            return None
        found, size = [self._frames[first]], len(self._frames[first])
        for index in range(first + 1, len(self._frames)):
            size += len(self._frames[index])
            if size > most:
                break
            found.append(self._frames[index])
        return found

    async def grown(self, place: int, timeout_s: float) -> bool:
        """Wait until there is a frame of this number, at most so long; whether there is."""
        if place == self.end:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._grown.wait()
            except TimeoutError:
                return False
        return True
