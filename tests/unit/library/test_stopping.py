"""Long work on the disk: it goes in pieces, and ends between two of them when nobody wants it any more."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.music import Music, png

from tonearm.errors import Stopped
from tonearm.fetch import part
from tonearm.library import flacheader, folders, prepare, verify, write_tags
from tonearm.library.formats import AudioFormat
from tonearm.library.pictures import Picture
from tonearm.library.tagforms import Tags
from tonearm.model import Media, Track
from tonearm.stopping import PIECE, stoppable

LARGE = 3 * PIECE


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A large file that takes no room."""
    path = tmp_path / "part"
    with path.open("wb") as file:
        file.truncate(LARGE)
    return path


def unwanted(function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Call what nobody wants any more."""
    event = threading.Event()
    event.set()
    stoppable(event, function, *arguments, **options)()


def test_a_copy_stops_between_two_pieces_and_leaves_nothing(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first piece is copied, the second is not."""
    event, real, calls = threading.Event(), os.copy_file_range, list[int]()

    def copy_and_stop(*arguments: int) -> int:
        event.set()
        calls.append(real(*arguments))
        return calls[-1]

    monkeypatch.setattr(os, "copy_file_range", copy_and_stop)
    with pytest.raises(Stopped):
        stoppable(event, flacheader.copy, large, large.with_name("copy"))()

    assert len(calls) == 1
    assert 0 < calls[0] <= PIECE
    assert not large.with_name("copy").exists()


def test_bringing_a_file_to_the_medium_stops(large: Path) -> None:
    """A wanted one is brought there whole, and nothing of it changes."""
    with pytest.raises(Stopped):
        unwanted(prepare, large, umask=0o022)

    assert prepare(large, umask=0o022) == (LARGE, large.stat().st_ino)


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, LARGE])
def test_a_sync_in_pieces_ends_with_one_of_the_whole_file(
    large: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pieces make it shorter; what survives a power cut is decided by the whole."""
    os.truncate(large, size)
    synced = list[int]()
    monkeypatch.setattr(folders, "sync", synced.append)
    with large.open("rb") as file:
        folders.sync_file(file.fileno())

        assert synced == [file.fileno()]


@pytest.mark.parametrize("extension", ["mp3", "m4a", "ogg", "opus", "oga", "wav"])
def test_writing_tags_stops(tmp_path: Path, music: Music, extension: str) -> None:
    """Also where the tag library moves the audio to make room; what was received is as it was."""
    source, received = music.copy(tmp_path / "part", extension), music(extension).read_bytes()
    with pytest.raises(Stopped):
        unwanted(
            write_tags,
            source,
            tmp_path / f"tagged.{extension}",
            AudioFormat(extension),
            Tags(title="One"),
            Picture.of(png()),
        )

    assert source.read_bytes() == received


def test_a_checksum_over_the_file_stops(tmp_path: Path, music: Music) -> None:
    """One that was not computed on the way."""
    source = music.copy(tmp_path / "part")
    size, digest = source.stat().st_size, hashlib.sha256(source.read_bytes()).hexdigest()
    track = Track(1, "One", "Ann", "Blue", Media("http://127.0.0.1/1", checksum=f"sha256:{digest}"))

    verify(source, track, size)
    with pytest.raises(Stopped):
        unwanted(verify, source, track, size)


def test_the_checksum_of_an_earlier_attempts_bytes_stops(large: Path) -> None:
    """They are read again before a transfer goes on from them."""
    sidecar = part.Sidecar("http://127.0.0.1/1", None, '"1"', LARGE, "boot")
    file = part.PartFile(large.parent, "sha256")
    try:
        with pytest.raises(Stopped):
            unwanted(file.open, LARGE - 1, sidecar)
    finally:
        file.close()
