"""Formats: what kind of audio a file holds, told by its first bytes and by nothing else.

Neither a name nor a Content-Type is asked. What is no audio of ours is described for people, since an error page or a
text in place of music is the most common fault of a server. Whether the audio is whole is `verify`'s question.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from tonearm.decoder.mpeg import frame_size, id3_size
from tonearm.errors import Corrupt

HEAD_BYTES = 4096
"""How much of the beginning is looked at."""


class AudioFormat(StrEnum):
    """The formats that the library files. The value is its name for people and settings."""

    FLAC = "flac"
    MP3 = "mp3"
    M4A = "m4a"
    OGG = "ogg"
    OPUS = "opus"
    OGG_FLAC = "oga"
    WAV = "wav"

    @property
    def extension(self) -> str:
        """The ending of a file name, without its dot."""
        return self.value


def inspect(path: Path) -> AudioFormat:
    """The format of the file at *path*, by its magic bytes.

    Raises:
        Corrupt: it is none of ours; the message says what it seems to be instead.

    Cost: one or two reads of 4 KiB.
    """
    with path.open("rb", buffering=0) as file:
        return identify(file, os.fstat(file.fileno()).st_size)


def identify(file: BinaryIO, size: int) -> AudioFormat:
    """Like `inspect`, for an open file of *size* bytes. Where the file stands afterwards is not said."""
    head = file.read(HEAD_BYTES)
    if not size:
        raise Corrupt("The server sent zero bytes instead of audio")
    start = id3_size(head)
    if start:
        file.seek(start)
        head = file.read(HEAD_BYTES).lstrip(b"\0")
    found = _format_of(head, tagged=bool(start))
    if found is None:
        raise Corrupt(f"The server sent {_describe(head)} instead of audio")
    return found


def _format_of(head: bytes, *, tagged: bool) -> AudioFormat | None:
    if head.startswith(b"fLaC"):
        return AudioFormat.FLAC
    if head.startswith(b"OggS"):
        return _format_of_ogg(head)
    if head[4:8] == b"ftyp":
        return AudioFormat.M4A
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return AudioFormat.WAV
    return AudioFormat.MP3 if _is_mpeg(head, tagged=tagged) else None


def _format_of_ogg(head: bytes) -> AudioFormat | None:
    if len(head) < 27:
        return None
    packet = head[27 + head[26] :]
    for magic, audio in (
        (b"\x01vorbis", AudioFormat.OGG),
        (b"OpusHead", AudioFormat.OPUS),
        (b"\x7fFLAC", AudioFormat.OGG_FLAC),
    ):
        if packet.startswith(magic):
            return audio
    return None


def _is_mpeg(head: bytes, *, tagged: bool) -> bool:
    """Two frames in a row; behind a tag, some stray bytes may come first."""
    for start in range(1024 if tagged else 1):
        size = frame_size(head[start : start + 4])
        following = head[start + size : start + size + 4]
        if size and (not following or frame_size(following)):
            return True
    return False


_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"OggS", "an Ogg file without Vorbis, Opus or FLAC"),
    (b"RIFF", "a RIFF file that is not WAVE"),
    (b"FORM", "an AIFF file, which is not supported"),
    (b"#EXTM3U", "a playlist"),
)


def _describe(head: bytes) -> str:
    """What *head* seems to begin, in words that follow "the server sent"."""
    for magic, words in _FOREIGN:
        if head.startswith(magic):
            return words
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "an HTML page"
    if text.startswith(b"<"):
        return "an XML text"
    if text.startswith((b"{", b"[")):
        return "a JSON text"
    if not head.strip(b"\0"):
        return "nothing but zeros"
    return "a text" if _is_text(head) else "something that is not audio"


def _is_text(head: bytes) -> bool:
    return not any(byte < 0x20 and byte not in b"\t\n\f\r\x1b" for byte in head) and (
        head.isascii() or "\ufffd" not in head.decode(errors="replace")[:-1]
    )
