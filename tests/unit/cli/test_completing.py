"""Completion: what the shells offer, and that they take the scripts that we print for them."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import JOB_ID, Play, Stage, job


def offered(tonearm: Run, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """What bash is told to offer behind *line*, whose last word is not finished."""
    monkeypatch.setenv("_TONEARM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    return tonearm().out.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tonearm wor", ["workers", "worker"]),
        ("tonearm keys ", ["create", "list", "revoke"]),
        ("tonearm list --stat", ["--status"]),
        ("tonearm list --status c", ["completed", "cancelled"]),
        ("tonearm add ", ["track", "album"]),
        ("tonearm add track 5 --quality L", ["LOW", "LOSSLESS"]),
        ("tonearm add track 5 -q lo", ["low", "lossless"]),
        ("tonearm clear f", ["failed"]),
        ("tonearm keys create ann --scope ", ["read", "submit", "control", "admin"]),
        ("tonearm serve --max-c", ["--max-concurrent"]),
        ("tonearm worker --redis-u", ["--redis-url"]),
        ("tonearm --json li", ["list"]),
        ("tonearm add album -5 7", []),
    ],
)
def test_commands_options_and_words_are_offered(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch, line: str, words: list[str]
) -> None:
    """The settings too, behind the commands that take them; and what would be refused is no error yet."""
    assert offered(tonearm, monkeypatch, line) == words


def test_jobs_of_the_server_are_offered_and_nothing_where_there_is_none(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    """A server that is away is no error in the middle of a line."""
    stage.plays(Play(200, {"success": True, "jobs": [job(), job(id="other-1")], "count": 2}))
    monkeypatch.setenv("PORT", stage.url.rpartition(":")[2])
    assert offered(tonearm, monkeypatch, "tonearm show job") == [JOB_ID]

    monkeypatch.setenv("PORT", "1")
    assert offered(tonearm, monkeypatch, "tonearm cancel job") == []
    monkeypatch.setenv("PORT", "http")
    assert offered(tonearm, monkeypatch, "tonearm cancel job") == []


def test_the_script_for_each_shell_calls_us(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--show-completion` prints the one of the shell that it runs in; bash takes its own."""
    scripts = {}
    for shell in ("bash", "zsh", "fish"):
        monkeypatch.setenv("_TONEARM_COMPLETE", f"source_{shell}")
        scripts[shell] = tonearm().out
        assert f"complete_{shell}" in scripts[shell]

    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n"], input=scripts["bash"], text=True, check=True, timeout=60)
