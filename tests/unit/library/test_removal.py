"""Removal: what a job brought and nobody touched goes, with the folders that it leaves empty; all else stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tonearm.errors import DiskError
from tonearm.library import Lifetime, Removal, folders, has_library, prepare, publish, remove
from tonearm.model import Publication

NAME = "Ada/Colours/03 Blue.flac"
BEGAN_MS, ENDED_MS = 10_000_000, 10_060_000
JOB = Lifetime(BEGAN_MS, ENDED_MS)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "music"
    (root / ".tonearm").mkdir(parents=True)
    return root


def written(path: Path, content: bytes = b"sound", at_ms: int = ENDED_MS) -> Path:
    """A file that was written to for the last time at *at_ms*."""
    path.write_bytes(content)
    os.utime(path, (at_ms / 1_000, at_ms / 1_000))
    return path


def brought(library: Path, name: str = NAME, *, replace: bool = False) -> Publication:
    """A file that was published before the job ended."""
    source = written(library / ".tonearm" / "tagged.flac")
    size, inode = prepare(source, umask=0o022)
    publish(source, library, name, umask=0o022, replace=replace)
    return Publication(name, size, inode)


def taken(library: Path, *publications: Publication) -> Removal:
    return remove(library, publications, JOB)


def left(library: Path) -> list[str]:
    """Everything in the library but the stage."""
    return sorted(str(path.relative_to(library)) for path in library.rglob("[!.]*"))


def test_a_file_goes_with_the_folders_that_it_leaves_empty(library: Path) -> None:
    """The library stays; once more is harmless, and says that it was gone."""
    publication = brought(library)

    assert taken(library, publication) == Removal([NAME])
    assert taken(library, publication) == Removal(missing=1)
    assert left(library) == []
    assert library.is_dir()


def test_what_a_kill_left_of_it_goes_the_next_time(library: Path) -> None:
    """The file was gone already, and its folders were not."""
    publication = brought(library)
    (library / NAME).unlink()

    assert taken(library, publication) == Removal(missing=1)
    assert left(library) == []


def test_a_file_of_the_library_itself_goes_alone(library: Path) -> None:
    """There is no folder of its own, and no cover in it is anybody's."""
    written(library / "cover.jpg")

    assert taken(library, brought(library, "Blue.flac")) == Removal(["Blue.flac"])
    assert left(library) == ["cover.jpg"]


def test_a_folder_that_holds_something_else_stays(library: Path) -> None:
    """Somebody's notes, or another album of the artist."""
    publication = brought(library)
    (library / "Ada/notes.txt").touch()

    assert taken(library, publication).removed == [NAME]
    assert left(library) == ["Ada", "Ada/notes.txt"]


def test_an_album_leaves_nothing_when_its_last_file_goes(library: Path) -> None:
    """Its folders stand until then, however many there are."""
    names = [f"Ada/Colours/{disc}/{number}.flac" for disc in (1, 2) for number in range(3)]
    tracks = [brought(library, name) for name in names]

    assert taken(library, *tracks[:-1]).removed == names[:-1]
    assert left(library) == ["Ada", "Ada/Colours", "Ada/Colours/2", names[-1]]
    assert taken(library, tracks[-1]).removed == names[-1:]
    assert left(library) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("longer", "it was changed since it was published"),
        ("other tags", "it was changed since it was published"),
        ("another file", "it is not the file that this job published"),
        ("replaced", "it is not the file that this job published"),
        ("link", "it is not a file any more"),
        ("folder", "it is not a file any more"),
        ("folder is a link", "In the library, 'Colours' is a link or a file where a folder is needed"),
        ("folder is a file", "In the library, 'Colours' is a link or a file where a folder is needed"),
    ],
)
def test_what_somebody_changed_stays(library: Path, tmp_path: Path, change: str, why: str) -> None:
    """With the reason; its neighbour goes if it can, and nothing outside the library is touched."""
    publication = brought(library)
    path, moved = library / NAME, tmp_path / "moved"
    if change == "longer":
        os.truncate(path, 100)
        os.utime(path, (0, 0))
    elif change == "other tags":
        path.write_bytes(b"SOUND")
    elif change == "replaced":
        brought(library, replace=True)
    elif change.startswith("folder is"):
        path.parent.rename(moved)
        path.parent.symlink_to(moved) if change.endswith("link") else path.parent.touch()
    else:
        path.rename(moved)
        if change == "another file":
            written(path)
        elif change == "link":
            path.symlink_to(moved)
        else:
            path.mkdir()
    before = left(library)

    removal = taken(library, publication)

    assert [(kept.path, kept.why) for kept in removal.kept] == [(NAME, why)]
    assert (removal.removed, left(library)) == ([], before)
    assert moved.exists() is (change in ("another file", "link", "folder", "folder is a link", "folder is a file"))


def test_a_file_that_stays_keeps_no_other(library: Path) -> None:
    """Each is judged by itself."""
    names = [f"Ada/Colours/{number}.flac" for number in range(3)]
    tracks = [brought(library, name) for name in names]
    (library / names[1]).write_bytes(b"SOUND")

    removal = taken(library, *tracks)

    assert removal.removed == [names[0], names[2]]
    assert [kept.path for kept in removal.kept] == [names[1]]
    assert left(library) == ["Ada", "Ada/Colours", names[1]]


def test_no_name_leads_out_of_the_library(library: Path, tmp_path: Path) -> None:
    """Whatever the store holds."""
    secret = written(tmp_path / "secret")
    status = secret.stat()
    for name in ("../secret", str(secret), "a/../../secret", ".tonearm/../../secret"):
        (kept,) = taken(library, Publication(name, status.st_size, status.st_ino)).kept
        assert "Not a path inside the library" in kept.why
    assert secret.exists()


@pytest.mark.parametrize("cover", ["cover.jpg", "cover.png"])
@pytest.mark.parametrize("at_ms", [BEGAN_MS, ENDED_MS])
def test_the_cover_that_came_with_the_music_goes_with_the_last_of_it(library: Path, cover: str, at_ms: int) -> None:
    """And its folder too."""
    one, two = (brought(library, f"Ada/Colours/{number}.flac") for number in (1, 2))
    written(library / "Ada/Colours" / cover, at_ms=at_ms)

    assert taken(library, one).removed == [one.path]
    assert taken(library, two).removed == [two.path, f"Ada/Colours/{cover}"]
    assert left(library) == []


@pytest.mark.parametrize(
    "name", ["cover.jpg: old", "cover.jpg: new", "cover.jpg: link", "Cover.jpg", "folder.jpg", "two"]
)
def test_a_picture_that_somebody_else_put_there_stays(library: Path, tmp_path: Path, name: str) -> None:
    """What came before the job or after it, under another name, or beside something else is not ours."""
    publication = brought(library)
    album = library / "Ada/Colours"
    if name == "two":
        written(album / "cover.jpg")
        written(album / "cover.png")
    elif name == "cover.jpg: link":
        (album / "cover.jpg").symlink_to(written(tmp_path / "mine.jpg"))
    else:
        old, new = BEGAN_MS - 60_000, ENDED_MS + 60_000
        written(
            album / name.partition(":")[0], at_ms=old if name.endswith("old") else new if "new" in name else ENDED_MS
        )
    before = sorted(path.name for path in album.iterdir() if path.name != "03 Blue.flac")

    assert taken(library, publication).removed == [NAME]
    assert sorted(path.name for path in album.iterdir()) == before


def test_what_comes_into_a_folder_while_its_last_file_goes_arrives(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another job found the folder there, and then it was empty and gone: it is made again, as often as that is so."""
    leaving = [brought(library, f"Ada/Colours/{number}.flac") for number in range(2)]
    make = folders.make

    def made_and_emptied(root: Path, relative: str, umask: int) -> None:
        make(root, relative, umask)
        if leaving:
            taken(library, *leaving)
            leaving.clear()

    monkeypatch.setattr(folders, "make", made_and_emptied)
    brought(library)

    assert left(library) == ["Ada", "Ada/Colours", NAME]


def test_a_folder_that_is_always_taken_away_ends_the_publishing(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error of the disk at last, and the staged file is still there."""
    monkeypatch.setattr(folders, "make", lambda *_: None)

    with pytest.raises(DiskError, match="No such file or directory"):
        brought(library)
    assert (library / ".tonearm/tagged.flac").exists()


def test_a_machine_without_the_volume_has_no_library(library: Path, tmp_path: Path) -> None:
    """Neither where nothing is, nor where an empty mount point stands in for it."""
    assert has_library(library, library / ".tonearm")
    assert not has_library(tmp_path / "none", tmp_path / "none/.tonearm")
    (tmp_path / "mount").mkdir()
    assert not has_library(tmp_path / "mount", tmp_path / "mount/.tonearm")
