"""The MD5 of samples: FFmpeg's upper bits become FLAC's whole bytes, with their sign."""

from __future__ import annotations

import hashlib
import random

import pytest

from tonearm.decoder.signature import Signature


@pytest.mark.parametrize("bits", range(4, 33))
def test_every_width_is_hashed_as_whole_signed_bytes(bits: int) -> None:
    """The extremes, zero, and what lies between, in blocks of any length."""
    lane = 2 if bits <= 16 else 4
    rng, top = random.Random(bits), 1 << bits - 1
    values = [-top, top - 1, -1, 0, 1, *(rng.randrange(-top, top) for _ in range(1_000))]
    shifted = b"".join((value << lane * 8 - bits).to_bytes(lane, "little", signed=True) for value in values)
    width = (bits + 7) // 8
    expected = hashlib.md5(b"".join(value.to_bytes(width, "little", signed=True) for value in values))

    signature = Signature(bits)
    for start, end in ((0, 3), (3, 4), (4, 700), (700, len(values))):
        signature.add(memoryview(shifted)[start * lane : end * lane], lane)

    assert signature.hex() == expected.hexdigest()
