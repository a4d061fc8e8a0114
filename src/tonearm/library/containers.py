"""Containers: whether MP3, Ogg, MP4 and WAVE files are all there, by their own arithmetic.

Each of them says somewhere how long it is. A body that was cut can be recognised without decoding it, even where nobody
announced its length. `flac` does the same for FLAC. What lies inside is for the full decode to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from tonearm.decoder.mpeg import frame_size, id3_size, xing
from tonearm.errors import Corrupt
from tonearm.library.formats import HEAD_BYTES, AudioFormat

_LARGEST_PAGE = 27 + 255 + 255 * 255
_MOST_BOXES = 10_000


def check(file: BinaryIO, size: int, audio: AudioFormat) -> None:
    """Raise unless the file of *size* bytes goes on to its own end.

    Raises:
        Corrupt: the end is missing.

    Cost: a few small reads.
    """
    if not _CHECKS[audio](file, size):
        raise Corrupt(f"The {audio.value.upper()} file is cut off: its end is missing")


def _mp3_is_whole(file: BinaryIO, size: int) -> bool:
    """Where the first frame carries a Xing header, it counts the bytes; most encoders write one."""
    file.seek(0)
    start = id3_size(file.read(HEAD_BYTES))
    file.seek(start)
    frame = file.read(HEAD_BYTES)
    announced = xing(frame) if frame_size(frame[:4]) else None
    if announced is None or announced[1] is None:
        return True
    return size >= start + announced[1]


def _ogg_is_whole(file: BinaryIO, size: int) -> bool:
    """The last page ends where the file ends."""
    start = max(0, size - _LARGEST_PAGE)
    file.seek(start)
    tail = file.read(size - start)
    page = tail.rfind(b"OggS\0")
    if page < 0 or len(tail) < page + 27:
        return False
    segments = tail[page + 27 : page + 27 + tail[page + 26]]
    return len(segments) == tail[page + 26] and len(tail) >= page + 27 + len(segments) + sum(segments)


def _mp4_is_whole(file: BinaryIO, size: int) -> bool:
    """The boxes of the top level, with both the index (moov) and the audio (mdat), end with the file."""
    offset, seen = 0, set[bytes]()
    for _ in range(_MOST_BOXES):
        if offset == size:
            break
        file.seek(offset)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - offset
        if len(header) < 8 or length < 8 or offset + length > size:
            return False
        seen.add(header[4:8])
        offset += length
    return seen >= {b"moov", b"mdat"}


def _wav_is_whole(file: BinaryIO, size: int) -> bool:
    """The chunks up to the audio lie inside the file. Sizes that a live encoder never filled in say nothing."""
    offset = 12
    for _ in range(_MOST_BOXES):
        file.seek(offset)
        header = file.read(8)
        length = int.from_bytes(header[4:8], "little")
        if len(header) < 8:
            return False
        if header[:4] == b"data":
            return length >= 0xFFFF_FFF0 or offset + 8 + length <= size
        offset += 8 + length + length % 2
    return False


_CHECKS: dict[AudioFormat, Callable[[BinaryIO, int], bool]] = {
    AudioFormat.MP3: _mp3_is_whole,
    AudioFormat.OGG: _ogg_is_whole,
    AudioFormat.OPUS: _ogg_is_whole,
    AudioFormat.OGG_FLAC: _ogg_is_whole,
    AudioFormat.M4A: _mp4_is_whole,
    AudioFormat.WAV: _wav_is_whole,
}
