"""The folder changes: ids stay with the music, and the service notices."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.catalog.collection import Collection, tag

from tonearm.catalog.folder import MusicIndex, index_folder
from tonearm.catalog.folder.index import Absent, OtherQuality
from tonearm.errors import SetupError
from tonearm.model import JobType, Quality

LOSSLESS, LOW = Quality.LOSSLESS, Quality.LOW
KINDS = ("flac", "mp3", "m4a", "ogg", "opus", "oga", "wav")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ids.sqlite3"


@pytest.fixture
def index(collection: Collection, database: Path) -> Iterator[MusicIndex]:
    """Not looked through yet."""
    index = MusicIndex(collection.folder, database)
    yield index
    index.close()


def ids(index: MusicIndex) -> dict[str, int]:
    """The track id of each title."""
    return {track["title"]: track["id"] for track in index.search("song", JobType.TRACK, 100)["results"]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_moved_and_renamed_file_keeps_its_id(collection: Collection, index: MusicIndex, kind: str) -> None:
    """By its sound: nothing else is left of it when it has no tags."""
    one, other = (collection.put(f"x/song {number}.{kind}", number) for number in (1, 2))
    index.refresh()
    before = ids(index)
    assert len(before) == 2
    (collection.folder / "elsewhere").mkdir()
    one.rename(collection.folder / f"elsewhere/song one.{kind}")
    other.rename(one)
    index.refresh()
    assert ids(index) == {"song one": before["song 1"], "song 1": before["song 2"]}


@pytest.mark.parametrize("kind", ["flac", "mp3", "m4a", "ogg", "opus", "oga"])
def test_a_retagged_file_keeps_its_id(collection: Collection, index: MusicIndex, kind: str) -> None:
    """A corrected title, a longer tag that moves the sound in the file, and a move, all at once."""
    file = collection.put(f"1.{kind}", title="song 1", artist="A", album="B")
    index.refresh()
    (before,) = ids(index).values()
    tag(file, title="Song: " + "long " * 150, artist="C", album="D")
    file.rename(collection.folder / f"2.{kind}")
    index.refresh()
    assert list(ids(index).values()) == [before]
    assert index.album(1, LOSSLESS if kind in ("flac", "oga") else LOW)["title"] == "D"


def test_a_better_copy_under_the_same_tags_keeps_the_id(collection: Collection, index: MusicIndex) -> None:
    """The track is what its tags say; the old file's media URL is gone, the new one's is there."""
    file = collection.put("1.mp3", title="Song", artist="A", album="B", tracknumber="1")
    index.refresh()
    before = index.track(1, LOW)
    file.unlink()
    collection.put("2.mp3", 2, title="Song", artist="A", album="B", tracknumber="1")
    index.refresh()
    after = index.track(1, LOW)
    assert after["media"]["url"] != before["media"]["url"]
    with pytest.raises(Absent):
        index.file(1)


def test_another_recording_under_an_old_name_is_another_track(collection: Collection, index: MusicIndex) -> None:
    """Without tags a name proves nothing: its id is not given to something else, nor that of its album."""
    collection.put("x/song.mp3", 1)
    index.refresh()
    (collection.folder / "x/song.mp3").unlink()
    collection.put("x/song.mp3", 2)
    index.refresh()
    assert ids(index) == {"song": 2}
    assert [album["id"] for album in index.albums()["albums"]] == [2]
    collection.put("y/song.mp3", 1)
    index.refresh()
    assert index.track(1, LOW)["albumId"] == 1


def test_exchanged_files_are_told_apart_by_their_sound(collection: Collection, index: MusicIndex) -> None:
    """a.mp3 and b.mp3 swap names: each keeps its id."""
    a, b = (collection.put(f"{name}.mp3", seed, title=f"Song {name}") for seed, name in enumerate("ab"))
    index.refresh()
    before = ids(index)
    a.rename(spare := a.with_suffix(".tmp"))
    b.rename(a)
    spare.rename(b)
    index.refresh()
    assert ids(index) == before


def test_what_is_gone_is_absent_and_comes_back_under_its_id(collection: Collection, index: MusicIndex) -> None:
    """An unplugged disk does not cost the ids, and no id is given to something else meanwhile."""
    collection.album("flac", tracks=2)
    index.refresh()
    before = ids(index)
    away = collection.folder.with_name("away")
    (collection.folder / "flac").rename(away)
    collection.put("new.flac", 9, title="Song 9", artist="N", album="N")
    index.refresh()
    assert set(ids(index)) == {"Song 9"}
    assert ids(index)["Song 9"] not in before.values()
    for number in before.values():
        with pytest.raises(Absent):
            index.track(number, LOSSLESS)
    with pytest.raises(Absent):
        index.album(1, LOSSLESS)
    away.rename(collection.folder / "back again")
    index.refresh()
    assert {title: number for title, number in ids(index).items() if title != "Song 9"} == before
    assert index.album(1, LOSSLESS)["trackCount"] == 2


def test_two_tracks_that_become_one_are_found_under_both_ids(collection: Collection, index: MusicIndex) -> None:
    """The answer carries the id that was asked for."""
    collection.put("1.flac", title="Song", artist="A", album="B", tracknumber="1")
    low = collection.put("1.mp3", title="Sonng", artist="A", album="B", tracknumber="1")
    index.refresh()
    with pytest.raises(OtherQuality):
        index.track(1, LOW)
    tag(low, title="Song")
    index.refresh()
    for number in (1, 2):
        for quality in (LOSSLESS, LOW):
            answer = index.track(number, quality)
            assert (answer["id"], answer["title"]) == (number, "Song")
    assert index.totals().tracks == 1


def test_an_album_renamed_file_by_file_keeps_its_id(collection: Collection, index: MusicIndex) -> None:
    """Even when the folder is looked at in the middle of it."""
    collection.album("flac", "mp3", tracks=2)
    index.refresh()
    before = ids(index)
    for file in sorted(collection.folder.rglob("*.*")):
        tag(file, album="Bluer")
        index.refresh()
    assert index.totals().albums == 1
    for quality in (LOSSLESS, LOW):
        assert index.album(1, quality)["title"] == "Bluer"
        for title, number in before.items():
            assert index.track(number, quality)["title"] == title


def test_a_copy_does_not_take_the_id_away(collection: Collection, index: MusicIndex) -> None:
    """The same sound in a second place, under other tags, is another track."""
    file = collection.put("x/1.flac", title="Song", artist="A", album="B")
    index.refresh()
    copy = collection.folder / "a copy.flac"
    shutil.copyfile(file, copy)
    tag(copy, title="Song on a sampler", album="Sampler")
    index.refresh()
    assert ids(index) == {"Song": 1, "Song on a sampler": 2}


def test_a_tag_editor_that_restores_the_time_is_noticed(collection: Collection, index: MusicIndex) -> None:
    """Size and modification time are as before; the inode's own time is not."""
    file = collection.put("1.flac", title="Song A", artist="A", album="B")
    index.refresh()
    status = file.stat()
    tag(file, title="Song B")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    index.refresh()
    assert set(ids(index)) == {"Song B"}


def test_nothing_is_read_when_nothing_changed(collection: Collection, index: MusicIndex) -> None:
    """Neither good nor bad files are opened again."""
    collection.album("mp3", tracks=2)
    (collection.folder / "bad.mp3").write_text("<html>")
    first = index.refresh()
    assert (first.read, len(first.skipped)) == (3, 1)
    again = index.refresh()
    assert (again.read, again.gone) == (0, 0)
    assert again.skipped == first.skipped


def test_ids_are_kept_beside_the_users_data_and_not_in_the_folder(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each folder has a file of its own, and opening it again finds the same ids."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    collection.album("mp3", tracks=1)
    listed = sorted(path.name for path in collection.folder.rglob("*"))
    for _ in range(2):
        index = index_folder(collection.folder)
        assert index.track(1, LOW)["title"] == "Song 1"
        index.close()
    assert sorted(path.name for path in collection.folder.rglob("*")) == listed
    assert len(list(tmp_path.rglob("*.sqlite3"))) == 1


def test_a_moved_folder_keeps_its_ids_with_its_database(collection: Collection, database: Path) -> None:
    """Paths are kept relative to the folder."""
    collection.album("mp3", tracks=2)
    index_folder(collection.folder, database).close()
    moved = collection.folder.rename(collection.folder.with_name("moved"))
    index = index_folder(moved, database)
    assert ids(index) == {"Song 1": 1, "Song 2": 2}
    index.close()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, database: Path) -> None:
    """Before anything is made."""
    with pytest.raises(SetupError, match="no folder"):
        index_folder(tmp_path / "nowhere", database)
    assert not database.exists()
