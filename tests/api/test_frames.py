"""The ring of frames: what a reader gets at a time."""

from __future__ import annotations

import pytest

from tonearm.api import frames
from tonearm.api.frames import Ring


def test_a_reader_gets_what_is_there_in_pieces() -> None:
    """What came together is sent together, up to a bound; a frame beyond it goes alone."""
    ring = Ring()
    for one in (b"a" * 40, b"b" * 40, b"c" * 40, b"d" * 400):
        ring.put(one)

    assert ring.since(0, 100) == [b"a" * 40, b"b" * 40]
    assert ring.since(1, 120) == [b"b" * 40, b"c" * 40]
    assert ring.since(3, 100) == [b"d" * 400]


def test_a_reader_of_what_was_dropped_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """And learns that it has lost its place."""
    monkeypatch.setattr(frames, "RING_FRAMES", 2)
    ring = Ring()
    for one in (b"a", b"b", b"c"):
        ring.put(one)

    assert ring.since(0, 100) is None
    assert ring.since(1, 100) == [b"b", b"c"]
