"""Publishing: the whole file under its final name or none, nothing replaced, nothing outside the library."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tonearm.errors import DiskError, SetupError
from tonearm.library import (
    NameTaken,
    check_library,
    has_twin,
    identical,
    prepare,
    publish,
    published,
)
from tonearm.model import Publication

RELATIVE = "Ada/Colours/03 Blue.flac"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "music"
    (path / ".tonearm").mkdir(parents=True)
    return path


def staged(library: Path, content: bytes = b"sound", name: str = "tagged.flac") -> Path:
    path = library / ".tonearm" / name
    path.write_bytes(content)
    return path


def brought(library: Path, content: bytes = b"sound", relative: str = RELATIVE) -> Publication:
    """A file published by all its steps."""
    source = staged(library, content)
    size, inode = prepare(source, umask=0o022)
    publish(source, library, relative, umask=0o022)
    return Publication(relative, size, inode)


def test_a_published_file_is_where_it_was_recorded(library: Path) -> None:
    """Name, size and inode are those of the commit; the stage is empty."""
    publication = brought(library)
    assert (library / RELATIVE).read_bytes() == b"sound"
    assert published(library, publication)
    assert not list((library / ".tonearm").iterdir())


def test_another_file_of_that_name_is_not_adopted(library: Path) -> None:
    """Neither another inode nor another size nor a link is the recorded file."""
    publication = brought(library)
    assert not published(library, Publication(RELATIVE, publication.size + 1, publication.inode))
    assert not published(library, Publication(RELATIVE, publication.size, publication.inode + 1))
    assert not published(library, Publication("Ada/None/1.flac", publication.size, publication.inode))

    (library / RELATIVE).rename(library / "elsewhere.flac")
    (library / RELATIVE).symlink_to(library / "elsewhere.flac")
    assert not published(library, publication)


def test_a_taken_name_is_refused_and_both_files_stay(library: Path) -> None:
    """Also when it is a dangling link or a folder that has the name."""
    (library / "Ada/Colours").mkdir(parents=True)
    target = library / RELATIVE
    for kind in ("file", "link", "folder"):
        if kind == "file":
            target.write_bytes(b"older")
        elif kind == "link":
            target.symlink_to("nowhere")
        else:
            target.mkdir()
        source = staged(library)
        with pytest.raises(NameTaken, match="has a file of this name: Ada/Colours/03 Blue"):
            publish(source, library, RELATIVE, umask=0o022)
        assert source.read_bytes() == b"sound"
        target.rename(library / f"old-{target.lstat().st_ino}")


@pytest.mark.parametrize("other", ["03 BLUE.flac", "03 blue.FLAC", "03 Blu\u0065\u0301.flac"])
def test_a_name_that_some_file_systems_take_for_another_is_found(library: Path, other: str) -> None:
    """Case and normalisation do not tell two files apart everywhere."""
    wanted = "Ada/Colours/03 Blu\u00e9.flac" if "\u0301" in other else RELATIVE
    brought(library, relative=f"Ada/Colours/{other}")

    assert has_twin(library, wanted)


def test_the_very_same_name_and_other_folders_are_no_twins(library: Path) -> None:
    """Those the publishing itself finds."""
    brought(library)

    assert not has_twin(library, RELATIVE)
    assert not has_twin(library, "Bob/Colours/03 blue.flac")
    assert not has_twin(library, "Ada/Colours/04 Blue.flac")


def test_replacing_is_only_done_when_asked(library: Path) -> None:
    """Then in one step: a reader has either the old file or the new one."""
    brought(library, b"older")
    publish(staged(library), library, RELATIVE, umask=0o022, replace=True)
    assert (library / RELATIVE).read_bytes() == b"sound"


def test_publishing_again_after_a_crash_finishes_it(library: Path) -> None:
    """Killed between link and unlink, the file has two names; the same call leaves the right one."""
    source = staged(library)
    (library / "Ada/Colours").mkdir(parents=True)
    os.link(source, library / RELATIVE)

    publish(source, library, RELATIVE, umask=0o022)

    assert not source.exists()
    assert (library / RELATIVE).stat().st_nlink == 1


def test_of_many_publishers_of_one_name_one_wins(library: Path) -> None:
    """The others are told, and no folder is in anybody's way."""
    sources = [staged(library, bytes([n]), f"{n}.flac") for n in range(16)]

    def attempt(source: Path) -> bool:
        try:
            publish(source, library, RELATIVE, umask=0o022)
        except NameTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(attempt, sources))
    assert won.count(True) == 1
    assert (library / RELATIVE).read_bytes() == bytes([won.index(True)])


def test_no_link_leads_a_file_out_of_the_library(library: Path, tmp_path: Path) -> None:
    """A folder below the library that is a link is refused, whatever it points to."""
    (tmp_path / "outside" / "Colours").mkdir(parents=True)
    (library / "Ada").symlink_to(tmp_path / "outside")
    with pytest.raises(DiskError, match="'Ada' is a link or a file"):
        publish(staged(library), library, RELATIVE, umask=0o022)
    with pytest.raises(DiskError, match="'Ada' is a link or a file"):
        published(library, Publication(RELATIVE, 1, 1))
    assert not list((tmp_path / "outside" / "Colours").iterdir())


def test_the_library_itself_may_be_a_link(library: Path, tmp_path: Path) -> None:
    """Where the operator puts the music is the operator's choice."""
    (tmp_path / "link").symlink_to(library)
    publish(staged(library), tmp_path / "link", RELATIVE, umask=0o022)
    assert (library / RELATIVE).read_bytes() == b"sound"


@pytest.mark.parametrize("relative", ["../x.flac", "/etc/x.flac", "a//b.flac", ".tonearm/x.flac", "a/../../x", ""])
def test_a_path_that_is_no_name_of_ours_is_refused(library: Path, relative: str) -> None:
    """Before anything is made."""
    source = staged(library)
    with pytest.raises(DiskError, match="Not a path inside the library"):
        publish(source, library, relative, umask=0o022)
    assert source.exists()


def test_a_volume_without_hard_links_is_served_by_an_exclusive_rename(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """exFAT and some network mounts refuse links; nothing is replaced there either."""

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    publication = brought(library)
    assert published(library, publication)
    source = staged(library, b"other")
    with pytest.raises(NameTaken):
        publish(source, library, RELATIVE, umask=0o022)
    assert source.read_bytes() == b"other"
    assert (library / RELATIVE).read_bytes() == b"sound"


def test_a_source_that_was_taken_away_publishes_nothing(library: Path) -> None:
    """A late publisher, whose stage the next holder renamed, has nothing to publish."""
    source = staged(library)
    prepare(source, umask=0o022)
    source.unlink()
    with pytest.raises(DiskError, match="No such file"):
        publish(source, library, RELATIVE, umask=0o022)
    assert not (library / RELATIVE).exists()


def test_files_are_identical_by_content(library: Path) -> None:
    """Of the same size and another byte they are not; a link and a missing file never are."""
    first, second = staged(library, b"a" * 3_000_000, "1"), staged(library, b"a" * 3_000_000, "2")
    assert identical(first, second)
    assert identical(first, first)
    second.write_bytes(b"a" * 2_999_999 + b"b")
    assert not identical(first, second)
    assert not identical(first, staged(library, b"a", "3"))
    link = library / ".tonearm" / "4"
    link.symlink_to(first)
    assert not identical(link, first)
    assert not identical(first, library / "gone")


def test_a_usable_library_passes_the_check_and_keeps_no_trace(tmp_path: Path) -> None:
    """What is missing is made; the file of the check is gone."""
    library = tmp_path / "new" / "music"
    check_library(library, library / ".tonearm")
    check_library(library)
    assert list(library.iterdir()) == [library / ".tonearm"]
    assert not list((library / ".tonearm").iterdir())


def test_servers_that_start_at_once_pass_the_check_of_one_library(tmp_path: Path) -> None:
    """Each has a database of its own; they use one name, and take the file from each other."""
    library = tmp_path / "music"

    def start(_: int) -> None:
        for _ in range(30):
            check_library(library)

    with ThreadPoolExecutor(6) as servers:
        list(servers.map(start, range(6)))
    assert list(library.iterdir()) == [library / ".tonearm"]
    assert not list((library / ".tonearm").iterdir())


@pytest.mark.parametrize("where", [".", "..", "stage", "a/.b"])
def test_a_stage_that_would_look_like_music_is_refused(library: Path, where: str) -> None:
    """In the library its name starts with a dot, and it never holds the library."""
    with pytest.raises(SetupError, match="QUEUE_STAGE_DIR"):
        check_library(library, library / where)


def test_a_library_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """The message names the path, the setting and the reason."""
    (tmp_path / "music").write_bytes(b"")
    with pytest.raises(SetupError, match=r"music \(DOWNLOAD_DIR\) is there, and is no folder"):
        check_library(tmp_path / "music")
