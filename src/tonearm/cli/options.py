"""Options: what several commands take, each declared once, and the client that they make."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from tonearm import settingsfile
from tonearm.cli.address import default_server
from tonearm.cli.completing import among, jobs
from tonearm.client import Client, ServerAddress, authorization
from tonearm.model import JOB_ID, JobType

Word = TypeVar("Word", bound=StrEnum)

SEE_LIST = "See which jobs there are, and where they stand: tonearm list"
"""What a command advises that was given a job that does not exist, or not in this state."""


def choice(words: type[Word]) -> Callable[[str], Word]:
    """A parser for one of *words*, in any case, that refuses in the words of the server."""

    def parse(text: str) -> Word:
        for word in words:
            if text.casefold() == word.casefold():
                return word
        raise typer.BadParameter(f"'{text}' must be one of {', '.join(words)}")

    return parse


def one_of(words: type[StrEnum], *names: str, says: str, metavar: str | None = None) -> Any:
    """An option, called by *names*, for one of *words*, which the shell offers; *metavar* if not all of them."""
    shown = metavar or "|".join(words)
    return typer.Option(*names, metavar=shown, parser=choice(words), autocompletion=among(words), help=says)


def whole(least: int, most: int) -> Callable[[str], int]:
    """A parser for a whole number in a range, that refuses in the words of the server."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise typer.BadParameter(f"'{text}' must be a whole number from {least} to {most}")
        return number

    return parse


def _check_job(text: str) -> str:
    if not JOB_ID.fullmatch(text):
        raise typer.BadParameter(f"'{text}' is no job id; one looks like job-1763900000000-k3v9x0q2ab")
    return text


def _check_jobs(texts: list[str]) -> list[str]:
    return [_check_job(text) for text in texts]


def _check_server(value: str | None) -> str | None:
    if value is not None:
        try:
            ServerAddress.parse(value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return value


def _check_key(value: str | None) -> str | None:
    try:
        authorization(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return value


def _name_settings_file(value: str | None) -> None:
    """Whoever reads the settings finds the file by the environment, the processes that this one starts as well."""
    if value:
        os.environ[settingsfile.NAMED_BY] = value


Json = Annotated[bool, typer.Option("--json", help="Print JSON, one document a line, and nothing else.")]

OfType = Annotated[JobType | None, one_of(JobType, "--type", says="Only tracks or only albums.")]

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="The server to talk to; by default the one that HOST, PORT and BASE_PATH describe.",
        callback=_check_server,
    ),
]

ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        metavar="KEY",
        envvar="TONEARM_API_KEY",
        help="The key that the server asks for; others on this machine see it here, and not in the environment.",
        callback=_check_key,
    ),
]

ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help=f"The settings file, instead of {settingsfile.NAMED_BY} and the usual places.",
        callback=_name_settings_file,
    ),
]

JobId = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="The id of a job, as `add` and `list` show it.", callback=_check_job, autocompletion=jobs
    ),
]

JobIds = Annotated[
    list[str],
    typer.Argument(
        metavar="JOB", help="Ids of jobs, as `add` and `list` show them.", callback=_check_jobs, autocompletion=jobs
    ),
]


@dataclass(slots=True)
class Chosen:
    """What was said before the name of the command, and holds for whichever it is."""

    api_key: str | None = field(default=None, repr=False)


chosen = Chosen()


def connect(server: str | None) -> Client:
    """A client of the server that was named, or of the one that the settings describe, with the key of the command.

    Raises:
        SetupError: a setting is wrong, or does not say where the server is.
    """
    return Client(server or default_server(), api_key=chosen.api_key, patience=0)
