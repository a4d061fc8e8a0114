"""Verification: what is not the whole track that the catalog promised does not pass."""

from __future__ import annotations

import hashlib
import random
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.counts import count
from tests.support.music import Music
from tests.unit.library.samples import a_track, with_media

from tonearm.errors import Corrupt, DiskError
from tonearm.library import Audio, AudioFormat, verify
from tonearm.model import Track

EVERY_FORMAT = [audio.extension for audio in AudioFormat]


def check(path: Path, track: Track | None = None) -> Audio:
    return verify(path, track or a_track(), path.stat().st_size)


@pytest.mark.parametrize("extension", EVERY_FORMAT)
def test_a_whole_file_of_every_format_passes(music: Music, extension: str) -> None:
    """Format, length in seconds and size come from the content."""
    path = music(extension)
    audio = check(path, with_media(size_bytes=path.stat().st_size))

    assert audio.format is AudioFormat(extension)
    assert audio.duration_seconds == pytest.approx(3.0, abs=0.15)
    assert audio.size == path.stat().st_size


@pytest.mark.parametrize(
    "wishes",
    [
        {"bits": 24, "rate": 96_000},
        {"channels": 1},
        {"channels": 6},
        {"channels": 8, "rate": 48_000},
        {"seconds": 0.01},
        {"noise": False},
        {"rate": 37_000},
    ],
)
def test_flac_of_every_shape_passes(music: Music, wishes: dict[str, float]) -> None:
    """16 and 24 bit, mono to 8 channels, odd rates, a single short frame."""
    assert check(music("flac", **wishes)).duration_seconds == pytest.approx(wishes.get("seconds", 3.0), abs=0.001)


@pytest.mark.parametrize("extension", EVERY_FORMAT)
def test_a_file_that_was_cut_anywhere_does_not_pass(music: Music, tmp_path: Path, extension: str) -> None:
    """Whatever byte a transfer ended at, even where nobody announced a length."""
    content = music(extension).read_bytes()
    track = a_track(duration_seconds=3.0) if extension in ("ogg", "opus", "oga") else a_track()
    rng = random.Random(7)
    lengths = [0, 1, len(content) // 2, len(content) - 4097, len(content) - 1]
    lengths += [rng.randrange(len(content)) for _ in range(count(20, 200))]
    for length in lengths:
        path = tmp_path / "cut"
        path.write_bytes(content[:length])
        if (
            extension in ("ogg", "opus", "oga")
            and length > len(content) // 3
            and content[length : length + 4] == b"OggS"
        ):
            continue  # ends between two pages: only the length in seconds tells
        with pytest.raises(Corrupt):
            check(path, track)


def test_a_flac_file_of_unknown_length_must_end_with_a_frame(music: Music, tmp_path: Path) -> None:
    """An encoder that wrote to a pipe leaves the total at 0; zeros there mean unknown, not wrong."""
    path = music.copy(tmp_path / "piped.flac")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert check(path, a_track(duration_seconds=3.0)).duration_seconds == pytest.approx(3.0)

    path.write_bytes(content[:-1])
    with pytest.raises(Corrupt, match="its end is missing"):
        check(path)


@pytest.mark.parametrize("tail", [bytes(4096), b"TAG" + bytes(125)])
def test_padding_and_an_old_tag_behind_flac_are_no_damage(music: Music, tmp_path: Path, tail: bytes) -> None:
    """Decoders pass over both."""
    path = tmp_path / "padded.flac"
    path.write_bytes(music("flac").read_bytes() + tail)
    assert check(path).duration_seconds == pytest.approx(3.0)


def test_a_flac_file_whose_middle_was_lost_is_found_by_its_last_frame(music: Music, tmp_path: Path) -> None:
    """The number of the last frame counts the samples before it, the header announces them all."""
    content = bytearray(music("flac").read_bytes())
    content[25] ^= 1
    path = tmp_path / "wrong.flac"
    path.write_bytes(content)
    with pytest.raises(Corrupt, match="it ends at sample 132300 of 132301"):
        check(path)


@pytest.mark.parametrize("at", [0, 4, 7, 18, 30, 42])
def test_damage_in_the_flac_header_is_found_or_harmless(music: Music, tmp_path: Path, at: int) -> None:
    """Any byte of the beginning may be wrong: the answer is Corrupt or the right length, never another error."""
    content = bytearray(music("flac").read_bytes())
    for value in range(256):
        content[at] = value
        path = tmp_path / "damaged.flac"
        path.write_bytes(content)
        try:
            assert check(path).duration_seconds == pytest.approx(3.0)
        except Corrupt:
            continue


@pytest.mark.parametrize("extension", EVERY_FORMAT)
def test_hostile_bytes_end_in_corrupt_and_nothing_else(music: Music, tmp_path: Path, extension: str) -> None:
    """Whatever a parser trips over becomes one error that says so."""
    whole = music(extension).read_bytes()
    rng = random.Random(11)
    for _ in range(count(60, 1_000)):
        content = bytearray(whole)
        for _ in range(rng.randrange(1, 30)):
            content[rng.randrange(min(len(content), 600))] = rng.choice((0, 0xFF, rng.randrange(256)))
        path = tmp_path / "hostile"
        path.write_bytes(content)
        with suppress(Corrupt):
            check(path)


def test_bytes_must_be_as_many_as_received_and_promised(music: Music) -> None:
    """A short write and a wrong promise are told apart."""
    path = music("mp3")
    size = path.stat().st_size
    with pytest.raises(Corrupt, match=f"{size} bytes are on disk of {size + 1} received"):
        verify(path, a_track(), size + 1)
    with pytest.raises(Corrupt, match=f"sent {size} bytes, the catalog promised {size - 1}"):
        verify(path, with_media(size_bytes=size - 1), size)


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_the_checksum_of_the_catalog_decides(music: Music, algorithm: str) -> None:
    """It is computed from the file, or taken from whoever computed it on the way."""
    path = music("flac")
    right = f"{algorithm}:{hashlib.new(algorithm, path.read_bytes()).hexdigest()}"
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    size = path.stat().st_size

    verify(path, with_media(checksum=right.upper()), size)
    verify(path, with_media(checksum=right), size, checksum=right)
    for computed in (None, wrong):
        with pytest.raises(Corrupt, match="checksum is wrong"):
            verify(path, with_media(checksum=wrong if computed is None else right), size, checksum=computed)
    with pytest.raises(Corrupt, match="unknown kind: crc32"):
        verify(path, with_media(checksum="crc32:00"), size)


@pytest.mark.parametrize(("seconds", "passes"), [(1.1, True), (5.0, True), (5.1, False), (0.9, False)])
def test_the_length_may_differ_by_two_seconds(music: Music, seconds: float, *, passes: bool) -> None:
    """The file plays for 3 s."""
    track = a_track(duration_seconds=seconds)
    if passes:
        check(music("flac"), track)
    else:
        with pytest.raises(Corrupt, match="plays for 0:03"):
            check(music("flac"), track)


def test_a_long_track_may_differ_by_three_percent(music: Music) -> None:
    """300 s may be 309 s."""
    path = music("flac", seconds=300, noise=False)
    check(path, a_track(duration_seconds=309.2))
    with pytest.raises(Corrupt, match="plays for 5:00, the catalog promised 5:10"):
        check(path, a_track(duration_seconds=310))


def test_a_preview_of_a_longer_track_is_named_as_one(music: Music) -> None:
    """Thirty seconds of a track of four minutes are what a shop gives away."""
    with pytest.raises(Corrupt, match="a preview of 30 s of a track of 4:05"):
        check(music("mp3", seconds=30), a_track(duration_seconds=245))
    check(music("mp3", seconds=30), a_track(duration_seconds=31))


def test_a_file_that_cannot_be_read_is_the_fault_of_the_disk(tmp_path: Path) -> None:
    """Not of the server: it would not help to fetch it again."""
    with pytest.raises(DiskError, match="No such file"):
        verify(tmp_path / "gone", a_track(), 1)
