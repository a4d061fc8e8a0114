"""Real disks: read-only, full, and without power. Mounting needs root, which CI has."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.counts import count
from tests.support.folding import folding_disk
from tests.support.mounts import mounted, remount
from tests.support.music import Music, pcm, png
from tests.support.programs import find
from tests.unit.library.samples import a_track
from tests.unit.library.test_naming import MIXED

from tonearm.errors import DiskError, DiskFull, SetupError
from tonearm.library import (
    AudioFormat,
    DiskGuard,
    Lifetime,
    Picture,
    Stage,
    Tags,
    Template,
    check_library,
    prepare,
    publish,
    remove,
    write_tags,
)
from tonearm.library.disk import MIB
from tonearm.library.naming import numbered
from tonearm.model import Mark, Phase, Publication, Quality


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as folder:
        yield folder


def test_a_read_only_library_is_an_error_at_start(small: Path) -> None:
    """Root passes every mode, so only trying tells. The message names path, setting and reason."""
    library = small / "music"
    library.mkdir()
    check_library(library)
    remount(small, "ro")
    with pytest.raises(SetupError, match=r"music/\.tonearm \(QUEUE_STAGE_DIR\) cannot be written: Read-only file"):
        check_library(library)
    with pytest.raises(SetupError, match=r"QUEUE_STAGE_DIR\) cannot be used: Read-only file system"):
        Stage.open(library / ".tonearm", library, "den")
    with pytest.raises(SetupError, match=r"other \(DOWNLOAD_DIR\) cannot be written: Read-only file system"):
        check_library(small / "other")


def test_a_library_that_became_read_only_is_an_error_of_the_disk(small: Path) -> None:
    """The attempt ends with its own code, nothing is lost."""
    stage = Stage.open(small / ".tonearm", small, "den")
    staged = stage.enter("t1", 1, None) / "tagged.flac"
    staged.write_bytes(b"sound")
    stage._lock.release()  # a disk with a file open for writing is not made read-only by hand, only by its own faults
    remount(small, "ro")
    with pytest.raises(DiskError, match="Read-only file system while publishing"):
        publish(staged, small, "a/b.flac", umask=0o022)
    with pytest.raises(DiskError, match="Read-only file system while opening the stage"):
        stage.enter("t2", 1, None)
    remount(small, "rw")
    publish(staged, small, "a/b.flac", umask=0o022)


def test_what_cannot_be_removed_stays_with_the_disks_own_reason(small: Path) -> None:
    """And goes when the disk lets it; its cover and folder, too."""
    staged = small / "tagged.flac"
    staged.write_bytes(b"sound")
    size, inode = prepare(staged, umask=0o022)
    publish(staged, small, "a/b.flac", umask=0o022)
    (small / "a/cover.jpg").write_bytes(b"picture")
    files, now_ms = [Publication("a/b.flac", size, inode)], round(time.time() * 1_000)
    remount(small, "ro")
    removal = remove(small, files, Lifetime(now_ms - 60_000, now_ms))
    assert [(kept.path, kept.why) for kept in removal.kept] == [("a/b.flac", "Read-only file system")]
    assert (removal.removed, removal.missing) == ([], 0)
    remount(small, "rw")
    assert remove(small, files, Lifetime(now_ms - 60_000, now_ms)).removed == ["a/b.flac", "a/cover.jpg"]
    assert not (small / "a").exists()


def test_a_stage_on_another_mount_is_an_error_at_start(small: Path, tmp_path: Path) -> None:
    """Found by moving a file, not by guessing."""
    with pytest.raises(SetupError, match="must lie on the same volume"):
        check_library(tmp_path / "music", small / "stage")
    assert not list((small / "stage").iterdir())


@pytest.mark.parametrize("audio", [AudioFormat.FLAC, AudioFormat.MP3, AudioFormat.WAV])
def test_a_disk_that_fills_up_while_tagging_leaves_the_received_bytes(
    small: Path, music: Music, audio: AudioFormat
) -> None:
    """The half copy is gone, the code is disk_full, and the message says how much was free."""
    source = music.copy(small / "part", audio.extension, seconds={"flac": 20, "mp3": 60, "wav": 12}[audio.value])
    (small / "filler").write_bytes(bytes(max(0, 4 * MIB - source.stat().st_size - 200 * 1024)))
    received = source.read_bytes()
    picture = Picture.of(png(size=400 * 1024))

    with pytest.raises(DiskFull, match="The disk is full while writing tags"):
        write_tags(source, small / "tagged", audio, Tags(title="x"), picture)

    assert source.read_bytes() == received
    assert not (small / "tagged").exists()


def test_names_of_one_folder_are_as_many_files_on_a_disk_that_folds_case(tmp_path: Path) -> None:
    """Random titles of letters that such a disk takes for one another, numbered as the worker does."""
    draw = random.Random(9)
    keys: set[str] = set()
    with folding_disk(tmp_path / "disk") as disk:
        (disk / "Ä").touch()
        assert (disk / "ä").exists()
        (disk / "Ä").unlink()
        for made in range(count(1_000, 10_000)):
            title = "".join(draw.choice(MIXED) for _ in range(draw.randint(1, 8)))
            name = Template("{title}.{ext}").name(a_track(title=title), None, None, Quality.LOW)
            free = next(twin for n in range(1, 10_000) if (twin := numbered(name, n)).key not in keys)
            keys.add(free.key)
            try:
                (disk / f"{free.stem}.flac").touch(exist_ok=False)
            except FileExistsError:
                pytest.fail(f"{free.stem!r} is one of the {made} files that are there")


def test_the_guard_sees_the_real_volume(small: Path) -> None:
    """Free space falls as files grow."""
    guard = DiskGuard(small, 1 * MIB)
    guard.check(1 * MIB)
    (small / "filler").write_bytes(bytes(2 * MIB))
    guard.check()
    with pytest.raises(DiskFull, match=r"Not enough disk space: 2\.1 MB free, 3\.1 MB needed"):
        guard.check(1 * MIB)


def test_a_stage_that_cannot_be_removed_keeps_no_other_from_going(tmp_path: Path) -> None:
    """Something is mounted there. The task itself hears of it, the janitor goes on with the rest."""
    stage = Stage.open(tmp_path / ".tonearm", tmp_path, "den")
    stage.enter("t2", 1, None)
    own = stage.root / stage.worker
    with (
        mounted(own / "t1.1", "-t", "tmpfs", "tmpfs"),
        mounted(own / "aside.0123", "-t", "tmpfs", "tmpfs"),
        mounted(own / "stray", "-t", "tmpfs", "tmpfs"),
    ):
        assert sorted(stage.found()) == [("t1", 1), ("t2", 1)]
        stage.remove_all([("t1", 1), ("t2", 1)])
        assert stage.found() == [("t1", 1)]
        with pytest.raises(DiskError, match="busy while emptying the stage"):
            stage.remove("t1", 1)
    assert (own / "aside.0123").is_dir()
    stage.remove("t1", 1)
    assert stage.found() == []
    assert sorted(path.name for path in own.iterdir()) == ["boot", "lock"]


def test_a_dead_workers_folder_that_cannot_be_used_hides_no_other(tmp_path: Path) -> None:
    """Nor does one stage in it that cannot be read."""
    for host in ("gone", "lost"):
        dead = Stage.open(tmp_path / ".tonearm", tmp_path, host)
        for task in ("t1", "t2"):
            dead.note_phase(dead.enter(f"{host}-{task}", 1, None), Phase.VERIFY)
        dead._lock.release()
    folder = tmp_path / ".tonearm" / "gone-1" / "gone-t1.1"
    (folder / "phase").unlink()
    (folder / "phase").mkdir()
    lock = tmp_path / ".tonearm" / "lost-1" / "lock"
    lock.unlink()
    lock.symlink_to("lock")
    stage = Stage.open(tmp_path / ".tonearm", tmp_path, "den")

    assert stage.dead() == ["den-1", "gone-1"]
    assert stage.marks("gone-1") == {"gone-t2": Mark(Phase.VERIFY)}
    assert sorted(stage.found()) == [("gone-t1", 1), ("gone-t2", 1)]
    stage.close()


def test_a_published_file_survives_a_power_cut(tmp_path: Path, music: Music) -> None:
    """What the disk holds the moment publish returns is the whole file, under its name, in folders that were new."""
    image, later = tmp_path / "disk", tmp_path / "disk after the cut"
    with image.open("wb") as file:
        file.truncate(64 * MIB)
    subprocess.run([find("mkfs.ext4"), "-q", str(image)], check=True)
    with mounted(tmp_path / "before", "-o", "loop,commit=60", str(image)) as library:
        for number in range(3):
            source = music.copy(library / "part", "flac")
            target = library / "tagged.flac"
            write_tags(source, target, AudioFormat.FLAC, Tags(title="Blue", track_number=number), None)
            prepare(target, umask=0o022)
            publish(target, library, f"Ada/Album {number}/Blue.flac", umask=0o022)
        shutil.copyfile(image, later)
    with mounted(tmp_path / "after", "-o", "loop", str(later)) as library:
        for number in range(3):
            path = library / f"Ada/Album {number}/Blue.flac"
            assert pcm(path) == pcm(music("flac"))
            assert path.stat().st_mode & 0o777 == 0o644
