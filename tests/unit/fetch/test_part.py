"""When the bytes of an earlier attempt may be continued, and that a kill never mixes two files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.support.clock import FakeClock
from yarl import URL

from tonearm.errors import BadAnswer
from tonearm.fetch import PART, SIDECAR, mark_of
from tonearm.fetch.part import PartFile, Sidecar, describe, drop, find
from tonearm.model import Media

MEDIA = Media("https://cdn.example/a/song.flac?sig=1")
SHA = "sha256:" + "a" * 64
OLD = Sidecar(source="https://cdn.example:443/a/song.flac", checksum=None, validator='"v1"', size=100, boot="boot-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty of a hundred bytes lie here, under OLD."""
    lay(tmp_path, OLD, b"x" * 40)
    return tmp_path


def lay(folder: Path, sidecar: Sidecar, body: bytes) -> None:
    (folder / PART).write_bytes(body)
    (folder / SIDECAR).write_bytes(msgspec.json.encode(sidecar))


def wanted(media: Media, boot: str = "boot-1") -> Sidecar:
    return describe(media, URL(media.url), boot)


def test_the_query_of_a_url_does_not_matter(folder: Path) -> None:
    """A signed URL changes at every attempt and still names the same file."""
    found = find(folder, wanted(Media("https://CDN.example:443/a/song.flac?sig=2#x")))
    assert found is not None
    assert (found.offset, found.validator) == (40, '"v1"')


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/a/song.flac?sig=1",
        "https://other.example/a/song.flac",
        "https://cdn.example:444/a/song.flac",
        "https://cdn.example/a/Song.flac",
    ],
)
def test_another_place_is_another_file(folder: Path, url: str) -> None:
    """Scheme, host, port and path must all be the same."""
    assert find(folder, wanted(Media(url))) is None


def test_the_same_checksum_makes_another_place_the_same_file(tmp_path: Path) -> None:
    """A catalog that names the content by checksum may move it."""
    lay(tmp_path, msgspec.structs.replace(OLD, checksum=SHA), b"x" * 40)
    moved = Media("https://mirror.example/b", checksum=SHA.upper())
    assert find(tmp_path, wanted(moved)) is not None
    assert find(tmp_path, wanted(replace(MEDIA, checksum="md5:" + "b" * 32))) is None


@pytest.mark.parametrize(
    "other",
    [
        msgspec.structs.replace(OLD, boot="boot-0"),
        msgspec.structs.replace(OLD, validator=None),
        msgspec.structs.replace(OLD, size=None),
        msgspec.structs.replace(OLD, size=39),
    ],
)
def test_bytes_that_nothing_vouches_for_are_not_continued(tmp_path: Path, other: Sidecar) -> None:
    """Another boot, no strong validator, no length, or more bytes than the file has."""
    lay(tmp_path, other, b"x" * 40)
    assert find(tmp_path, wanted(MEDIA)) is None


def test_a_size_that_the_catalog_corrects_is_another_file(folder: Path) -> None:
    """The catalog's size must be that of the old answer."""
    assert find(folder, wanted(replace(MEDIA, size_bytes=100))) is not None
    assert find(folder, wanted(replace(MEDIA, size_bytes=101))) is None


def test_of_a_whole_part_the_last_byte_is_asked_for_again(tmp_path: Path) -> None:
    """So the server has to confirm it like any other."""
    lay(tmp_path, OLD, b"x" * 100)
    found = find(tmp_path, wanted(MEDIA))
    assert found is not None
    assert found.offset == 99


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"\xff", b'{"source": 1}'])
def test_a_sidecar_that_cannot_be_read_vouches_for_nothing(folder: Path, content: bytes) -> None:
    """Garbage is the same as none."""
    (folder / SIDECAR).write_bytes(content)
    assert find(folder, wanted(MEDIA)) is None
    assert mark_of(folder, clock=FakeClock()) == 0


def test_the_mark_counts_bytes_of_this_boot_only(folder: Path, tmp_path: Path) -> None:
    """After a power cut the file system may show zeros in place of bytes."""
    clock = FakeClock(boot="boot-1")
    assert mark_of(folder, clock=clock) == 40
    clock.reboot("boot-2")
    assert mark_of(folder, clock=clock) == 0
    drop(folder)
    assert list(tmp_path.iterdir()) == []
    assert mark_of(folder, clock=clock) == 0


def test_the_old_bytes_are_gone_before_a_new_sidecar_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever dies between the two leaves an old sidecar without bytes, never old bytes under a new one."""
    seen: list[int] = []
    fresh = msgspec.structs.replace(OLD, validator='"v2"')
    original = Path.replace

    def replaced(self: Path, target: Path) -> Path:
        seen.append((folder / PART).stat().st_size)
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replaced)
    file = PartFile(folder, None)
    file.open(0, fresh)
    file.close()
    assert seen == [0]
    assert msgspec.json.decode((folder / SIDECAR).read_bytes(), type=Sidecar) == fresh


def test_continued_bytes_are_hashed_with_the_new_ones(folder: Path) -> None:
    """The checksum is that of the whole file, whoever wrote its beginning."""
    file = PartFile(folder, "sha256")
    file.open(30, OLD)
    file.write([b"y" * 50, b"", b"z" * 20])
    file.close()
    whole = b"x" * 30 + b"y" * 50 + b"z" * 20
    assert (folder / PART).read_bytes() == whole
    assert file.checksum() == f"sha256:{hashlib.sha256(whole).hexdigest()}"
    assert file.written == 100


def test_a_short_write_is_carried_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes only some of the bytes is asked again for the rest."""
    monkeypatch.setattr(os, "writev", lambda fd, pieces: os.write(fd, b"".join(pieces)[:7]))
    file = PartFile(folder, None)
    file.open(0, OLD)
    file.write([b"abcde", b"fghij", b"klmno"])
    file.close()
    assert (folder / PART).read_bytes() == b"abcdefghijklmno"


def test_more_pieces_than_one_call_takes_are_written(folder: Path) -> None:
    """A body of tiny pieces needs no care by the caller."""
    file = PartFile(folder, None)
    file.open(0, OLD)
    file.write([b"ab"] * 5_000)
    file.close()
    assert (folder / PART).read_bytes() == b"ab" * 5_000


def test_a_link_in_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    """Nothing outside the folder is ever written."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    folder = tmp_path / "stage"
    folder.mkdir()
    (folder / PART).symlink_to(outside)
    with pytest.raises(OSError, match="symbolic link"):
        PartFile(folder, None).open(0, OLD)
    assert outside.read_bytes() == b"precious"


@pytest.mark.parametrize("checksum", ["", "sha1:" + "a" * 40, "sha256:" + "a" * 63, "sha256", "sha256:" + "g" * 64])
def test_a_checksum_that_is_none_breaks_the_contract(checksum: str) -> None:
    """Only `sha256:` and `md5:` with all their digits can be compared."""
    with pytest.raises(BadAnswer):
        wanted(replace(MEDIA, checksum=checksum))
