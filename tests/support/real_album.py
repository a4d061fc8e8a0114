"""A real album: twelve tracks of free music in the three qualities, made once a session from what people listen to."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.counts import count
from tests.support.free_music import free_music
from tests.support.programs import find

TRACKS = 12
SECONDS = count(8, 20)


@dataclass(frozen=True)
class RealTrack:
    """One track: its title, and its file in each quality."""

    number: int
    title: str
    files: dict[str, Path]


def make_real_album(folder: Path) -> list[RealTrack]:
    """Cut the first seconds of twelve pieces and encode them, without the tags of the originals."""
    sources = sorted(free_music().rglob("*.ogg"))[:TRACKS]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda pair: _encode(folder, *pair), enumerate(sources, 1)))


def _encode(folder: Path, number: int, source: Path) -> RealTrack:
    files = {
        "LOW": folder / f"{number}.low.mp3",
        "HIGH": folder / f"{number}.high.mp3",
        "LOSSLESS": folder / f"{number}.flac",
    }
    common = ["-map", "0:a", "-map_metadata", "-1", "-t", str(SECONDS)]
    command = [find("ffmpeg"), "-v", "error", "-y", "-i", str(source)]
    command += [*common, "-c:a", "libmp3lame", "-b:a", "128k", str(files["LOW"])]
    command += [*common, "-c:a", "libmp3lame", "-b:a", "320k", str(files["HIGH"])]
    command += [*common, "-c:a", "flac", "-sample_fmt", "s16", str(files["LOSSLESS"])]
    subprocess.run(command, check=True, timeout=300)
    return RealTrack(number, source.stem.replace("_", " "), files)
