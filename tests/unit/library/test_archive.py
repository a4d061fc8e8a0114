"""Archives: what is sent is as long as announced, other programs read it, and it holds what the library holds."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.counts import ALL
from tests.support.descriptors import open_files
from tests.support.programs import find

from tonearm.errors import FileUnavailable
from tonearm.library import Archive
from tonearm.library.archive import PIECE_BYTES

GIB = 1024**3
NAMES = ["Ada/Colours/01 Blue.flac", "Ada/Prélude 前奏曲 🎵/02 x.opus", "single.mp3", "Ada/Colours/03 empty.wav"]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "music"
    root.mkdir()
    return root


def filed(library: Path, *names: str) -> list[str]:
    """Files in the library, each of other bytes, the last one empty; longer than a piece where there are several."""
    for number, name in enumerate(names, 1):
        path = library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1 + PIECE_BYTES // 2 * number) if number < len(names) or number == 1 else b"")
    return list(names)


def archive_of(library: Path, *names: str) -> Archive:
    archive = Archive(library)
    archive.add(names)
    return archive


def written(archive: Archive, target: Path) -> Path:
    """The archive as a file, as long as announced."""
    size = archive.size
    with target.open("wb") as file:
        for piece in archive.pieces():
            file.write(piece)
    assert target.stat().st_size == size
    return target


def test_other_programs_read_the_archive(library: Path, tmp_path: Path) -> None:
    """Python, unzip, and bsdtar from a pipe find the same names and bytes, and none complains."""
    names = filed(library, *NAMES)
    made = written(archive_of(library, *names), tmp_path / "a.zip")

    with zipfile.ZipFile(made) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == names
        for entry in opened.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert bool(entry.flag_bits & 0x800) is not entry.filename.isascii()
            assert opened.read(entry) == (library / entry.filename).read_bytes()
    subprocess.run([find("unzip"), "-qq", "-t", str(made)], check=True)
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run([find("bsdtar"), "-x", "-f", "-", "-C", str(out)], input=made.read_bytes(), check=True)
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == set(names)


@pytest.fixture(scope="module")
def crowd() -> Iterator[Path]:
    """More empty files than the old ZIP format counts, in memory where the machine has such a thing."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        for number in range(65_540):
            os.close(os.open(f"{folder}/{number:05}", os.O_CREAT | os.O_WRONLY))
        yield Path(folder)


@pytest.mark.parametrize("number", [1, 65_535, *([65_534, 65_536, 65_540] if ALL else [])])
def test_any_number_of_files_has_the_length_that_was_announced(crowd: Path, tmp_path: Path, number: int) -> None:
    """Also where the format changes: at exactly 65,535 entries the library that we use counts 76 bytes too few."""
    archive = archive_of(crowd, *(f"{each:05}" for each in range(number)))
    with zipfile.ZipFile(written(archive, tmp_path / "a.zip")) as opened:
        assert [name for name in opened.namelist() if not name.endswith("/")] == [f"{n:05}" for n in range(number)]


@pytest.mark.parametrize("size", [4 * GIB + 1, *([4 * GIB - 2**20, 9 * GIB] if ALL else [])])
def test_more_than_four_gigabytes_have_the_length_that_was_announced(library: Path, tmp_path: Path, size: int) -> None:
    """A file beyond 4 GiB, and one that begins behind them, are found again by another reader."""
    large, small = filed(library, "large.wav", "small.flac", "last")[:2]
    os.truncate(library / large, size)
    archive = archive_of(library, large, small)
    announced = archive.size

    target = tmp_path / "a.zip"
    zeros = bytes(PIECE_BYTES)
    with target.open("wb") as file:
        for piece in archive.pieces():
            if piece == zeros:
                file.seek(len(piece), os.SEEK_CUR)  # a hole: the test needs no gigabytes of disk
            else:
                file.write(piece)
    assert target.stat().st_size == announced
    with zipfile.ZipFile(target) as opened:
        assert [entry.file_size for entry in opened.infolist()] == [size, (library / small).stat().st_size]
        assert opened.read(small) == (library / small).read_bytes()


def test_one_file_is_open_at_a_time(library: Path) -> None:
    """However many there are; none when the pieces are given up."""
    archive = archive_of(library, *filed(library, *(f"{number}.flac" for number in range(30))))
    pieces = archive.pieces()
    assert {len(open_files(library)) for _, _ in zip(range(40), pieces, strict=False)} <= {0, 1}
    assert open_files(library)
    pieces.close()
    assert not open_files(library)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("gone", "not there any more"),
        ("folder gone", "not there any more"),
        ("link", "symbolic links"),
        ("folder is a link", "a link or a file where a folder is needed"),
        ("folder", "not a regular file"),
        ("pipe", "not a regular file"),
    ],
)
def test_what_is_no_file_of_the_library_is_refused_by_name(library: Path, tmp_path: Path, kind: str, why: str) -> None:
    """Before anything is sent, and without following a link or waiting for a pipe."""
    name = "Ada/Colours/01 Blue.flac"
    filed(library, name)
    path, elsewhere = library / name, tmp_path / "elsewhere"
    if kind.startswith("folder "):
        path.parent.rename(elsewhere)
        if kind == "folder is a link":
            path.parent.symlink_to(elsewhere)
    else:
        path.rename(elsewhere)
    match kind:
        case "link":
            path.symlink_to(elsewhere)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)

    with pytest.raises(FileUnavailable, match=f"{re.escape(name)}: .*{why}") as refused:
        archive_of(library, name)
    assert refused.value.path == name


def test_no_name_leads_out_of_the_library(library: Path, tmp_path: Path) -> None:
    """Whatever the store holds."""
    (tmp_path / "secret").write_text("x")
    for name in ("../secret", "/etc/passwd", "a/../../secret", ""):
        with pytest.raises(FileUnavailable, match="Not a path inside the library"):
            archive_of(library, name)


@pytest.mark.parametrize("change", ["longer", "shorter", "other bytes", "another file", "gone", "a link to the same"])
@pytest.mark.parametrize("when", ["before it is read", "while it is read"])
def test_a_file_that_changes_meanwhile_ends_the_archive(library: Path, tmp_path: Path, change: str, when: str) -> None:
    """Whoever gets it must not take it for whole; an open file that was only renamed away is still the old one."""
    (name, _) = filed(library, "a.flac", "last")
    path = library / name
    os.truncate(path, 3 * PIECE_BYTES)
    os.utime(path, (1, 1))
    pieces = archive_of(library, name).pieces()
    if when == "while it is read":
        next(pieces)
    if change in ("longer", "shorter"):
        os.truncate(path, 3 * PIECE_BYTES + (1 if change == "longer" else -1))
    elif change == "other bytes":
        with path.open("r+b") as file:
            file.write(b"other")
    else:
        path.rename(tmp_path / "moved")
        if change == "another file":
            path.write_bytes(bytes(3 * PIECE_BYTES))
        elif change.startswith("a link"):
            path.symlink_to(tmp_path / "moved")
    if when == "while it is read" and change not in ("longer", "shorter", "other bytes"):
        assert sum(map(len, pieces)) > PIECE_BYTES
        return
    with pytest.raises(FileUnavailable, match=r"a\.flac: "):
        list(pieces)
