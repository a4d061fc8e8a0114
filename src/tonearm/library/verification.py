"""Verification: whether received bytes are the audio that the catalog promised, without decoding them.

Length, checksum, magic bytes, the structure of the container from its beginning to its end, and the length in seconds.
A file that was cut, swapped for an error page or replaced by a preview does not pass. A flipped bit in the middle
does, unless there is a checksum: that is for the full decode (`soundness`), which follows on the tagged file. Cheap: a
few reads, never the whole file (but to compute a checksum that nobody computed on the way).
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from mutagen import MutagenError
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from tonearm.errors import Corrupt
from tonearm.library import containers, flac
from tonearm.library.formats import AudioFormat, identify
from tonearm.model import Track
from tonearm.stopping import checkpoint
from tonearm.volume import disk_failures, disk_fault

TOLERANCE_SECONDS = 2.0
TOLERANCE_SHARE = 0.03
"""The length may differ from the catalog's by the larger of the two."""

_CHUNK = 1024 * 1024
_PREVIEW_SECONDS = (25.0, 35.0)

HOSTILE = (
    MutagenError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What mutagen may raise over a hostile file. An OSError is apart: it may be the disk's own fault."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A file that passed. *size* in bytes."""

    format: AudioFormat
    duration_seconds: float
    size: int


def verify(path: Path, track: Track, received_size: int, checksum: str | None = None) -> Audio:
    """Decide whether the file at *path* is *track*.

    *received_size* is what the transfer says it wrote, *checksum* (`algorithm:hex`) what it computed on the way. Where
    the catalog gives one of another kind, the file is read once for it.

    Raises:
        Corrupt: it is not; the message says why.
        DiskError: it cannot be read.

    Cost: below 1 ms for usual files, besides a checksum.
    """
    with disk_failures("reading the download", path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        _check_length(size, received_size, track.media.size_bytes)
        _check_sum(file, track.media.checksum, checksum)
        file.seek(0)
        audio = measure(file, size)
    check_duration(audio.duration_seconds, track.duration_seconds)
    return audio


def measure(file: BinaryIO, size: int) -> Audio:
    """Tell the format and length of an open file of *size* bytes that is whole by its own account.

    Raises:
        Corrupt: it is no audio of ours, or not whole.
        OSError: the disk failed.
    """
    audio = identify(file, size)
    if audio is AudioFormat.FLAC:
        # Stricter than mutagen, and it needs no tags to be readable: those we write ourselves.
        seconds = flac.check(file, size)
    else:
        containers.check(file, size, audio)
        seconds = _seconds(file, audio)
    if seconds <= 0:
        raise Corrupt("The file holds no audio")
    return Audio(audio, seconds, size)


def check_duration(seconds: float, expected: float | None) -> None:
    """See that a file which plays for *seconds* may be a track of *expected* seconds (None: the catalog does not say).

    Raises:
        Corrupt: it may not, or it is a preview of a longer one.
    """
    if not expected or abs(seconds - expected) <= _tolerance(expected):
        return
    if _PREVIEW_SECONDS[0] <= seconds <= _PREVIEW_SECONDS[1] and expected > seconds:
        raise Corrupt(f"The server sent a preview of {seconds:.0f} s of a track of {_clock(expected)}")
    raise Corrupt(f"The file plays for {_clock(seconds)}, the catalog promised {_clock(expected)}")


def longest(expected: float | None) -> float | None:
    """The most seconds that pass `check_duration`; None: any number."""
    return expected + _tolerance(expected) if expected else None


def _tolerance(expected: float) -> float:
    return max(TOLERANCE_SECONDS, TOLERANCE_SHARE * expected)


_READERS: dict[AudioFormat, Any] = {
    AudioFormat.MP3: MP3,
    AudioFormat.M4A: MP4,
    AudioFormat.OGG: OggVorbis,
    AudioFormat.OPUS: OggOpus,
    AudioFormat.OGG_FLAC: OggFLAC,
    AudioFormat.WAV: WAVE,
}


def _seconds(file: BinaryIO, audio: AudioFormat) -> float:
    """The length by mutagen, which also proves that the file opens."""
    file.seek(0)
    try:
        return float(_READERS[audio](file).info.length)
    except (*HOSTILE, OSError) as error:
        if fault := disk_fault(error):
            raise fault from None
        raise Corrupt(f"The {audio.value.upper()} file does not open: {str(error) or type(error).__name__}") from error


def _check_length(size: int, received: int, promised: int | None) -> None:
    if size != received:
        raise Corrupt(f"{size} bytes are on disk of {received} received")
    if promised is not None and size != promised:
        raise Corrupt(f"The server sent {size} bytes, the catalog promised {promised}")


def _check_sum(file: BufferedReader, promised: str | None, computed: str | None) -> None:
    if promised is None:
        return
    algorithm, _, expected = promised.strip().lower().partition(":")
    if algorithm not in ("sha256", "md5"):
        raise Corrupt(f"The catalog gave a checksum of an unknown kind: {algorithm[:20]}")
    known, _, got = (computed or "").lower().partition(":")
    if known != algorithm:
        file.seek(0)
        digest = hashlib.new(algorithm, usedforsecurity=False)
        while chunk := file.read(_CHUNK):
            checkpoint()
            digest.update(chunk)
        got = digest.hexdigest()
    if got != expected:
        raise Corrupt(f"The checksum is wrong: {algorithm} {got}, the catalog promised {expected}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
