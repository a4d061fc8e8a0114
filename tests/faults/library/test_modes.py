"""Modes: published music can be read by others, and a setgid library keeps its group. Tried as another user."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.programs import find

from tonearm.library import Stage, prepare, publish

NAME = "Ada/Colours/03 Blue.flac"
NOBODY = 65534
GROUP = 12_345


@pytest.fixture
def library() -> Iterator[Path]:
    """A library whose folders above anybody may pass."""
    assert os.geteuid() == 0, "Being two users needs root. Type: sudo ./dev test"
    with TemporaryDirectory(prefix="tonearm-modes-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the temporary folder is given as a string
        path = Path(folder) / "music"
        path.mkdir()
        path.chmod(0o755)
        yield path


@pytest.fixture(params=[0o022, 0o077])
def process_umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask of the process, which must not matter: the setting decides."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def brought(library: Path, umask: int) -> Path:
    """A file that came through a stage, as downloads do."""
    stage = Stage.open(library / ".tonearm", library, "den")
    staged = stage.enter("t1", 1, None) / "tagged.flac"
    staged.write_bytes(b"sound")
    prepare(staged, umask=umask)
    publish(staged, library, NAME, umask=umask)
    stage.remove("t1", 1)
    stage.close()
    return library / NAME


def as_nobody(*command: str, group: int = NOBODY) -> subprocess.CompletedProcess[bytes]:
    user = [find("setpriv"), f"--reuid={NOBODY}", f"--regid={group}", "--clear-groups"]
    return subprocess.run([*user, *command], check=False, capture_output=True)


@pytest.mark.usefixtures("process_umask")
@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o002, 0o664, 0o775), (0o027, 0o640, 0o750)]
)
def test_modes_are_those_of_the_setting(library: Path, umask: int, file: int, folder: int) -> None:
    """0666 and 0777 less the umask, never 0600."""
    path = brought(library, umask)
    assert stat.S_IMODE(path.stat().st_mode) == file
    assert stat.S_IMODE(path.parent.stat().st_mode) == folder
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == folder


@pytest.mark.usefixtures("process_umask")
def test_another_user_can_play_what_was_published(library: Path) -> None:
    """And can neither change it nor look into the stage."""
    path = brought(library, 0o022)
    (library / ".tonearm" / "den-1").mkdir(exist_ok=True)

    assert as_nobody("cat", str(path)).stdout == b"sound"
    assert as_nobody("ls", str(path.parent)).returncode == 0
    assert as_nobody("touch", str(path)).returncode != 0
    assert as_nobody("ls", str(library / ".tonearm")).returncode != 0


@pytest.mark.usefixtures("process_umask")
def test_a_setgid_library_keeps_its_group_all_the_way_down(library: Path) -> None:
    """New folders and files belong to the group of the library, and a member of it may add to them."""
    os.chown(library, -1, GROUP)
    library.chmod(0o2775)
    path = brought(library, 0o002)

    for folder in (path.parent, path.parent.parent):
        assert folder.stat().st_gid == GROUP
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2775
    assert path.stat().st_gid == GROUP
    assert as_nobody("touch", str(path), str(path.parent / "cover.jpg"), group=GROUP).returncode == 0


def test_a_file_takes_the_group_of_the_album_folder_it_comes_into(library: Path) -> None:
    """The stage may have another group than an album folder that was given to one."""
    path = library / NAME
    path.parent.mkdir(parents=True)
    os.chown(path.parent, -1, GROUP)
    path.parent.chmod(0o2775)
    assert brought(library, 0o022).stat().st_gid == GROUP
