"""Folder covers: one whole picture beside the music, published like music, and never in anybody's way."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.music import jpeg, png

from tonearm.errors import DiskError
from tonearm.library import Picture, add_cover

TRACK = "Ada/Colours/03 Blue.flac"


@pytest.fixture(scope="module")
def picture() -> Picture:
    return Picture.of(jpeg())


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library with one published track."""
    root = tmp_path / "music"
    (root / TRACK).parent.mkdir(parents=True)
    (root / TRACK).write_bytes(b"sound")
    return root


@pytest.fixture
def stage(library: Path) -> Path:
    path = library / ".tonearm" / "den-1" / "t1.1"
    path.mkdir(parents=True)
    return path


def names(library: Path) -> list[str]:
    return sorted(path.name for path in (library / TRACK).parent.iterdir())


def test_the_cover_comes_beside_the_music_once(library: Path, stage: Path, picture: Picture) -> None:
    """Readable for others, with nothing left in the stage; said again, or with another picture, it stays."""
    assert add_cover(stage, library, TRACK, picture, umask=0o027)
    cover = library / "Ada/Colours/cover.jpg"
    before = cover.stat()
    assert not add_cover(stage, library, TRACK, picture, umask=0o027)
    assert not add_cover(stage, library, TRACK, Picture.of(png()), umask=0o027)

    assert names(library) == ["03 Blue.flac", "cover.jpg"]
    assert cover.read_bytes() == picture.content
    assert (cover.stat().st_ino, stat.S_IMODE(before.st_mode)) == (before.st_ino, 0o640)
    assert list(stage.iterdir()) == []


def test_a_png_is_called_one(library: Path, stage: Path) -> None:
    """The name follows the content."""
    assert add_cover(stage, library, TRACK, Picture.of(png()), umask=0o022)
    assert names(library) == ["03 Blue.flac", "cover.png"]


@pytest.mark.parametrize("name", ["cover.jpg", "cover.png", "Cover.JPG", "cover.jpeg", "COVER.Png"])
@pytest.mark.parametrize("kind", ["file", "dangling link", "folder"])
def test_a_cover_that_is_there_stays(library: Path, stage: Path, picture: Picture, name: str, kind: str) -> None:
    """However it is spelt, and whatever it is; nothing is replaced or written through."""
    there = library / "Ada/Colours" / name
    if kind == "file":
        there.write_bytes(b"mine")
    elif kind == "folder":
        there.mkdir()
    else:
        there.symlink_to(library.parent / "elsewhere")

    assert not add_cover(stage, library, TRACK, picture, umask=0o022)
    assert names(library) == sorted(["03 Blue.flac", name])
    assert not (library.parent / "elsewhere").exists()
    assert kind != "file" or there.read_bytes() == b"mine"


def test_the_library_itself_gets_no_cover(library: Path, stage: Path, picture: Picture) -> None:
    """It is nobody's album."""
    assert not add_cover(stage, library, "Blue.flac", picture, umask=0o022)
    assert not (library / "cover.jpg").exists()


def test_a_folder_that_became_a_link_gets_none(library: Path, stage: Path, picture: Picture) -> None:
    """Nothing is written outside the library."""
    (library / "Ada/Colours").rename(library.parent / "moved")
    (library / "Ada/Colours").symlink_to(library.parent / "moved")

    with pytest.raises(DiskError, match="a link or a file where a folder is needed"):
        add_cover(stage, library, TRACK, picture, umask=0o022)
    assert [path.name for path in (library.parent / "moved").iterdir()] == ["03 Blue.flac"]


def test_many_tracks_at_once_bring_one_cover(library: Path, picture: Picture) -> None:
    """Each by way of its own stage; exactly one of them is told that it brought it."""
    stages = [library / ".tonearm" / f"t{number}" for number in range(16)]
    for stage in stages:
        stage.mkdir(parents=True)
    with ThreadPoolExecutor(16) as pool:
        brought = list(pool.map(lambda stage: add_cover(stage, library, TRACK, picture, umask=0o022), stages))

    assert brought.count(True) == 1
    assert names(library) == ["03 Blue.flac", "cover.jpg"]
    assert (library / "Ada/Colours/cover.jpg").stat().st_nlink == 1
