"""MPEG frames: one behind the other, and the rest is tags."""

from __future__ import annotations

import io

import pytest

from tonearm.decoder.damage import Damaged
from tonearm.decoder.mpeg import frame_size, frames, xing

HEADER = bytes.fromhex("fffb9064")
"""MPEG 1 layer III, 128 kbit/s, 44.1 kHz, joint stereo, no checksum."""
FRAME = HEADER + bytes(frame_size(HEADER) - 4)
TAG = b"ID3\4\0\0\0\0\0\x05hello"


def counted(content: bytes) -> int:
    return sum(1 for _ in frames(io.BytesIO(content)))


def announcing(number: int, *, side: int = 32, size: int | None = None) -> bytes:
    """A first frame with a Xing header."""
    flags = 1 if size is None else 3
    said = number.to_bytes(4, "big") + (b"" if size is None else size.to_bytes(4, "big"))
    return (HEADER + bytes(side) + b"Xing" + flags.to_bytes(4, "big") + said).ljust(len(FRAME), b"\0")


@pytest.mark.parametrize(
    "content",
    [
        FRAME * 5,
        TAG + FRAME * 5,
        TAG * 2 + bytes(500) + FRAME * 5,
        FRAME * 5 + b"TAG" + bytes(125),
        FRAME * 5 + bytes(9_000),
        FRAME * 5 + b"something that nobody knows",
        FRAME * 2 + TAG + FRAME * 3,
        announcing(5) + FRAME * 5,
        announcing(6) + FRAME * 5,
        announcing(3) + FRAME * 5,
        announcing(0) + FRAME * 5,
        FRAME * 5 + b"APETAGEX" + (2_000).to_bytes(4, "little") + (32).to_bytes(4, "little") + bytes(16),
    ],
)
def test_all_frames_are_found_between_tags_and_padding(content: bytes) -> None:
    """Before, behind, and between the files that somebody joined; the frame that only announces holds no sound."""
    assert counted(content) == 5


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (FRAME * 3 + b"junk" + FRAME * 3, "no frame begins at byte 1251"),
        (FRAME * 3 + bytes(417) + FRAME * 3, "no frame begins at byte 1251"),
        (FRAME * 3 + FRAME[:200], "its last frame is cut off"),
        (FRAME * 3 + bytes(2_000_000), "no frame begins at byte 1251"),
        (announcing(10) + FRAME * 5, "5 of its 10 frames are missing"),
        (b"no sound at all" * 10, "no MPEG frame begins"),
        (TAG, "no MPEG frame begins"),
        (b"", "no MPEG frame begins"),
    ],
)
def test_what_is_no_frame_between_two_of_them_is_damage(content: bytes, why: str) -> None:
    """Also a frame that was not received to its end, and frames that never came."""
    with pytest.raises(Damaged, match=why):
        counted(content)


@pytest.mark.parametrize("header", ["fffa9064", "fffb9464", "fffb90c4", "fff39064"])
def test_a_header_of_another_kind_of_stream_is_damage(header: str) -> None:
    """Another rate, version or number of channels, or a checksum where the others have none, is a flipped bit."""
    other = bytes.fromhex(header)
    stray = other + bytes(max(0, frame_size(other) - 4))
    with pytest.raises(Damaged):
        counted(FRAME * 3 + stray + FRAME * 3)


def test_what_a_xing_header_says_is_optional() -> None:
    """Frames, bytes, both or neither."""
    assert xing(announcing(7)) == (7, None)
    assert xing(announcing(7, size=2_919)) == (7, 2_919)
    assert xing(FRAME) is None
