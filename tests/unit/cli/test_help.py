"""Help and reference: every command, option and exit code is told, and telling it is quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import Play, Stage
from typer.core import TyperGroup

from tonearm.cli.app import app
from tonearm.cli.exits import ExitCode, code_of
from tonearm.errors import NotFound, RateLimited, ServerUnreachable, SetupError, StoreUnavailable, TonearmError
from tonearm.settings import FIELDS

REFERENCE = (Path(__file__).parents[3] / "docs" / "reference" / "commands.md").read_text("utf-8")
HEAVY = ("fastapi", "uvicorn", "mutagen", "aiohttp", "apsw", "pydantic_settings", "asyncio", "rich", "structlog")

REPORT = f"""
import json, sys
from tonearm.cli import main
try:
    main()
except SystemExit:
    pass
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)
"""


def commands(group: TyperGroup, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *before, name)
        else:
            yield (*before, name)


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, TyperGroup)
COMMANDS = list(commands(ROOT))
WITH_SETTINGS = [("serve",), ("worker",)]
"""Commands that take every setting."""


def option_of(setting: str) -> str:
    return "--" + setting.removeprefix("QUEUE_").lower().replace("_", "-")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_the_exit_codes(tonearm: Run, command: tuple[str, ...]) -> None:
    """`--help` ends with 0 and tells what the end of the command will mean."""
    ended = tonearm(*command, "--help")

    assert ended.code == 0
    assert ended.out.startswith(f"Usage: tonearm {' '.join(command)}")
    for code in ExitCode:
        assert code.meaning in ended.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_in_the_reference(tonearm: Run, command: tuple[str, ...]) -> None:
    """docs/reference/commands.md names each; settings have a page of their own."""
    options = {word.strip(",") for word in tonearm(*command, "--help").out.split() if word.startswith("--")}
    if command in WITH_SETTINGS:
        options -= {option_of(name) for name in FIELDS}

    assert f"`tonearm {' '.join(command)}" in REFERENCE
    assert [option for option in options - {"--help"} if f"`{option}" not in REFERENCE] == []


@pytest.mark.parametrize("group", ["", "catalog", "keys"])
def test_no_line_of_an_overview_is_cut_off(tonearm: Run, group: str) -> None:
    """What a command does fits beside its name on a terminal of 80 columns."""
    assert not [line for line in tonearm(*group.split(), "--help").out.splitlines()[1:] if line.endswith("...")]


def test_every_exit_code_is_in_the_reference() -> None:
    """With its meaning, in the words of the help or more of them."""
    for code in ExitCode:
        assert f"| {code.value} | {code.meaning.split(',')[0]}" in REFERENCE


@pytest.mark.parametrize("command", WITH_SETTINGS, ids=" ".join)
def test_every_setting_is_an_option(tonearm: Run, command: tuple[str, ...]) -> None:
    """Named as in the environment, in lower case, without the prefix, with dashes."""
    words = tonearm(*command, "--help").out.split()

    for name in FIELDS:
        assert option_of(name) in words


def test_a_setting_given_to_serve_is_checked_as_such(tonearm: Run) -> None:
    """A value out of range is an error that names the setting and says that it came from a flag."""
    ended = tonearm("serve", "--max-concurrent", "0")

    assert ended.code == 4
    assert "QUEUE_MAX_CONCURRENT=0 (flag)" in ended.err


@pytest.mark.parametrize("line", ["--nope", "nope", "list --nope", "serve --nope", "cancel", "add disc 1", "catalog"])
def test_what_no_command_takes_is_a_usage_error(tonearm: Run, line: str) -> None:
    """Exit code 2, and the usage."""
    ended = tonearm(*line.split())

    assert ended.code == 2
    assert "Usage: tonearm" in ended.err + ended.out


@pytest.mark.parametrize("arguments", [["--help"], ["add", "--help"], ["version"], ["list", "--server"]], ids=" ".join)
def test_commands_that_talk_to_a_server_load_none_of_its_libraries(stage: Stage, arguments: list[str]) -> None:
    """The command line starts fast, and draws with rich only on a terminal."""
    stage.plays(Play(200, {"success": True, "jobs": [], "count": 0}))
    url = [stage.url] if arguments[-1] == "--server" else []

    ended = subprocess.run(
        [sys.executable, "-c", REPORT, *arguments, *url], capture_output=True, text=True, check=True, timeout=60
    )

    assert json.loads(ended.stderr.splitlines()[-1]) == []


def test_the_default_server_is_found_without_the_settings() -> None:
    """Where no setting names it, they are not even loaded; nothing listens on this port here or the list is real."""
    report = REPORT.replace("import json, sys", "import json, sys; sys.argv = ['tonearm', 'list']")

    ended = subprocess.run(
        [sys.executable, "-c", report],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"TONEARM_CONFIG": ""},
    )

    assert json.loads(ended.stderr.splitlines()[-1]) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("job-1-a"), ExitCode.FAILED),
        (RateLimited("x", 1), ExitCode.FAILED),
        (ServerUnreachable("x"), ExitCode.UNREACHABLE),
        (StoreUnavailable("x"), ExitCode.UNREACHABLE),
        (SetupError("x"), ExitCode.SETUP),
    ],
)
def test_every_error_has_its_exit_code(error: TonearmError, code: ExitCode) -> None:
    """Who must act decides: the person, the server, or who set it up."""
    assert code_of(error) is code
