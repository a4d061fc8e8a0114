"""Music: small real audio files, synthesised once per session and kept until it ends.

Every file is made by the programs that people use (`ffmpeg`, and `flac` for FLAC), so the tests meet headers and
padding as they are in the world. Call the `music` fixture for a path; it is shared, so copy it before changing it.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest

from tests.support.programs import find

_CODECS = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "128k"),
    "m4a": ("-c:a", "aac", "-b:a", "128k"),
    "ogg": ("-c:a", "libvorbis"),
    "opus": ("-c:a", "libopus"),
    "oga": ("-c:a", "flac", "-f", "ogg"),
    "wav": (),
}


@dataclass(frozen=True)
class Sound:
    """What a file is to hold. Noise does not compress, so its length decides its size."""

    extension: str = "flac"
    seconds: float = 3.0
    bits: int = 16
    channels: int = 2
    rate: int = 44_100
    noise: bool = True
    seed: int = 1


class Music:
    """Makes files and keeps them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Sound, Path] = {}

    def __call__(self, extension: str = "flac", **wishes: float) -> Path:
        """The path of a file with these properties of `Sound`. Not to be changed."""
        sound = Sound(extension, **wishes)  # type: ignore[arg-type]  # numbers of both kinds; ffmpeg takes either
        if sound not in self._made:
            self._made[sound] = self._make(sound)
        return self._made[sound]

    def copy(self, target: Path, extension: str = "flac", **wishes: float) -> Path:
        """A copy of that file at *target*, to be changed at will."""
        shutil.copyfile(self(extension, **wishes), target)
        return target

    def _make(self, sound: Sound) -> Path:
        stem = self._folder / "-".join(str(part) for part in astuple(sound)[1:])
        target = stem.with_name(f"{stem.name}.{sound.extension}")
        wave = stem.with_name(f"{stem.name}.source.wav")
        _run(
            *("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", _source(sound), "-ac", str(sound.channels)),
            *("-c:a", {16: "pcm_s16le", 24: "pcm_s24le"}[sound.bits], "-bitexact", str(wave)),
        )
        if sound.extension == "flac":
            _run("flac", "--silent", "--force", "-o", str(target), str(wave))
        elif sound.extension == "wav":
            shutil.copyfile(wave, target)
        else:
            _run("ffmpeg", "-v", "error", "-y", "-i", str(wave), *_CODECS[sound.extension], str(target))
        wave.unlink()
        return target


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Music:
    """Real audio files, made on demand and shared by the session."""
    return Music(tmp_path_factory.mktemp("music"))


def pcm(path: Path) -> str:
    """The MD5 of the decoded audio of a file, by ffmpeg: equal for equal sound, whatever the tags."""
    return _run("ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a", "-f", "md5", "-").strip()


def flac_frames(path: Path) -> bytes:
    """The audio of a FLAC file as it stands there, to the byte: all that follows its metadata."""
    content = path.read_bytes()
    assert content.startswith(b"fLaC"), path
    place, last = 4, False
    while not last:
        last = bool(content[place] & 0x80)
        place += 4 + int.from_bytes(content[place + 1 : place + 4])
    return content[place:]


def png(width: int = 2, height: int = 2, *, size: int = 0) -> bytes:
    """A valid PNG picture, of at least *size* bytes by a private chunk of zeros."""
    picture = _picture(width, height, "png")
    end = len(picture) - 12
    chunk = b"toNe" + bytes(size)
    padding = struct.pack(">I", size) + chunk + struct.pack(">I", zlib.crc32(chunk)) if size else b""
    return picture[:end] + padding + picture[end:]


def jpeg(width: int = 16, height: int = 16) -> bytes:
    """A small valid JPEG picture."""
    return _picture(width, height, "mjpeg")


def _picture(width: int, height: int, codec: str) -> bytes:
    source = f"testsrc=size={width}x{height}:duration=1"
    made = ("-f", "lavfi", "-i", source, "-frames:v", "1", "-c:v", codec, "-f", "image2pipe", "-")
    return subprocess.run([find("ffmpeg"), "-v", "error", *made], check=True, capture_output=True).stdout


def _source(sound: Sound) -> str:
    length = f"duration={sound.seconds}:sample_rate={sound.rate}"
    if sound.noise:
        return f"anoisesrc={length}:color=white:amplitude=0.5:seed={sound.seed}"
    return f"sine=frequency={200 + sound.seed}:{length}"


def _run(program: str, *arguments: str) -> str:
    done = subprocess.run([find(program), *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{program}: {done.stderr}"
    return done.stdout
