"""`tonearm serve`, `worker` and `config`: the commands that read the settings.

Every setting is an option of `serve` and `worker`, made from its declaration: `QUEUE_MAX_CONCURRENT` is
`--max-concurrent`. A value given there wins over the environment.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
import typer.main
from pydantic.fields import FieldInfo
from typer.core import TyperCommand

from tonearm import settingsfile
from tonearm.cli.exits import EPILOG
from tonearm.cli.options import ConfigFile, Json
from tonearm.cli.terminal import out
from tonearm.errors import SetupError
from tonearm.settings import ATTRIBUTES, FIELDS, Settings, effective, load
from tonearm.settings.showing import default_of, kind_of

Reload = Annotated[bool, typer.Option("--reload", help="Start anew when a source file changes, for development.")]

NOT_SHARED = (
    "A worker alone needs a queue that processes share, one in Redis: set REDIS_URL, and not REDIS_DISABLED.\n"
    "The queue in a file of SQLite belongs to one process, which does everything: tonearm serve"
)

NoWorker = Annotated[bool, typer.Option("--no-worker", help="Answer requests only, and download nothing.")]

InsecureOpen = Annotated[
    bool,
    typer.Option("--insecure-open", help="Let everybody in who reaches the server, as long as there are no keys."),
]


def serve() -> typer.Typer:
    """`tonearm serve` with an option for every setting."""
    text = "Run the server: the API and a worker, in one process. Every setting can be given here and wins."
    return _command(
        _serve, {"reload": Reload, "no_worker": NoWorker, "insecure_open": InsecureOpen, "json": Json}, text
    )


def work() -> typer.Typer:
    """`tonearm worker` with an option for every setting."""
    text = "Run a worker alone, on a queue in Redis (REDIS_URL). Every setting can be given here and wins."
    return _command(_work, {"json": Json}, text)


BY_NAME = {"serve": serve, "worker": work}
"""What makes each of the commands that have the settings as options."""


def made(command: Callable[[], typer.Typer]) -> TyperCommand:
    """Such a command with all its options, to look at."""
    command_line = typer.main.get_command(command())
    assert isinstance(command_line, TyperCommand)
    return command_line


def _command(run: Any, own: dict[str, Any], text: str) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    help_names = {"help_option_names": ["-h", "--help"]}
    app.command(epilog=EPILOG, help=text, context_settings=help_names)(_with_settings(run, own))
    return app


def print_settings() -> None:
    """Print the effective settings.

    Raises:
        SetupError: a setting is wrong.
    """
    settings = load()
    for setting in effective(settings):
        out.document(setting._asdict())
        unit = f" {setting.unit}" if setting.unit and setting.value else ""
        note = "" if setting.reload else ", restart"
        out.line(f"{setting.name}={setting.value}{unit}  ({setting.source}{note})")
    looked_for = ", ".join(map(str, settingsfile.places()))
    out.note(f"Settings file: {settings.origin.file or f'none; looked for {looked_for}'}")
    for warning in settings.origin.warnings:
        out.note(f"Warning: {warning}")


def _serve(settings: dict[str, str], *, reload: bool, no_worker: bool, insecure_open: bool, json: bool) -> None:
    checked = _checked(settings, json=json, works=not no_worker)
    from tonearm.cli.serve import serve  # noqa: PLC0415 - loads the whole server, in vain if a setting is wrong

    raise typer.Exit(serve(checked, reload=reload, worker=not no_worker, insecure_open=insecure_open))


def _work(settings: dict[str, str], *, json: bool) -> None:
    checked = _checked(settings, json=json, works=True, shares=True)
    from tonearm.cli.serve import work  # noqa: PLC0415 - as above

    raise typer.Exit(work(checked))


def _checked(settings: dict[str, str], *, json: bool, works: bool, shares: bool = False) -> Settings:
    """The settings, with what can be seen to be missing before anything is loaded.

    Raises:
        SetupError: a setting is wrong or missing for a process that *works*, or *shares* its queue.
    """
    out.json = json
    if json:
        settings.setdefault("LOG_FORMAT", "json")
    checked = load(settings)
    if shares and checked.shared_queue() is None:
        raise SetupError(NOT_SHARED)
    if works:
        checked.catalog_url()
    return checked


def _with_settings(run: Any, own: dict[str, Any]) -> Any:
    """A function of *own* options and one option a setting; *run* gets those that were given, by name."""

    def command(**given: Any) -> None:
        settings = {name: given[key] for name, key in ATTRIBUTES.items() if given[key] is not None}
        run(settings, **{name: given[name] for name in own})

    parameters = [_parameter(name, kind, default=False) for name, kind in own.items()]
    parameters += [_parameter("config", ConfigFile, default=None)]  # its callback names the file before it is read
    parameters += [_parameter(ATTRIBUTES[name], _option(name, field), default=None) for name, field in FIELDS.items()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect.signature
    return command


def _parameter(name: str, kind: Any, *, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _option(name: str, field: FieldInfo) -> Any:
    flag = "--" + ATTRIBUTES[name].replace("_", "-")
    default = default_of(field)
    note = f" [{name}{', default: ' + default if default else ''}]"
    unit = kind_of(field).unit.upper() or "VALUE"
    return Annotated[str | None, typer.Option(flag, metavar=unit, help=(field.description or "") + note)]
