"""Damage: what does not decode to the sample that it promises is not published, and hostile files end in Corrupt."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.counts import count
from tests.support.music import Music, png
from tests.support.programs import find
from tests.support.soundness import Verifier, track
from tests.unit.library.encoding import CHECKED, EVERY_FORMAT, ffmpeg, passes, without

from tonearm.decoder import Decoded
from tonearm.errors import Corrupt
from tonearm.library import AudioFormat, Candidate, Picture, Tags, verify, write_tags

Damage = Callable[[bytes], bytes]


def flipped(content: bytes, at: int, rng: random.Random) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


# --- damage is found --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", CHECKED)
def test_every_flipped_bit_of_a_format_with_checksums_is_found(
    music: Music, verifier: Verifier, tmp_path: Path, extension: str
) -> None:
    """Anywhere in the audio."""
    content = music(extension).read_bytes()
    path, rng = tmp_path / f"flipped.{extension}", random.Random(13)
    audio = verifier(music(extension))
    for _ in range(count(25, 500)):
        at = rng.randrange(9_000, len(content))
        path.write_bytes(flipped(content, at, rng))
        assert not passes(verifier, path, audio), f"the bit at {at} was not found"


@pytest.mark.parametrize("extension", ["flac", "oga"])
def test_every_flipped_bit_of_flac_is_found_without_its_md5(
    music: Music, verifier: Verifier, tmp_path: Path, extension: str
) -> None:
    """Frames have checksums, and their number is known by the last one."""
    path = music.copy(tmp_path / f"piped.{extension}", extension)
    if extension == "flac":
        without(path, md5=True, samples=True)
    content, rng = path.read_bytes(), random.Random(17)
    audio = verifier(path)
    for _ in range(count(25, 500)):
        at = rng.randrange(9_000, len(content))
        path.write_bytes(flipped(content, at, rng))
        assert not passes(verifier, path, audio), f"the bit at {at} was not found"


DAMAGES: dict[str, Damage] = {
    "a zeroed block": lambda content: (
        content[: len(content) // 2] + bytes(6_000) + content[len(content) // 2 + 6_000 :]
    ),
    "a block of something else": lambda content: (
        content[: len(content) // 2] + b"<html>Not found</html>" * 300 + content[len(content) // 2 + 6_600 :]
    ),
    "a block twice": lambda content: content[: len(content) // 2 + 9_000] + content[len(content) // 2 :],
    "a block lost": lambda content: content[: len(content) // 2] + content[len(content) // 2 + 9_000 :],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("extension", [extension for extension in EVERY_FORMAT if extension not in ("wav", "m4a")])
def test_a_block_that_was_lost_zeroed_or_swapped_is_found(
    music: Music, verifier: Verifier, tmp_path: Path, extension: str, damage: str
) -> None:
    """In the middle, where no quick look sees it."""
    content = music(extension).read_bytes()
    path = tmp_path / f"damaged.{extension}"
    path.write_bytes(DAMAGES[damage](content))
    with pytest.raises(Corrupt):
        verifier.decode(path, verifier(music(extension)), seconds=3.0)


@pytest.mark.parametrize("damage", ["a zeroed block", "a block of something else"])
def test_packets_of_aac_that_do_not_decode_are_found(
    music: Music, verifier: Verifier, tmp_path: Path, damage: str
) -> None:
    """AAC has no checksum; what is no AAC at all shows."""
    path = tmp_path / "damaged.m4a"
    path.write_bytes(DAMAGES[damage](music("m4a").read_bytes()))
    with pytest.raises(Corrupt, match="does not decode at 0:0"):
        verifier.decode(path, verifier(music("m4a")))


@pytest.mark.parametrize("extension", ["mp3", "m4a"])
def test_a_flipped_bit_of_a_format_without_checksums_passes_or_is_named(
    music: Music, verifier: Verifier, tmp_path: Path, extension: str
) -> None:
    """Most of them nobody can find; none leads to another error than Corrupt."""
    content = music(extension).read_bytes()
    path, rng = tmp_path / f"flipped.{extension}", random.Random(19)
    audio = verifier(music(extension))
    found = 0
    for _ in range(count(25, 500)):
        path.write_bytes(flipped(content, rng.randrange(9_000, len(content) - 9_000), rng))
        found += not passes(verifier, path, audio)
    assert found < count(25, 500)


def test_every_frame_header_of_mp3_counts(music: Music, verifier: Verifier, tmp_path: Path) -> None:
    """A frame that a player passes over, because its header is damaged, is a hole."""
    content = bytearray(music("mp3").read_bytes())
    audio = verifier(music("mp3"))
    at = content.index(b"\xff\xfb", len(content) // 2)
    path = tmp_path / "hole.mp3"
    for byte, bit in ((0, 7), (1, 1), (1, 0), (2, 4), (2, 2), (2, 1)):
        path.write_bytes(content[: at + byte] + bytes([content[at + byte] ^ 1 << bit]) + content[at + byte + 1 :])
        with pytest.raises(Corrupt):
            verifier.decode(path, audio)


def test_a_cut_mp3_is_found_without_any_announcement(music: Music, verifier: Verifier, tmp_path: Path) -> None:
    """Where no Xing header tells how long it is, the last frame does, unless it was cut between two frames."""
    whole = tmp_path / "whole.mp3"
    ffmpeg("-i", music("wav"), "-b:a", "128k", "-write_xing", "0", whole)
    content, path = whole.read_bytes(), tmp_path / "cut.mp3"
    for length in (len(content) - 100, len(content) // 2, len(content) // 3 + 7):
        path.write_bytes(content[:length])
        with pytest.raises(Corrupt, match="its last frame is cut off"):
            verifier(path)


@pytest.mark.parametrize("extension", ["flac", "mp3", "ogg", "opus", "oga"])
def test_a_file_with_another_behind_it_does_not_pass(
    music: Music, verifier: Verifier, tmp_path: Path, extension: str
) -> None:
    """It plays too long, wherever the quick look saw only the first or the last of them."""
    path = tmp_path / f"twice.{extension}"
    path.write_bytes(music(extension).read_bytes() * 2)
    with pytest.raises(Corrupt):
        verifier.decode(path, verifier(music(extension)), seconds=3.0)


def test_a_length_that_only_the_header_promises_is_found(music: Music, verifier: Verifier, tmp_path: Path) -> None:
    """The quick look believes the index; what decodes is a preview, or too little."""
    path = tmp_path / "short.mp3"
    ffmpeg("-i", music("mp3", seconds=30), "-c", "copy", path)
    content = bytearray(path.read_bytes())
    xing = content.index(b"Xing") if b"Xing" in content else content.index(b"Info")
    frames = int.from_bytes(content[xing + 8 : xing + 12], "big")
    content[xing + 8 : xing + 12] = (frames * 8).to_bytes(4, "big")
    path.write_bytes(content)
    assert verify(path, track(240.0), path.stat().st_size).duration_seconds == pytest.approx(240, abs=2)

    with pytest.raises(Corrupt, match="frames are missing"):
        verifier(path, seconds=240.0)


def test_a_preview_is_named_by_what_decodes(music: Music) -> None:
    """Thirty seconds of a track of four minutes, whatever the header said."""
    path = music("mp3", seconds=30)
    audio = verify(path, track(), path.stat().st_size)
    with Candidate.open(path, audio) as candidate, pytest.raises(Corrupt, match="a preview of 30 s of a track of 4:05"):
        candidate.judge(Decoded(30 * 44_100, 30.0), track(245))


# --- hostile ones end in Corrupt --------------------------------------------------------------------------------------


def test_a_playlist_in_disguise_is_not_followed(music: Music, verifier: Verifier, tmp_path: Path) -> None:
    """The demuxer is chosen by us, whatever the bytes look like to FFmpeg."""
    secret = music.copy(tmp_path / "secret.flac")
    good = music("flac").read_bytes()
    audio = verifier(music("flac"))
    path = tmp_path / "-i.flac"
    for text in (f"#EXTM3U\n#EXTINF:3,\nfile://{secret}\n", f"ffconcat version 1.0\nfile '{secret}'\n"):
        path.write_bytes(text.encode() * 50)
        with pytest.raises(Corrupt):
            verifier(path)
        path.write_bytes(good[:42] + text.encode() * 50 + good)
        with pytest.raises(Corrupt):
            verifier.decode(path, audio)


def test_a_picture_of_unheard_size_is_not_looked_at(music: Music, verifier: Verifier, tmp_path: Path) -> None:
    """Sound is decoded, and nothing else."""
    picture = bytearray(png())
    picture[16:24] = b"\x7f\xff\xff\xff" * 2
    (tmp_path / "huge.png").write_bytes(picture)
    path = music.copy(tmp_path / "a.flac")
    part = music.copy(tmp_path / "part.m4a", "m4a")
    target = tmp_path / "tagged.m4a"
    huge = Picture(bytes(picture), "image/png", 4, 4)  # by no check of ours
    assert write_tags(part, target, AudioFormat.M4A, Tags(title="Blue"), huge) == ()
    subprocess.run(
        [find("metaflac"), f"--import-picture-from=3|image/png||4x4x24|{tmp_path / 'huge.png'}", str(path)], check=True
    )
    for file in (path, target):
        verifier(file, seconds=3.0)


def test_a_small_file_that_plays_for_hours_ends_at_what_was_promised(verifier: Verifier, tmp_path: Path) -> None:
    """Silence packs well; nobody decodes more of it than the track may have, or than FLAC itself announces."""
    hours = tmp_path / "hours.flac"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "1800", hours)
    with Candidate.open(hours, verify(hours, track(), hours.stat().st_size)) as candidate:
        assert candidate.order(track(3.0)).longest_seconds == 1_801

    path = tmp_path / "hours.mp3"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "600", "-b:a", "8k", "-write_xing", "0", path)
    audio = verify(path, track(), path.stat().st_size)
    with pytest.raises(Corrupt, match="it goes on after 0:05"):
        verifier.decode(path, audio, seconds=3.0)


def test_sound_of_another_kind_than_the_format_has_is_refused(music: Music, verifier: Verifier, tmp_path: Path) -> None:
    """A WAV file with MP3 in it is none that we file."""
    path = tmp_path / "a.wav"
    ffmpeg("-i", music("wav"), "-c:a", "libmp3lame", path)
    audio = verifier(music("wav"))
    with pytest.raises(Corrupt, match="which a WAV file does not"):
        verifier.decode(path, audio)


@pytest.mark.parametrize("extension", EVERY_FORMAT)
def test_hostile_bytes_end_in_corrupt_and_nothing_else(
    music: Music, verifier: Verifier, tmp_path: Path, extension: str
) -> None:
    """Whatever FFmpeg trips over, the answer is one error that says so, and the next file is decoded."""
    whole = music(extension).read_bytes()
    audio, rng = verifier(music(extension)), random.Random(23)
    path = tmp_path / f"hostile.{extension}"
    for _ in range(count(12, 300)):
        content = bytearray(whole)
        for _ in range(rng.randrange(1, 40)):
            content[rng.randrange(42, len(content))] = rng.choice((0, 0xFF, rng.randrange(256)))
        path.write_bytes(content)
        passes(verifier, path, audio)
    shutil.copyfile(music(extension), path)
    verifier.decode(path, audio)
