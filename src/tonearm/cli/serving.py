"""`tonearm serve`, `worker` and `config`: the commands that read the settings.

Every setting is an option of `serve`, made from its declaration: `QUEUE_MAX_CONCURRENT` is `--max-concurrent`. A value
given there wins over the environment.
"""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from tonearm.cli.exits import EPILOG
from tonearm.cli.options import Json
from tonearm.cli.terminal import out
from tonearm.errors import SetupError
from tonearm.settings import ATTRIBUTES, FIELDS, WITHOUT_EFFECT_YET, effective, load
from tonearm.settings.showing import kind_of, shown
from tonearm.store.opening import check_queue

Reload = Annotated[bool, typer.Option("--reload", help="Start anew when a source file changes, for development.")]

NoWorker = Annotated[bool, typer.Option("--no-worker", help="Answer requests only, and download nothing.")]


def command() -> typer.Typer:
    """`tonearm serve` with an option for every setting."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})(_with_settings(_serve))
    return app


def work() -> int:
    """Run a worker alone.

    Raises:
        SetupError: always, in this version: the queue is in SQLite, and one process owns that.
    """
    load()
    raise SetupError(
        "This version has no Redis yet, and a worker alone needs a queue there, with or without REDIS_URL.\n"
        "One process does everything, with REDIS_URL unset: tonearm serve"
    )


def print_settings() -> None:
    """Print the effective settings.

    Raises:
        SetupError: a setting is wrong.
    """
    for setting in effective(load()):
        out.document(setting._asdict())
        unit = f" {setting.unit}" if setting.unit and setting.value else ""
        note = "" if setting.used else ", no effect yet"
        out.line(f"{setting.name}={setting.value}{unit}  ({setting.source}{note})")


def _serve(settings: dict[str, str], *, reload: bool, no_worker: bool, json: bool) -> None:
    out.json = json
    if json:
        settings.setdefault("LOG_FORMAT", "json")
    checked = load(settings)
    check_queue(checked)
    if not no_worker:
        checked.catalog_url()
    from tonearm.cli.serve import serve  # noqa: PLC0415 - loads the whole server, in vain if a setting is wrong

    raise typer.Exit(serve(checked, reload=reload, worker=not no_worker))


def _with_settings(run: Any) -> Any:
    """A function of *run*'s own options and one option a setting; *run* gets those that were given, by name."""
    own = {"reload": Reload, "no_worker": NoWorker, "json": Json}

    def command(**given: Any) -> None:
        """Run the server: the API and a worker, in one process. Every setting can be given here and wins."""
        settings = {name: given[key] for name, key in ATTRIBUTES.items() if given[key] is not None}
        run(settings, **{name: given[name] for name in own})

    parameters = [_parameter(name, kind, default=False) for name, kind in own.items()]
    parameters += [_parameter(ATTRIBUTES[name], _option(name, field), default=None) for name, field in FIELDS.items()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect.signature
    return command


def _parameter(name: str, kind: Any, *, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _option(name: str, field: FieldInfo) -> Any:
    flag = "--" + ATTRIBUTES[name].replace("_", "-")
    extra = field.json_schema_extra
    default = str(extra["shown"]) if isinstance(extra, dict) else shown(field.default)
    effect = ", no effect yet" if name in WITHOUT_EFFECT_YET else ""
    note = f" [{name}{', default: ' + default if default else ''}{effect}]"
    unit = kind_of(field).unit.upper() or "VALUE"
    return Annotated[str | None, typer.Option(flag, metavar=unit, help=(field.description or "") + note)]
