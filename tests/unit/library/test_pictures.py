"""Pictures: only what is a whole JPEG or PNG of a bearable size is one."""

from __future__ import annotations

import io
import struct
import zlib

import av
import pytest
from tests.support.music import jpeg, png

from tonearm.library import BadPicture, Picture
from tonearm.library.pictures import MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def a_png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that says to be of this size, whatever is in it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def resized(picture: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its frame header."""
    at = picture.index(b"\xff\xc0") + 5
    return picture[:at] + struct.pack(">HH", height, width) + picture[at + 4 :]


def interlaced(width: int, height: int) -> bytes:
    """A JPEG of several scans with restart markers, made by hand from one: what is in them does not matter here."""
    whole = jpeg(width, height)
    scan = whole.index(b"\xff\xda")
    return whole[:-2] + b"\xff\xd0\x12\xff\x00\xff\xff" + whole[scan:]


@pytest.mark.parametrize(("width", "height"), [(2, 2), (640, 480), (33, 1000)])
@pytest.mark.parametrize(("make", "mime", "extension"), [(png, "image/png", "png"), (jpeg, "image/jpeg", "jpg")])
def test_a_picture_is_known_by_its_content(make: object, mime: str, extension: str, width: int, height: int) -> None:
    """Type and size are those that a decoder finds."""
    assert callable(make)
    content = make(width, height)
    picture = Picture.of(content)

    assert (picture.mime, picture.extension) == (mime, extension)
    with av.open(io.BytesIO(content), "r") as opened:
        frame = next(opened.decode(video=0))
    assert (picture.width, picture.height) == (frame.width, frame.height) == (width, height)


@pytest.mark.parametrize("make", [png, jpeg])
def test_what_stands_behind_the_end_does_not_matter(make: object) -> None:
    """Some programs leave a few zeros or a second picture there."""
    assert callable(make)
    assert Picture.of(make(40, 30) + bytes(100) + make(2, 2)).width == 40


def test_scans_restarts_and_fill_bytes_are_part_of_a_jpeg() -> None:
    """A progressive one has many."""
    assert Picture.of(interlaced(64, 48)).height == 48


@pytest.mark.parametrize("make", [png, jpeg])
def test_a_picture_that_was_cut_anywhere_is_refused(make: object) -> None:
    """At every single byte."""
    assert callable(make)
    content = make(24, 24)
    for length in range(len(content)):
        with pytest.raises(BadPicture, match=r"cut off or damaged|neither JPEG nor PNG"):
            Picture.of(content[:length])


def test_a_flipped_bit_of_a_png_is_refused() -> None:
    """Its chunks have checksums; only the length of a chunk has none, and leads astray."""
    content = png(24, 24)
    for at in range(8, len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 0x10
        with pytest.raises(BadPicture, match="damaged"):
            Picture.of(bytes(damaged))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html><body>404</body></html>", b"GIF89a" + bytes(50), b"RIFF\0\0\0\0WEBPVP8 ", b"\xff\xd8", b"\x89PNG"],
)
def test_what_is_no_picture_of_ours_is_refused(content: bytes) -> None:
    """An error page, or a format that few players show."""
    with pytest.raises(BadPicture, match="neither JPEG nor PNG"):
        Picture.of(content)


def test_a_bomb_is_refused_by_its_header() -> None:
    """Kilobytes that become gigabytes are never unpacked."""
    bomb = a_png(50_000, 50_000, zlib.compress(bytes(2**20)))
    with pytest.raises(BadPicture, match="has 50000 x 50000 pixels, more than 40 million"):
        Picture.of(bomb)
    with pytest.raises(BadPicture, match="has 65500 x 65500 pixels"):
        Picture.of(resized(jpeg(), 65_500, 65_500))
    assert Picture.of(a_png(MAX_PICTURE_PIXELS // 5, 5)).height == 5
    with pytest.raises(BadPicture, match="pixels"):
        Picture.of(a_png(MAX_PICTURE_PIXELS // 5 + 1, 5))


@pytest.mark.parametrize("content", [a_png(0, 5), a_png(5, 0), resized(jpeg(), 0, 16), resized(jpeg(), 16, 0)])
def test_a_picture_without_a_size_is_refused(content: bytes) -> None:
    """No pixel is no picture."""
    with pytest.raises(BadPicture, match="damaged"):
        Picture.of(content)


def test_a_picture_has_at_most_so_many_bytes() -> None:
    """The documented limit, and not one more."""
    room = MAX_PICTURE_BYTES - len(png()) - 12
    assert len(Picture.of(png(size=room)).content) == MAX_PICTURE_BYTES
    with pytest.raises(BadPicture, match=r"larger than 8\.4 MB"):
        Picture.of(png(size=room + 1))
