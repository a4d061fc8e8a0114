"""Files that the tests of the full decode look at: made by the real encoders, and told of by the real verifier."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.programs import find
from tests.support.soundness import Verifier

from tonearm.errors import Corrupt
from tonearm.library import Audio, AudioFormat

EVERY_FORMAT = [audio.extension for audio in AudioFormat]
CHECKED = ("flac", "oga", "ogg", "opus")
"""Formats with a checksum over everything."""


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([find("ffmpeg"), "-v", "error", "-y", *map(str, arguments)], check=True)


def flac(source: Path, target: Path, *options: str) -> Path:
    """Encode with the reference encoder."""
    subprocess.run([find("flac"), "--silent", "--force", *options, "-o", str(target), str(source)], check=True)
    return target


def without(path: Path, *, md5: bool, samples: bool) -> None:
    """Zero what STREAMINFO says, as encoders do that write to a pipe."""
    content = bytearray(path.read_bytes())
    if samples:
        content[21] &= 0xF0
        content[22:26] = bytes(4)
    if md5:
        content[26:42] = bytes(16)
    path.write_bytes(content)


def passes(verifier: Verifier, path: Path, audio: Audio) -> bool:
    """Whether the full decode lets it pass."""
    try:
        verifier.decode(path, audio)
    except Corrupt:
        return False
    return True
