"""Rereading the settings of a process: who is told, of what, and when nobody is."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tonearm.cli.rereading import Rereading
from tonearm.settings import load


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file."""
    path = tmp_path / "own.toml"
    path.write_text("QUEUE_MAX_SIZE = 1\n", "utf-8")
    monkeypatch.setenv("TONEARM_CONFIG", str(path))
    return path


def test_parts_are_told_when_the_settings_hold_and_not_when_they_are_wrong(file: Path) -> None:
    """They read the same object as ever; what was taken before a mistake stays."""
    settings = load()
    rereading, seen = Rereading(settings), list[int]()
    rereading.tell(lambda: seen.append(settings.max_size))
    for text in ("QUEUE_MAX_SIZE = 2\n", "QUEUE_MAX_SIZE = 0\n", "QUEUE_MAX_SIZE = \n", "QUEUE_MAX_SIZE = 3\n"):
        file.write_text(text, "utf-8")
        rereading.now()
    file.unlink()
    rereading.now()

    assert seen == [2, 3]
    assert settings.max_size == 3


def test_a_secret_that_everybody_can_read_is_warned_of_at_the_start_and_at_a_reload(file: Path) -> None:
    """By its name, and never by its value, which no line about a change has either."""
    file.chmod(0o644)
    with capture_logs() as lines:
        rereading = Rereading(load())
        file.write_text("INTERNAL_API_TOKEN = 'hunter2'\n", "utf-8")
        rereading.now()
        Rereading(load())

    warned = [line["event"] for line in lines if "can read INTERNAL_API_TOKEN" in line["event"]]
    assert len(warned) == 2
    assert "hunter2" not in str(lines)


def test_the_path_of_a_new_webhook_is_not_told(file: Path) -> None:
    """It counts from the next start on, so the log does not know it for a secret yet."""
    rereading = Rereading(load())
    file.write_text("QUEUE_WEBHOOK_URLS = ['https://a.example/hunter2']\n", "utf-8")
    with capture_logs() as lines:
        rereading.now()

    assert lines[-1]["needs_restart"] == ["QUEUE_WEBHOOK_URLS: not set -> https://a.example/***"]
