"""Removal: what a job brought and nobody touched goes, with the folders that it leaves empty; all else stays."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest
from tests.support.counts import count

from tonearm.library import prepare, publish, remove
from tonearm.model import Publication

NAME = "Ada/Colours/03 Blue.flac"
ENDED_MS = 10_000_000


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "music"
    (root / ".tonearm").mkdir(parents=True)
    return root


def brought(library: Path, name: str = NAME, staged: str = "tagged.flac") -> Publication:
    """A file that was published before the job ended."""
    source = library / ".tonearm" / staged
    source.write_bytes(b"sound")
    os.utime(source, (ENDED_MS / 1_000, ENDED_MS / 1_000))
    size, inode = prepare(source, umask=0o022)
    publish(source, library, name, umask=0o022)
    return Publication(name, size, inode)


def left(library: Path) -> list[str]:
    """Everything in the library but the stage."""
    return sorted(str(path.relative_to(library)) for path in library.rglob("[!.]*"))


def test_a_file_goes_with_the_folders_that_it_leaves_empty(library: Path) -> None:
    """The library stays; once more is harmless."""
    publication = brought(library)
    for _ in range(2):
        assert remove(library, publication, ENDED_MS) is None
        assert left(library) == []
    assert library.is_dir()


def test_a_folder_that_holds_something_else_stays(library: Path) -> None:
    """Somebody's notes, or another album of the artist."""
    publication = brought(library)
    (library / "Ada/notes.txt").touch()

    assert remove(library, publication, ENDED_MS) is None
    assert left(library) == ["Ada", "Ada/notes.txt"]


def test_an_album_leaves_nothing_when_its_last_file_goes(library: Path) -> None:
    """Its folder stands until then."""
    tracks = [brought(library, f"Ada/Colours/{number}.flac") for number in range(3)]
    for number, track in enumerate(tracks):
        assert (library / "Ada/Colours").is_dir(), number
        assert remove(library, track, ENDED_MS) is None
    assert left(library) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("longer", "It was changed since it was published"),
        ("other tags", "It was changed since it was published"),
        ("another file", "It is not the file that this job published"),
        ("link", "It is not a file any more"),
        ("folder", "It is not a file any more"),
        ("folder is a link", "In the library, 'Colours' is a link or a file where a folder is needed"),
    ],
)
def test_what_somebody_changed_stays(library: Path, tmp_path: Path, change: str, why: str) -> None:
    """With the reason; and nothing outside the library is touched."""
    publication = brought(library)
    path, moved = library / NAME, tmp_path / "moved"
    if change == "longer":
        os.truncate(path, 100)
        os.utime(path, (0, 0))
    elif change == "other tags":
        path.write_bytes(b"SOUND")
    elif change == "folder is a link":
        path.parent.rename(moved)
        path.parent.symlink_to(moved)
    else:
        path.rename(moved)
        if change == "another file":
            path.write_bytes(b"sound")
        elif change == "link":
            path.symlink_to(moved)
        else:
            path.mkdir()
    before = left(library)

    stayed = remove(library, publication, ENDED_MS)

    assert stayed is not None
    assert (stayed.path, stayed.why) == (NAME, why)
    assert left(library) == before
    assert change in ("longer", "other tags") or moved.exists()


def test_no_name_leads_out_of_the_library(library: Path, tmp_path: Path) -> None:
    """Whatever the store holds."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    status = secret.stat()
    for name in ("../secret", str(secret), "a/../../secret"):
        stayed = remove(library, Publication(name, status.st_size, status.st_ino), 10**15)
        assert stayed is not None
        assert "Not a path inside the library" in stayed.why
    assert secret.exists()


def test_what_comes_into_a_folder_while_its_last_file_goes_arrives(library: Path) -> None:
    """Another job may publish there at the same moment: the folder is made again."""
    published: SimpleQueue[Publication | None] = SimpleQueue()
    stayed: list[object] = []

    def take_away() -> None:
        while (publication := published.get()) is not None:
            stayed.append(remove(library, publication, ENDED_MS))

    thread = threading.Thread(target=take_away)
    thread.start()
    try:
        for number in range(count(300, 5_000)):
            published.put(brought(library, f"Ada/Colours/{number}.flac"))
    finally:
        published.put(None)
        thread.join()
    assert set(stayed) == {None}
    assert left(library) == []
