"""How commands begin: where there is no server, with wrong settings, and with files of settings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run


def test_a_server_that_is_not_there_ends_with_3_and_the_way_out(tonearm: Run) -> None:
    """The message says how to start one; JSON says it in a code."""
    ended = tonearm("list", "--json", "--server", "http://127.0.0.1:1")

    assert ended.code == 3
    assert ended.documents[0]["code"] == "SERVER_UNREACHABLE"
    assert "tonearm serve" in ended.err


def test_a_wrong_setting_ends_with_4_and_without_a_traceback(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clear message that names the setting."""
    monkeypatch.setenv("PORT", "eighty")

    for command in ("list", "config"):
        ended = tonearm(command)
        assert ended.code == 4
        assert "PORT" in ended.err
        assert "Traceback" not in ended.err


@pytest.mark.parametrize("disabled", [False, True])
def test_a_worker_without_redis_says_why_and_what_to_do(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch, *, disabled: bool
) -> None:
    """It cannot share a file; `serve` does everything in one process. Nothing of the server is loaded for it."""
    monkeypatch.setitem(sys.modules, "tonearm.cli.serve", None)
    if disabled:
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379")
        monkeypatch.setenv("REDIS_DISABLED", "1")

    ended = tonearm("worker", "--json")

    assert ended.code == 4
    assert ended.documents[0]["code"] == "SETUP"
    assert "REDIS_URL" in ended.err
    assert "tonearm serve" in ended.err


@pytest.mark.parametrize(
    ("setting", "line", "words"),
    [
        ("", "serve", "tonearm catalog serve"),
        ("REDIS_URL", "worker", "tonearm catalog serve"),
    ],
)
def test_a_server_that_cannot_start_says_so_before_it_loads(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch, setting: str, line: str, words: str
) -> None:
    """An error of set-up is a document with `--json`, and nothing of the server is loaded for it."""
    monkeypatch.setitem(sys.modules, "tonearm.cli.serve", None)
    if setting:
        monkeypatch.setenv(setting, "redis://127.0.0.1:6379")

    ended = tonearm(*line.split(), "--json")

    assert ended.code == 4
    assert [document["code"] for document in ended.documents] == ["SETUP"]
    assert words in ended.documents[0]["error"]


def test_config_shows_value_unit_and_source_without_secrets(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for every setting."""
    monkeypatch.setenv("QUEUE_MAX_CONCURRENT", "7")
    monkeypatch.setenv("INTERNAL_API_TOKEN", "planted-secret")

    people = tonearm("config")
    machines = tonearm("config", "--json")

    assert "QUEUE_MAX_CONCURRENT=7  (environment)" in people.out.splitlines()
    assert "QUEUE_JOB_TIMEOUT_MS=30000 ms  (default)" in people.out.splitlines()
    assert "QUEUE_MAX_STREAMS=1000  (default)" in people.out.splitlines()
    assert "PORT=8080  (default, restart)" in people.out.splitlines()
    assert "planted-secret" not in people.out + machines.out
    assert {"name": "PORT", "value": "8080", "source": "default"}.items() <= {
        key: value for document in machines.documents if document["name"] == "PORT" for key, value in document.items()
    }.items()


def test_config_says_which_file_was_read(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or where one was looked for; and that everybody can read a secret in it. Before or behind the command."""
    Path("own.toml").write_text("INTERNAL_API_TOKEN = 'planted-secret'\nPORT = 81\n", "utf-8")
    Path("own.toml").chmod(0o644)
    named = tonearm("--config", "own.toml", "config")
    monkeypatch.setenv("TONEARM_CONFIG", "")
    none = tonearm("config")

    assert "PORT=81  (own.toml, restart)" in named.out.splitlines()
    assert named.err.splitlines() == [
        "Settings file: own.toml",
        "Warning: Every user of this machine can read INTERNAL_API_TOKEN in own.toml: chmod o-r own.toml",
    ]
    assert none.err.startswith("Settings file: none; looked for tonearm.toml, ")


@pytest.mark.parametrize("line", ["--config own.toml serve", "serve --config own.toml", "--config own.toml worker"])
def test_every_command_reads_the_file_that_is_named(tonearm: Run, line: str) -> None:
    """What is wrong in it is told with its name."""
    Path("own.toml").write_text("PORT = 'http'\n", "utf-8")
    ended = tonearm(*line.split())

    assert ended.code == 4
    assert "PORT=http (own.toml): must be a whole number from 0 to 65535" in ended.err


def test_version_is_one_line_or_one_document(tonearm: Run) -> None:
    """For people and for machines."""
    assert tonearm("version").out.startswith("tonearm 0.")
    assert set(tonearm("version", "--json").documents[0]) == {"tonearm", "python"}


def test_a_folder_that_is_not_there_cannot_be_served(tonearm: Run) -> None:
    """An error at once, not an empty catalog."""
    ended = tonearm("catalog", "serve", "nowhere")

    assert ended.code == 4
    assert "nowhere" in ended.err


def test_settings_that_are_closed_to_the_user_are_named_where_no_server_is_found(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may be where those say."""
    monkeypatch.setattr("tonearm.settingsfile.closed", lambda: Path("/etc/tonearm"))

    ended = tonearm("list", "--server", "http://127.0.0.1:1")

    assert ended.code == 3
    assert "The settings in /etc/tonearm, which this user may not read" in ended.err
