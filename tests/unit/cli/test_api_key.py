"""The key of the command line: from the environment or the option, and never shown."""

from __future__ import annotations

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import Play, Stage, figures

KEY = "tk_0123456789abcdef"
NO_JOBS = {"success": True, "jobs": [], "count": 0}


def test_the_key_of_the_environment_is_sent(tonearm: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """TONEARM_API_KEY holds for every command that talks to a server."""
    monkeypatch.setenv("TONEARM_API_KEY", KEY)
    stage.plays(Play(200, NO_JOBS | figures()))

    tonearm("list", "--server", stage.url)

    assert {heard.headers.get("Authorization") for heard in stage.heard} == {f"Bearer {KEY}"}


def test_the_option_wins_over_the_environment(tonearm: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said last is meant."""
    monkeypatch.setenv("TONEARM_API_KEY", "other")
    stage.plays(Play(200, NO_JOBS | figures()))

    tonearm("--api-key", KEY, "list", "--server", stage.url)

    assert {heard.headers.get("Authorization") for heard in stage.heard} == {f"Bearer {KEY}"}


def test_a_broken_key_is_refused_without_being_shown(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither output nor error holds it."""
    monkeypatch.setenv("TONEARM_API_KEY", "se cret")

    ended = tonearm("list")

    assert ended.code == 2
    assert "se cret" not in ended.out + ended.err
    assert "an API key is made of" in ended.err
