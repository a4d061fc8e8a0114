"""Options: what several commands take, each declared once, and the client that they make."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from tonearm.cli.address import default_server
from tonearm.client import Client, ServerAddress

Word = TypeVar("Word", bound=StrEnum)


def choice(words: type[Word]) -> Callable[[str], Word]:
    """A parser for one of *words*, in any case, that refuses in the words of the server."""

    def parse(text: str) -> Word:
        for word in words:
            if text.casefold() == word.casefold():
                return word
        raise typer.BadParameter(f"'{text}' must be one of {', '.join(words)}")

    return parse


def _check_server(value: str | None) -> str | None:
    if value is not None:
        try:
            ServerAddress.parse(value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return value


Json = Annotated[bool, typer.Option("--json", help="Print JSON, one document a line, and nothing else.")]

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="The server to talk to; by default the one that HOST, PORT and BASE_PATH describe.",
        callback=_check_server,
    ),
]

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job, as `add` and `list` show it.")]

JobIds = Annotated[list[str], typer.Argument(metavar="JOB", help="Ids of jobs, as `add` and `list` show them.")]


def connect(server: str | None) -> Client:
    """A client of the server that was named, or of the one that the settings describe.

    Raises:
        SetupError: a setting is wrong, or does not say where the server is.
    """
    return Client(server or default_server())
