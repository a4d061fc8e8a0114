"""The MD5 that FLAC keeps of its samples (RFC 9639, section 8.2): signed, little-endian, interleaved, whole bytes.

FFmpeg hands out 16 or 32 bits a sample, with the value in the upper ones. Whole bytes are cut out by slices; other
widths are shifted all at once as one long number, with a lane for each sample.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any


class Signature:
    """The MD5 of samples of *bits* bits, 4 to 32, fed block by block."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self._width = (bits + 7) // 8
        self._md5 = hashlib.md5(usedforsecurity=False)

    def add(self, samples: memoryview, lane: int) -> None:
        """Take further samples, each in the upper bits of *lane* bytes, little-endian."""
        if self.bits % 8:
            self.update(_taken(_aligned(bytes(samples), lane, self.bits), lane, 0, self._width))
        elif lane == self._width:
            self.update(samples)
        else:
            self.update(_taken(samples, lane, lane - self._width, self._width))

    def update(self, packed: Any) -> None:
        """Take further samples, any buffer, that are as FLAC wants them already."""
        self._md5.update(packed)

    def hex(self) -> str:
        """The MD5 so far, in hexadecimal digits."""
        return self._md5.hexdigest()


def _taken(samples: bytes | memoryview, lane: int, start: int, width: int) -> bytes | bytearray | memoryview:
    """Of each *lane* bytes, *width* from *start* on."""
    if width == lane:
        return samples
    taken = bytearray(len(samples) // lane * width)
    for byte in range(width):
        taken[byte::width] = samples[start + byte :: lane]
    return taken


def _aligned(samples: bytes, lane: int, bits: int) -> bytes:
    """Move each value from the upper *bits* bits of its lane to the lower ones, keeping its sign."""
    ones = _ones(len(samples) // lane, lane)
    values = int.from_bytes(samples, "little") >> lane * 8 - bits & ones * ((1 << bits) - 1)
    negative = values >> bits - 1 & ones
    values |= (negative << bits) * ((1 << lane * 8 - bits) - 1)
    return values.to_bytes(len(samples), "little")


@lru_cache(maxsize=4)
def _ones(count: int, lane: int) -> int:
    """The number that has a 1 in each of *count* lanes."""
    return int.from_bytes((b"\1" + bytes(lane - 1)) * count, "little")
