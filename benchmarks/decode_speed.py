"""The full decode by itself: how many times faster than it plays, and what a child costs.

    ./dev bench decode_speed [--rounds 7]

Real music (tests.support.free_music) is encoded in several ways and decoded, one file at a time, by the decoder process
as the server runs it: a child of low priority, with its limits, for each file. Timed is the whole call: the descriptor
handed over, the child forked, every sample decoded and hashed, the answer back. Beside it stands the processor time of
the child, which a busy machine does not stretch as much. README.md says what it means.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import Figure, Report, Table, spread
from tests.support.free_music import free_music
from tests.support.processes import children
from tests.support.programs import find

from tonearm.library import Audio, Candidate, Decoder, verify
from tonearm.model import Media, Track

SECONDS = 240
"""Of each file; a usual track."""

TRACK = Track(id=1, title="Title", artist="Artist", album="Album", media=Media("https://media.example/1"))

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "FLAC, 16 bit, 44.1 kHz": ("cd.flac", ("-ar", "44100", "-sample_fmt", "s16")),
    "FLAC, 24 bit, 96 kHz": ("studio.flac", ("-ar", "96000", "-sample_fmt", "s32", "-bits_per_raw_sample", "24")),
    "MP3, 320 kbit/s": ("high.mp3", ("-ar", "44100", "-b:a", "320k")),
    "MP3, 128 kbit/s": ("low.mp3", ("-ar", "44100", "-b:a", "128k")),
    "AAC, 256 kbit/s": ("a.m4a", ("-ar", "44100", "-b:a", "256k")),
    "Vorbis": ("a.ogg", ("-ar", "44100", "-c:a", "libvorbis", "-q:a", "6")),
    "Opus": ("a.opus", ("-c:a", "libopus", "-b:a", "128k")),
}


@dataclass(frozen=True, slots=True)
class Timed:
    """One file, its decoded seconds, and the seconds that each round took: of the clock, and of the processor."""

    size: int
    plays_s: float
    took_s: list[float] = field(default_factory=list[float])
    cpu_s: list[float] = field(default_factory=list[float])

    @property
    def speeds(self) -> list[float]:
        """Times real time, round by round."""
        return [self.plays_s / took for took in self.took_s]

    @property
    def cpu_speeds(self) -> list[float]:
        """Times real time of one core that does nothing else."""
        return [self.plays_s / took for took in self.cpu_s]


def run(rounds: int = 7, seconds: int = SECONDS) -> Report:
    """Measure and report."""
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as name:
        paths = _encode(Path(name), seconds)
        starts, timed = asyncio.run(_measure(paths, rounds))
    child = timed.pop("")
    figures = [
        *(
            Figure(f"decode of {kind}, times real time of a core", timed[kind].cpu_speeds, "{:.0f}x")
            for kind in ("FLAC, 16 bit, 44.1 kHz", "FLAC, 24 bit, 96 kHz", "MP3, 320 kbit/s")
        ),
        Figure("a child that has nothing to decode", [took * 1_000 for took in child.took_s], "{:.1f} ms"),
        Figure("start of the decoder process", [took * 1_000 for took in starts], "{:.0f} ms"),
    ]
    rows = [
        [
            kind,
            f"{one.size / 1e6:.1f}",
            spread(one.speeds, "{:.0f}x"),
            spread(one.cpu_speeds, "{:.0f}x"),
            spread([took * 1_000 for took in one.took_s], "{:.0f}"),
            spread([one.size / 1e6 / took for took in one.took_s], "{:.0f}"),
        ]
        for kind, one in timed.items()
    ]
    note = f"{seconds} s of music in each file, one file at a time, {rounds} rounds; median (range)."
    table = Table("Full decode", ("", "MB", "times real time", "by CPU", "ms a file", "MB/s"), rows, note)
    return Report(figures, [table], {kind: one.took_s for kind, one in timed.items()})


def _encode(folder: Path, seconds: int) -> dict[str, Path]:
    """The longest piece of the free music in every kind; under "" a file of almost no sound."""
    source = max(free_music().glob("*.ogg"), key=lambda path: path.stat().st_size)
    paths = {kind: folder / name for kind, (name, _) in KINDS.items()}
    for kind, (_, options) in KINDS.items():
        _ffmpeg("-t", str(seconds), "-i", str(source), "-vn", *options, str(paths[kind]))
    paths[""] = folder / "short.flac"
    _ffmpeg("-t", "0.1", "-i", str(source), "-vn", str(paths[""]))
    return paths


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([find("ffmpeg"), "-v", "error", *arguments], check=True)


async def _measure(paths: dict[str, Path], rounds: int) -> tuple[list[float], dict[str, Timed]]:
    """Seconds that the starts took, and all files, after one round to warm up."""
    audio = {kind: verify(path, TRACK, path.stat().st_size) for kind, path in paths.items()}
    starts: list[float] = []
    timed: dict[str, Timed] = {}
    for number in range(rounds + 1):
        decoder = Decoder()
        begun = time.perf_counter()
        await _decode(decoder, paths[""], audio[""])
        starts.append(time.perf_counter() - begun)
        for kind, path in paths.items():
            begun, cpu_s = time.perf_counter(), _ended_children_s()
            plays_s = await _decode(decoder, path, audio[kind])
            took, cpu_s = time.perf_counter() - begun, _ended_children_s() - cpu_s
            one = timed.setdefault(kind, Timed(path.stat().st_size, plays_s))
            if number:
                one.took_s.append(took)
                one.cpu_s.append(cpu_s)
        await decoder.close()
    return starts[1:], timed


def _ended_children_s() -> float:
    """Processor time of the children that the decoder process has seen end, seconds."""
    (process,) = children(os.getpid())
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


async def _decode(decoder: Decoder, path: Path, audio: Audio) -> float:
    """Decode one file, which has to be sound; the seconds that it plays."""
    with Candidate.open(path, audio) as candidate:
        decoded = await decoder.decode(candidate.descriptor, candidate.order(TRACK), candidate.limit_seconds)
        candidate.judge(decoded, TRACK)
    return decoded.seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    print(run(parser.parse_args(arguments).rounds).text())


if __name__ == "__main__":
    main()
