"""Formats: content decides, and what is no audio is described."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.music import Music, jpeg, png

from tonearm.decoder.mpeg import frame_size
from tonearm.errors import Corrupt
from tonearm.library import AudioFormat, inspect


@pytest.mark.parametrize("extension", [audio.extension for audio in AudioFormat])
def test_the_format_is_told_by_content(music: Music, tmp_path: Path, extension: str) -> None:
    """A misleading name changes nothing."""
    path = music.copy(tmp_path / "page.html", extension)
    assert inspect(path) is AudioFormat(extension)


@pytest.mark.parametrize("extension", ["flac", "mp3"])
def test_an_id3_tag_before_the_audio_is_passed_over(music: Music, tmp_path: Path, extension: str) -> None:
    """Some taggers put ID3 before FLAC as well; its size counts seven bits a byte."""
    path = tmp_path / "tagged"
    tag = b"ID3\x04\0\0" + bytes((0, 1, 0x7F, 0x7F)) + bytes(2**15 - 1)
    path.write_bytes(tag + music(extension).read_bytes().removeprefix(b"ID3"))
    assert inspect(path) is AudioFormat(extension)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "zero bytes"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "an HTML page"),
        (b"<HTML><body>404", "an HTML page"),
        (b'<?xml version="1.0"?>', "an XML text"),
        (b' {"error": "not found"}', "a JSON text"),
        (b"Not Found", "a text"),
        (bytes(5000), "nothing but zeros"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"OggS" + bytes(22) + b"\x01\x05Speex", "an Ogg file without"),
        (b"\xff\xf1\x50\x80" * 500, "something that is not audio"),
        (b"ID3\x04\0\0\0\0\0\x05hello<html>", "an HTML page"),
    ],
)
def test_what_is_no_audio_is_described(tmp_path: Path, content: bytes, words: str) -> None:
    """The message says what the server sent instead."""
    path = tmp_path / "track.flac"
    path.write_bytes(content)
    with pytest.raises(Corrupt, match=words):
        inspect(path)


def test_pictures_are_not_audio(tmp_path: Path) -> None:
    """A cover in place of the track is named as one."""
    for content, words in ((png(), "a PNG picture"), (jpeg(), "a JPEG picture")):
        path = tmp_path / "picture"
        path.write_bytes(content)
        with pytest.raises(Corrupt, match=words):
            inspect(path)


@pytest.mark.parametrize(
    ("header", "size"),
    [("fffb9064", 417), ("fffb9264", 418), ("fff38064", 208), ("ffe38064", 417), ("fff19064", 0), ("fffbf064", 0)],
)
def test_the_size_of_an_mpeg_frame_follows_from_its_header(header: str, size: int) -> None:
    """MPEG 1, 2 and 2.5 count differently; other layers and free rates are none of ours."""
    assert frame_size(bytes.fromhex(header)) == size
