"""One music file, as the index keeps it: what it is, how good it is, and what it says about itself."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tonearm.model import Quality

HIGH_BITRATE = 256_000
"""Bits per second from which a lossy file counts as HIGH."""


class Format(StrEnum):
    """The kinds of file that are served."""

    FLAC = "flac"
    MP3 = "mp3"
    MP4 = "mp4"
    OGG = "ogg"
    WAV = "wav"

    @property
    def content_type(self) -> str:
        """The media type of the whole file."""
        return _CONTENT_TYPES[self]


_CONTENT_TYPES = {
    Format.FLAC: "audio/flac",
    Format.MP3: "audio/mpeg",
    Format.MP4: "audio/mp4",
    Format.OGG: "audio/ogg",
    Format.WAV: "audio/wav",
}


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was read from one file. *bitrate* is in bits per second, *content* the fingerprint of the sound alone.

    Title and artist are never empty. *tagged_title*, *tagged_album*: the name came from tags; else it was guessed from
    the path, and an album's may be empty.
    """

    format: Format
    lossless: bool
    bitrate: int
    content: bytes
    title: str
    artist: str
    album: str
    duration_seconds: float | None = None
    album_artist: str | None = None
    track_number: int | None = None
    track_count: int | None = None
    disc_number: int | None = None
    disc_count: int | None = None
    year: int | None = None
    isrc: str | None = None
    license: str | None = None
    compilation: bool = False
    tagged_title: bool = False
    tagged_album: bool = False
    picture: bool = False

    @property
    def quality(self) -> Quality:
        """LOSSLESS whatever the rate; lossy files by their bitrate."""
        if self.lossless:
            return Quality.LOSSLESS
        return Quality.HIGH if self.bitrate >= HIGH_BITRATE else Quality.LOW

    @property
    def rank(self) -> int:
        """Which of two files of one quality is served: the higher. FLAC comes before other lossless files."""
        return self.bitrate + (2**40 if self.format is Format.FLAC else 0)
