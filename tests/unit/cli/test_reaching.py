"""Commands at a queue whose server does not do what they ask: each ends with words that are true, and helps on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.contract.steps import submit_track
from tests.unit.cli.conftest import Run, on

from tonearm.ops import hatch

COMMANDS = [("backup", "new.db"), ("export", "jobs.jsonl"), ("prune",)]


@contextmanager
def listening(database: Path) -> Iterator[socket.socket]:
    """What listens in the place of a server, for one command."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(hatch.place_of(database)))
        server.listen(0)
        yield server


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_server_that_is_there_and_silent_is_not_to_be_started(
    tonearm: Run, here: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], *, full: bool
) -> None:
    """It is stopped by a signal, say. A second one could not have the queue, and these commands ask no other."""
    monkeypatch.setattr(hatch, "STILL_S", 0.1)
    on(here, submit_track)
    with listening(here), socket.socket(socket.AF_UNIX) as first:
        if full:
            first.connect(str(hatch.place_of(here)))
        ended = tonearm(*command)
        told = tonearm(*command, "--json")

    assert ended.code == 3
    assert "tonearm serve" not in ended.err
    assert "--server" not in ended.err
    assert "does not answer" in ended.err
    assert "stop it" in ended.err
    assert told.documents[0]["code"] == "SERVER_UNREACHABLE"


def test_a_server_that_ends_meanwhile_need_not_be_started(tonearm: Run, here: Path) -> None:
    """The command does it itself when it is said again."""
    on(here, submit_track)
    with listening(here) as server:

        def end() -> None:
            server.accept()[0].close()

        ending = threading.Thread(target=end)
        ending.start()
        ended = tonearm("backup", "new.db")
        ending.join()

    assert ended.code == 3
    assert "tonearm serve" not in ended.err
    assert "--server" not in ended.err
    assert "Try again" in ended.err
    assert tonearm("backup", "new.db").code == 0
