"""What a path says where tags say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.catalog.folder.names import Guess, album_folder, fold, guess, tidy


@pytest.mark.parametrize(
    ("path", "guessed"),
    [
        ("Artist/Album/07 - Title.flac", Guess("Title", "Artist", "Album", 7)),
        ("Artist/Album/07. Title.flac", Guess("Title", "Artist", "Album", 7)),
        ("Artist/Album/07 Title.flac", Guess("Title", "Artist", "Album", 7)),
        ("Artist/Album/2-07 Title.flac", Guess("Title", "Artist", "Album", 7, 2)),
        ("Artist/Album/CD2/07 Title.flac", Guess("Title", "Artist", "Album", 7, 2)),
        ("Artist/Album/Disc 10/Title.flac", Guess("Title", "Artist", "Album", None, 10)),
        ("Album/01_Some_Title.mp3", Guess("Some Title", None, "Album", 1)),
        ("Somebody - Song.mp3", Guess("Song", "Somebody")),
        ("03 Somebody - Song.mp3", Guess("Song", "Somebody", None, 3)),
        ("99 Luftballons.mp3", Guess("Luftballons", None, None, 99)),
        ("1999.mp3", Guess("1999")),
        ("7.mp3", Guess("7")),
        (".mp3", Guess(".mp3")),
    ],
)
def test_common_customs_are_understood(path: str, guessed: Guess) -> None:
    """Artist/Album/CD/number and title; anything else still has a title."""
    assert guess(path.encode()) == guessed


def test_a_disc_folder_belongs_to_the_album_above_it() -> None:
    """CD1 and CD2 are one album."""
    assert album_folder(b"A/B/CD1/x.mp3") == album_folder(b"A/B/cd 2/x.mp3") == b"A/B"
    assert album_folder(b"A/B/x.mp3") == b"A/B"
    assert album_folder(b"CD1/x.mp3") == album_folder(b"x.mp3") == b""


_segment = st.binary(min_size=1, max_size=30).filter(lambda name: b"/" not in name and b"\0" not in name)


@given(st.lists(_segment, min_size=1, max_size=5))
def test_any_path_gives_a_title_that_can_be_written_down(parts: list[bytes]) -> None:
    """File names are bytes; an answer is UTF-8 without control characters."""
    guessed = guess(b"/".join(parts) + b".mp3")
    assert guessed.title
    assert len(guessed.title) <= 1_000
    for text in (guessed.title, guessed.artist or "", guessed.album or ""):
        assert text.encode("utf-8").decode("utf-8").isprintable() or tidy(text) == text


def test_folding_forgets_case_width_and_spacing() -> None:
    """What people take for the same name is the same key."""
    assert fold("  The  \uff22\uff21\uff2e\uff24 ") == fold("the band") == "the band"
