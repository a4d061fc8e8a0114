"""Samples: tracks as a catalog would describe them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tonearm.model import Media, Track

PLAIN = Track(
    id=11,
    title="Blue",
    artist="Ada",
    album="Colours",
    media=Media("https://media.example/11.flac"),
    album_artist="Ada & Friends",
    track_number=3,
)


def a_track(**changes: Any) -> Track:
    """A usual track, with *changes*."""
    return replace(PLAIN, **changes)


def with_media(**changes: Any) -> Track:
    """A usual track of 3 s, whose media has *changes*."""
    return replace(PLAIN, media=replace(PLAIN.media, **changes), duration_seconds=3.0)
