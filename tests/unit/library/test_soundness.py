"""Soundness: what decodes to the sample that it promises is published, however it was made."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutagen.apev2 import APEv2
from tests.support.counts import count
from tests.support.free_music import free_music
from tests.support.music import Music, png
from tests.support.programs import find
from tests.support.soundness import Verifier, track
from tests.support.waves import make_wave
from tests.unit.library.encoding import EVERY_FORMAT, ffmpeg, flac, without

from tonearm.errors import Corrupt
from tonearm.library import Picture, Tags, verify, write_tags
from tonearm.library.flac import read_metadata


@pytest.mark.parametrize("extension", EVERY_FORMAT)
def test_a_sound_file_of_every_format_passes_as_it_came_and_tagged(
    music: Music, verifier: Verifier, tmp_path: Path, extension: str
) -> None:
    """Also with a cover, and with everything that the tags write."""
    audio = verifier(music(extension), seconds=3.0)
    part = music.copy(tmp_path / "part", extension)
    target = tmp_path / f"tagged.{extension}"
    assert write_tags(part, target, audio.format, Tags.of(track(), None), Picture.of(png(600, 600))) == ()

    decoded = verifier.decode(target, audio, seconds=3.0)

    assert decoded.seconds == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("bits", [8, 12, 16, 20, 24, 32])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_flac_of_every_width_is_compared_sample_by_sample(
    verifier: Verifier, tmp_path: Path, bits: int, channels: int
) -> None:
    """The MD5 that the reference encoder wrote is the one that we compute; nothing else is taken for it."""
    path = flac(make_wave(tmp_path / "a.wav", bits, channels), tmp_path / "a.flac")
    with path.open("rb") as file:
        stream = read_metadata(file, path.stat().st_size).stream
    assert (stream.bits, stream.channels) == (bits, channels)

    audio = verifier(path)
    assert verifier.decode(path, audio).md5 == stream.md5

    content = bytearray(path.read_bytes())
    content[26] ^= 1
    path.write_bytes(content)
    with pytest.raises(Corrupt, match="not those that it was made of"):
        verifier(path)


@pytest.mark.parametrize(
    "options",
    [
        ("-0",),
        ("-8",),
        ("--blocksize=65535", "--lax"),
        ("--blocksize=16", "--lax"),
        ("-8", "--no-padding"),
        ("--picture", "{cover}"),
    ],
)
def test_flac_of_every_setting_passes(verifier: Verifier, tmp_path: Path, options: tuple[str, ...]) -> None:
    """What the reference encoder can be told to do."""
    (tmp_path / "cover.png").write_bytes(png(2_000, 2_000))
    wanted = [option.format(cover=tmp_path / "cover.png") for option in options]
    verifier(flac(make_wave(tmp_path / "a.wav", 16, 2), tmp_path / "a.flac", *wanted))


@pytest.mark.parametrize("extension", ["flac", "oga"])
@pytest.mark.parametrize(("md5", "samples"), [(True, False), (False, True), (True, True)])
def test_zeros_in_streaminfo_mean_unknown_and_not_wrong(
    music: Music, verifier: Verifier, tmp_path: Path, *, extension: str, md5: bool, samples: bool
) -> None:
    """ffmpeg to a pipe writes neither; what is announced still counts."""
    wave = music("wav")
    path = tmp_path / f"piped.{extension}"
    if extension == "oga":
        with path.open("wb") as file:
            command = [find("ffmpeg"), "-v", "error", "-i", str(wave), "-c:a", "flac", "-f", "ogg", "-"]
            subprocess.run(command, stdout=file, check=True)
    else:
        flac(wave, path)
        without(path, md5=md5, samples=samples)
    verifier(path, seconds=3.0)


@pytest.mark.parametrize("tail", [bytes(4096), bytes(20_000), b"TAG" + bytes(125)])
@pytest.mark.parametrize("unknown", [False, True])
def test_padding_and_an_old_tag_behind_flac_are_no_damage(
    music: Music, verifier: Verifier, tmp_path: Path, tail: bytes, *, unknown: bool
) -> None:
    """Whether there is an MD5 or not."""
    path = music.copy(tmp_path / "padded.flac")
    without(path, md5=unknown, samples=unknown)
    path.write_bytes(path.read_bytes() + tail)
    verifier(path, seconds=3.0)


@pytest.mark.parametrize(
    "options",
    [
        ("-b:a", "320k"),
        ("-b:a", "32k", "-ac", "1", "-ar", "22050"),
        ("-b:a", "16k", "-ac", "1", "-ar", "8000"),
        ("-q:a", "0"),
        ("-q:a", "9"),
        ("-b:a", "128k", "-abr", "1"),
        ("-b:a", "192k", "-joint_stereo", "0"),
        ("-b:a", "128k", "-write_xing", "0"),
        ("-b:a", "128k", "-write_xing", "0", "-write_id3v1", "1", "-id3v2_version", "0"),
        ("-b:a", "256k", "-reservoir", "0"),
    ],
)
def test_mp3_of_every_kind_passes(music: Music, verifier: Verifier, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Constant and variable rate, with and without a reservoir, a Xing header and old tags; MPEG 1, 2 and 2.5."""
    path = tmp_path / "a.mp3"
    ffmpeg("-i", music("wav"), *options, path)
    verifier(path, seconds=3.0)


def _with_ape(content: bytes, path: Path) -> bytes:
    path.write_bytes(content)
    tag: Any = APEv2()  # type: ignore[no-untyped-call]  # typed only in part
    tag["Title"] = "Blue"
    tag.save(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda content, _: content + b"TAG" + bytes(125),
        _with_ape,
        lambda content, path: _with_ape(content, path) + b"TAG" + bytes(125),
        lambda content, _: content + bytes(5_000),
        lambda content, _: content + b"LYRICSBEGIN" + b"la " * 200 + b"LYRICS200",
        lambda content, _: b"ID3\3\0\0\0\0\0\x10" + bytes(16) + bytes(700) + content[45:],
        lambda content, _: content[content.index(b"\xff\xfb", 20_000) :],
    ],
    ids=["ID3v1", "APE", "APE and ID3v1", "zeros", "lyrics", "padding behind the tag", "cut out of a longer one"],
)
def test_what_stands_around_mp3_frames_is_no_damage(
    music: Music, verifier: Verifier, tmp_path: Path, change: Callable[[bytes, Path], bytes]
) -> None:
    """Tags of every age, padding, and a first frame whose beginning lay in the frame before."""
    path = tmp_path / "a.mp3"
    path.write_bytes(change(music("mp3").read_bytes(), path))
    audio = verify(path, track(), path.stat().st_size)
    verifier.decode(path, audio)


@pytest.mark.parametrize(
    "options",
    [
        ("-c:a", "alac"),
        ("-c:a", "aac", "-b:a", "64k", "-ac", "1"),
        ("-c:a", "aac", "-movflags", "+faststart"),
        ("-c:a", "flac", "-strict", "-2", "-f", "mp4"),
    ],
)
def test_m4a_of_every_kind_passes(music: Music, verifier: Verifier, tmp_path: Path, options: tuple[str, ...]) -> None:
    """AAC and ALAC, the index before or behind the audio."""
    path = tmp_path / "a.m4a"
    ffmpeg("-i", music("wav"), *options, path)
    audio = verify(path, track(), path.stat().st_size)
    verifier.decode(path, audio, seconds=3.0)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw"])
def test_wav_of_every_kind_passes(music: Music, verifier: Verifier, tmp_path: Path, codec: str) -> None:
    """Whole numbers, floating point, and the logarithms of telephony."""
    path = tmp_path / "a.wav"
    ffmpeg("-i", music("wav"), "-c:a", codec, path)
    verifier(path, seconds=3.0)


def test_real_music_passes_in_every_format(verifier: Verifier, tmp_path: Path) -> None:
    """Albums as people made them, and what encoders make of them."""
    tracks = sorted(free_music().glob("*.ogg"), key=lambda path: path.stat().st_size)
    for path in tracks[: count(4, 16)]:
        verifier(path)
    for extension, codec in (("mp3", ("-q:a", "2")), ("m4a", ()), ("opus", ("-c:a", "libopus")), ("flac", ())):
        made = tmp_path / f"real.{extension}"
        ffmpeg("-t", "40", "-i", tracks[0], "-vn", *codec, made)
        verifier(made, seconds=40.0)


def test_silence_is_music(verifier: Verifier, tmp_path: Path) -> None:
    """A silent track is a track."""
    for extension in ("flac", "mp3", "m4a", "ogg"):
        path = tmp_path / f"silence.{extension}"
        ffmpeg("-f", "lavfi", "-i", "anullsrc=r=44100:cl=stereo", "-t", "5", path)
        verifier(path, seconds=5.0)


def test_tags_in_an_old_alphabet_are_no_damage(music: Music, verifier: Verifier, tmp_path: Path) -> None:
    """Text that is no UTF-8 says nothing about the sound."""
    path = music.copy(tmp_path / "latin.wav", "wav")
    content = path.read_bytes()
    text = b"Caf\xe9\0\0"
    chunk = b"LIST" + (12 + len(text)).to_bytes(4, "little") + b"INFOINAM" + len(text).to_bytes(4, "little") + text
    body = content[8:] + chunk
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    verifier(path, seconds=3.0)
