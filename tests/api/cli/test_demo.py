"""The demo as a process: it works, it ends, and nothing of it stays behind."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import wave
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.api.cli.live import started, tonearm

from tonearm.cli import demo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the demo in which there is music already, so that none is made: an album and a single of silence."""
    for name in ("Ann/Blue/01 Red.wav", "Ann/Blue/02 Green.wav", "Ann/Pink/01 Black.wav"):
        path = tmp_path / "demo" / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8_000, 0, "NONE", ""))
            file.writeframes(len(name).to_bytes(2, "little") * 8_000)
    return tmp_path / "demo"


def answers(url: str) -> bool:
    """Whether anything listens there."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def first_document(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    document: dict[str, Any] = json.loads(process.stdout.readline())
    return document


def test_the_demo_brings_an_album_and_a_track_and_leaves_nothing_behind() -> None:
    """`demo --once` ends with 0, names the files, and its processes and its folder are gone."""
    ended = tonearm("demo", "--once", "--json")

    assert ended.code == 0, ended.err
    begin, *_, library = ended.documents
    assert len([name for name in library["files"] if name.endswith(".flac")]) == 6
    assert len([name for name in library["files"] if name.endswith(".mp3")]) == 1
    assert not answers(begin["server"])
    assert not answers(begin["catalog"])
    assert not Path(begin["folder"]).exists()


def test_the_demo_prints_the_tree_of_the_library(folder: Path) -> None:
    """In a folder of one's own everything stays; folders and files stand below each other."""
    ended = tonearm("demo", "--once", "--folder", str(folder))

    assert ended.code == 0, ended.err
    tree = ended.out.partition("The library")[2].splitlines()
    assert [line for line in tree if line] == [
        f", {folder / 'library'}:",
        "  Ann/",
        "    Blue/",
        "      01 Red.wav",
        "      02 Green.wav",
        "    Pink/",
        "      01 Black.wav",
    ]


def test_a_library_that_is_not_kept_is_said_to_be_temporary() -> None:
    """Behind its tree, with the option that keeps it; before, each piece of the music was named as it came."""
    ended = tonearm("demo", "--once")

    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert "temporary" in lines[-1]
    assert "--folder DIR" in lines[-1]
    assert [line for line in lines if line.startswith("  7 of 7: ")]


def test_the_demo_says_how_it_can_be_called_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name where that leads to it, else by its path, from the working directory where that is above it."""
    programs = tmp_path / "my clone" / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "tonearm").touch(mode=0o755)
    monkeypatch.setattr("sys.executable", str(programs / "python"))

    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.chdir(tmp_path / "my clone")
    assert demo.called() == ".venv/bin/tonearm"
    monkeypatch.chdir("/")
    assert "tonearm" in demo.called()
    monkeypatch.setenv("PATH", str(programs))
    assert demo.called() == "tonearm"
    (programs / "tonearm").unlink()
    assert demo.called().endswith("/python' -m tonearm")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_demo_goes_on_until_a_signal_and_takes_its_children_with_it(
    folder: Path, number: signal.Signals, code: int
) -> None:
    """The server answers until then, and nothing answers afterwards."""
    with started("demo", "--json", "--folder", str(folder)) as process:
        begin = first_document(process)
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["event"] != "library":
            pass
        assert process.stderr is not None
        process.stderr.readline()
        assert answers(begin["server"])
        process.send_signal(number)
        _, err = process.communicate(timeout=60)

    assert process.returncode == code, err
    assert not answers(begin["server"])
    assert not answers(begin["catalog"])


def test_a_demo_that_cannot_start_says_why(folder: Path) -> None:
    """The end of the server's log is the reason, and the exit code is that of a set-up error."""
    (folder / "queue.db").write_bytes(b"this is no database" * 100)

    ended = tonearm("demo", "--once", "--folder", str(folder))

    assert ended.code == 4
    assert "The server ended with exit code 4" in ended.err
    assert "queue.db" in ended.err
