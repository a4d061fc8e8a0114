"""Children: none stays behind, and one that dies is noticed with its last words."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tonearm.cli import children as module
from tonearm.cli.children import Children
from tonearm.errors import SetupError


def running(children: Children, name: str) -> subprocess.Popen[bytes]:
    return children._running[name]


def start_catalog(children: Children, folder: Path) -> subprocess.Popen[bytes]:
    """A real catalog of an empty folder, once it serves."""
    (folder / "music").mkdir()
    arguments = ["catalog", "serve", str(folder / "music"), "--port", "0", "--database", str(folder / "ids.db")]
    children.start("catalog", arguments, os.environ)
    end = time.monotonic() + 30
    while "Catalog at" not in children.tail("catalog"):
        children.check()
        assert time.monotonic() < end
        time.sleep(0.02)
    return running(children, "catalog")


def test_a_child_that_ended_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    """The error has the exit code and the end of the log."""
    with Children(tmp_path) as children:
        children.start("catalog", ["catalog", "serve", "nowhere"], os.environ)
        running(children, "catalog").wait(timeout=30)

        with pytest.raises(SetupError, match=r"(?s)catalog ended with exit code 4.*nowhere"):
            children.check()


def test_children_end_with_the_block_in_good_order(tmp_path: Path) -> None:
    """SIGTERM is enough for a healthy one."""
    with Children(tmp_path) as children:
        child = start_catalog(children, tmp_path)
        children.check()

    assert child.returncode == 0


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen child gets its time and no more."""
    monkeypatch.setattr(module, "STOP_SECONDS", 0.1)
    with Children(tmp_path) as children:
        child = start_catalog(children, tmp_path)
        os.killpg(child.pid, signal.SIGSTOP)

    assert child.returncode == -signal.SIGKILL


def test_ctrl_c_is_as_it_was_afterwards(tmp_path: Path) -> None:
    """While children are stopped a Ctrl-C changes nothing; afterwards it works again."""
    before = signal.getsignal(signal.SIGINT)

    with Children(tmp_path):
        pass

    assert signal.getsignal(signal.SIGINT) is before
