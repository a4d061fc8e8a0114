"""Ogg pages: each one whole, in its order, with the right checksum."""

from __future__ import annotations

import io
import random

import pytest
from tests.support.counts import count
from tests.support.music import Music

from tonearm.decoder import ogg
from tonearm.decoder.damage import Damaged


def pages(content: bytes) -> list[bytes]:
    """The pages of a good file."""
    found, at = [], 0
    while at < len(content):
        segments = content[at + 27 : at + 27 + content[at + 26]]
        end = at + 27 + len(segments) + sum(segments)
        found.append(content[at:end])
        at = end
    return found


@pytest.mark.parametrize("extension", ["ogg", "opus", "oga"])
def test_the_pages_of_a_good_file_are_all_there(music: Music, extension: str) -> None:
    """Whatever they carry, and whatever tag or padding is around them."""
    content = music(extension).read_bytes()
    tag = b"ID3\3\0\0\0\0\0\x05hello"
    for file in (content, tag + content, content + b"TAG" + bytes(125), content + bytes(5_000)):
        ogg.check(io.BytesIO(file))


def test_any_flipped_bit_of_any_page_is_found(music: Music) -> None:
    """In its head and in its body."""
    content = music("ogg").read_bytes()
    rng = random.Random(3)
    for _ in range(count(300, 5_000)):
        at, changed = rng.randrange(len(content)), bytearray(content)
        changed[at] ^= 1 << rng.randrange(8)
        with pytest.raises(Damaged):
            ogg.check(io.BytesIO(changed))


def test_a_page_that_is_missing_doubled_or_cut_is_found(music: Music) -> None:
    """Its neighbours are as sound as before."""
    all_pages = pages(music("ogg").read_bytes())
    middle = len(all_pages) // 2
    for damaged in (
        all_pages[:middle] + all_pages[middle + 1 :],
        [*all_pages[:middle], all_pages[middle], *all_pages[middle:]],
        [*all_pages[:middle], all_pages[middle][:100]],
        [*all_pages[:middle], b"stray", *all_pages[middle:]],
        [*all_pages, b"stray"],
        [],
    ):
        with pytest.raises(Damaged):
            ogg.check(io.BytesIO(b"".join(damaged)))
