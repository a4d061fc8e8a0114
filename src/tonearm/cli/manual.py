"""The manual: `tonearm.1`, made from the commands and the settings as they are declared.

    python -m tonearm.cli.manual > deploy/tonearm.1

A test holds the file of the repository to what is made here, and the wheel carries it to where `man` looks. What stands
here besides is what no declaration says: files, signals, where to read on.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import typer.main

from tonearm import settingsfile
from tonearm.cli.app import app
from tonearm.cli.exits import ExitCode
from tonearm.cli.serving import BY_NAME, made
from tonearm.settings import ATTRIBUTES, FIELDS, RELOADABLE
from tonearm.settings.showing import default_of, kind_of

_SETTINGS = "Every setting is an option too, by its name in lower case, without QUEUE_ and with dashes; see SETTINGS."

_FILES = (
    (settingsfile.NAME, "The settings file, if it is in the current folder."),
    (f"~/.config/tonearm/{settingsfile.NAME}", "Else this one, or what stands for that folder on the system."),
    (f"/etc/tonearm/{settingsfile.NAME}", "Else this one. No other is read beside the first that is there."),
    (".env", "Settings of the current folder, which win over those of the settings file."),
)
_ENVIRONMENT = (
    ("TONEARM_API_KEY", "The key that is sent to a server which asks for one."),
    (settingsfile.NAMED_BY, "The settings file; none is looked for then."),
)
_SIGNALS = (
    ("SIGTERM, SIGINT", "Stop in good order: running transfers may finish. Said again, stop at once."),
    ("SIGHUP", "Read the settings anew. What cannot change at run time is named in the log."),
)


def page() -> str:
    """The whole manual, as man(7) has it."""
    root: Any = typer.main.get_command(app)
    return "\n".join([*_head(), *_options(root), *_commands(root), *_settings(), *_rest()]) + "\n"


def _head() -> Iterator[str]:
    yield f'.TH TONEARM 1 "" "Tonearm {version("tonearm")}" "User Commands"'
    yield ".SH NAME"
    yield r"tonearm \- a download queue for music libraries"
    yield ".SH SYNOPSIS"
    yield r"\fBtonearm\fR [\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGS\fR]..."
    yield ".SH DESCRIPTION"
    yield _text(
        "People and programs submit jobs, a track or an album by its id in a catalog. A worker downloads them, "
        "verifies them and files them in a library; everybody can watch, pause, cancel and retry. `tonearm demo` shows "
        "it at work, `tonearm serve` runs the server."
    )


def _options(root: Any) -> Iterator[str]:
    yield ".SH OPTIONS"
    yield from _entries(_records(root, "tonearm"))


def _commands(root: Any) -> Iterator[str]:
    yield ".SH COMMANDS"
    for name, command in _leaves(root, "tonearm"):
        yield f'.SS "{_text(_usage(command, name))}"'
        yield from _paragraphs(command.help)
        if _takes_settings(name):
            yield ".PP"
            yield _text(_SETTINGS)
        yield from _entries(_records(command, name))


def _settings() -> Iterator[str]:
    """Each setting: its name, its default and what is allowed, and its meaning."""
    yield ".SH SETTINGS"
    yield _text(
        "From the settings file, a file .env, the environment, or options of serve and worker; the later wins. Those "
        "with a + change at SIGHUP."
    )
    for name, field in FIELDS.items():
        default, kind = default_of(field), kind_of(field)
        unit = f", {kind.unit}" if kind.unit else ""
        yield ".TP"
        yield rf"\fB{_text(name)}\fR{' +' if name in RELOADABLE else ''}"
        yield _text(f"{field.description} {f'Default: {default}{unit}. ' if default else ''}Allowed: {kind.allowed}.")


def _rest() -> Iterator[str]:
    for title, entries in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT), ("SIGNALS", _SIGNALS)):
        yield f".SH {title}"
        yield from _entries(entries)
    yield ".SH EXIT STATUS"
    yield from _entries((str(code.value), f"{code.meaning}.") for code in ExitCode)
    yield ".SH SEE ALSO"
    yield _text("The reference of commands, settings and API is in the folder docs of the source.")


def _leaves(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it; those with settings as what they become."""
    for name, command in group.commands.items():
        words = f"{before} {name}"
        if hasattr(command, "commands"):
            yield from _leaves(command, words)
        else:
            yield words, made(BY_NAME[name]) if _takes_settings(words) else command


def _takes_settings(name: str) -> bool:
    return name.removeprefix("tonearm ") in BY_NAME


def _usage(command: Any, name: str) -> str:
    pieces = command.collect_usage_pieces(_context(command, name))
    return " ".join([name, *pieces])


def _records(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """Arguments and options with their help; settings, and the option for help, stand once for all."""
    context = _context(command, name)
    passed = {*(ATTRIBUTES.values() if _takes_settings(name) else ()), *(("help",) if name != "tonearm" else ())}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and parameter.name not in passed:
            term, meaning = record
            yield re.sub(r" <(?!str>).*>$", "", term).replace("<str>", "TEXT"), meaning


def _context(command: Any, name: str) -> Any:
    return command.context_class(command, info_name=name, **command.context_settings)


def _entries(records: Any) -> Iterator[str]:
    for term, meaning in records:
        yield ".TP"
        yield rf"\fB{_text(term)}\fR"
        yield _text(meaning) or r"\&"


def _paragraphs(text: str | None) -> Iterator[str]:
    for number, paragraph in enumerate((text or "").split("\n\n")):
        if number:
            yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _text(text: str) -> str:
    """The text as roff reads it: nothing in it is a request, and a dash is the one that is typed."""
    text = re.sub(r"\s+", " ", text.replace("\b", "")).strip()
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\(ga").replace('"', r"\(dq")
    text = text.replace("^", r"\(ha").replace("~", r"\(ti").replace("…", "...")
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    sys.stdout.write(page())
