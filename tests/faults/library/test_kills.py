"""Kills and failing calls at every step between the staged file and the library."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.music import Music, png
from tests.support.programs import find

from tonearm.library import Picture, add_cover, check_library, flacheader, prepare, publish, published
from tonearm.model import Publication

NAME = "Ada/Colours/03 Blue.flac"
CONTENT = b"sound" * 10_000

# What one publish into a new album calls, in order of meaning: mode and fsync of the file, the folders, the name.
CALLS = [
    ("fchmod", 1), ("fsync", 1), ("mkdirat", 1), ("fsync", 2), ("mkdirat", 2), ("fsync", 3), ("linkat", 1),
    ("fsync", 4), ("unlink", 1),
]  # fmt: skip


def injected(call: str, fault: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run `steps` with a fault injected into a system call."""
    trace = [find("strace"), "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{fault}"]
    program = [sys.executable, "-m", "tests.faults.library.steps", *arguments]
    return subprocess.run([*trace, *program], check=False, capture_output=True)


def killed(run: subprocess.CompletedProcess[bytes]) -> bool:
    return run.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "music" / ".tonearm").mkdir(parents=True)
    return tmp_path / "music"


def bring_home(library: Path, staged: Path) -> None:
    """What the next holder does: adopt the recorded file, or publish anew."""
    committed = library.parent / "committed"
    if committed.exists():
        publication = Publication(**json.loads(committed.read_text()))
        if published(library, publication):
            staged.unlink(missing_ok=True)
            return
    prepare(staged, umask=0o022)
    publish(staged, library, NAME, umask=0o022)


@pytest.mark.parametrize(("call", "when"), CALLS)
def test_a_kill_at_any_call_leaves_the_whole_file_or_none(library: Path, call: str, when: int) -> None:
    """And whoever comes next adopts or publishes it, once."""
    staged = library / ".tonearm" / "tagged.flac"
    staged.write_bytes(CONTENT)

    run = injected(call, f"signal=KILL:when={when}", "publish", str(library), str(staged), NAME)

    assert killed(run), f"{call} number {when} was not reached: {run.stderr.decode()}"
    seen = [path for path in library.rglob("*.flac") if path != staged]
    assert [(path, path.read_bytes()) for path in seen] in ([], [(library / NAME, CONTENT)])

    bring_home(library, staged)
    assert list(library.rglob("*.flac")) == [library / NAME]
    assert (library / NAME).read_bytes() == CONTENT
    assert (library / NAME).stat().st_nlink == 1


@pytest.mark.parametrize(("call", "when"), CALLS)
def test_a_call_that_fails_is_an_error_and_can_be_said_again(library: Path, call: str, when: int) -> None:
    """EIO anywhere: the process says so, nothing torn has a name, and the stage still has what is needed."""
    staged = library / ".tonearm" / "tagged.flac"
    staged.write_bytes(CONTENT)

    run = injected(call, f"error=EIO:when={when}", "publish", str(library), str(staged), NAME)

    assert run.returncode == 1
    assert b"tonearm.errors.tree.DiskError: Input/output error while" in run.stderr
    assert staged.read_bytes() == CONTENT
    assert not (library / NAME).exists() or (library / NAME).read_bytes() == CONTENT

    bring_home(library, staged)
    assert (library / NAME).read_bytes() == CONTENT
    assert not staged.exists()


@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO"])
@pytest.mark.parametrize(("call", "when"), [("fchmod", 1), ("fsync", 1), ("linkat", 1), ("fsync", 2), ("unlink", 2)])
def test_a_cover_is_whole_or_not_there_whatever_happens(library: Path, call: str, when: int, fault: str) -> None:
    """Killed or refused at any call; the next track brings it, or finds it."""
    stage, track = library / ".tonearm" / "t1.1", library / NAME
    stage.mkdir()
    track.parent.mkdir(parents=True)
    track.write_bytes(CONTENT)
    picture = png(size=100_000)
    (stage / "picture").write_bytes(picture)

    run = injected(call, f"{fault}:when={when}", "cover", str(library), str(stage), NAME)

    assert killed(run) or b"tonearm.errors.tree.DiskError: Input/output error while" in run.stderr, run.stderr.decode()
    cover = track.with_name("cover.png")
    assert not cover.exists() or cover.read_bytes() == picture

    other = library / ".tonearm" / "t2.1"
    other.mkdir()
    add_cover(other, library, NAME, Picture.of(picture), umask=0o022)
    assert cover.read_bytes() == picture
    assert sorted(path.name for path in track.parent.iterdir()) == [track.name, "cover.png"]


@pytest.mark.parametrize(("call", "when"), [("rename", 1), ("write", 1), ("write", 2)])
def test_a_kill_while_tagging_costs_no_received_byte(tmp_path: Path, music: Music, call: str, when: int) -> None:
    """The header that is rewritten in place can be had back at every moment."""
    part, received = music.copy(tmp_path / "part"), music("flac").read_bytes()

    run = injected(call, f"signal=KILL:when={when}", "tag", str(part), str(tmp_path / "tagged.flac"))

    assert killed(run), f"{call} number {when} was not reached: {run.stderr.decode()}"
    flacheader.restore(tmp_path)
    assert part.read_bytes() == received
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


@pytest.mark.parametrize("removal", [2, 3])
def test_a_killed_start_leaves_nothing_that_the_next_one_does_not_remove(tmp_path: Path, removal: int) -> None:
    """The check of the library uses one name; killed before either end of the move is removed."""
    library = tmp_path / "music"
    run = injected("unlink,unlinkat", f"signal=KILL:when={removal}", "check", str(library))
    assert killed(run), run.stderr
    assert sorted(path.name for path in library.iterdir()) == [".tonearm", ".tonearm-check"]

    check_library(library)
    assert [path.name for path in library.iterdir()] == [".tonearm"]
    assert not list((library / ".tonearm").iterdir())
