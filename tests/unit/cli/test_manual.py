"""The man page: made from the commands, complete, and taken by what shows it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.support.programs import find
from tests.unit.cli.test_help import COMMANDS

from tonearm.cli import manual
from tonearm.cli.exits import ExitCode
from tonearm.settings import FIELDS

FILE = Path(__file__).parents[3] / "deploy" / "tonearm.1"


@pytest.fixture(scope="module")
def shown() -> str:
    """The page as it is read, in one line; what is wrong with it is said on stderr."""
    ended = subprocess.run(
        [find("groff"), "-man", "-Tascii", "-P-cbou", "-ww", str(FILE)], capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    return " ".join(ended.stdout.replace("-\n", "-").split())


def test_the_page_of_the_repository_is_the_one_of_the_code() -> None:
    """After a change: python -m tonearm.cli.manual > deploy/tonearm.1."""
    assert FILE.read_text("utf-8") == manual.page()


def test_every_command_setting_and_exit_code_is_on_the_page(shown: str) -> None:
    """By the words that people look for."""
    assert [words for command in COMMANDS if (words := f"tonearm {' '.join(command)} [OPTIONS]") not in shown] == []
    assert [name for name in FIELDS if name not in shown] == []
    assert [code for code in ExitCode if f"{code.value} {code.meaning[:20]}" not in shown] == []


@pytest.mark.parametrize(
    "words",
    ["--config FILE", "--api-key KEY", "--quality LOW|HIGH|LOSSLESS", "--no-worker", "SIGHUP", "TONEARM_CONFIG"],
)
def test_options_files_and_signals_are_told(shown: str, words: str) -> None:
    """Dashes are those that people type."""
    assert words in shown


@pytest.mark.parametrize("text", [".TH x", "'x", "\\fBx", 'a "b" `c` ~^', "--x"])
def test_no_text_is_taken_for_a_request(text: str) -> None:
    """It is shown as it stands."""
    page = f".TH X 1\n.SH X\n{manual._text(text)}\n"
    ended = subprocess.run(
        [find("groff"), "-man", "-Tascii", "-P-cbou", "-ww"], input=page, capture_output=True, text=True, check=True
    )

    assert (ended.stderr, text in ended.stdout) == ("", True)
