"""Loading: the settings of this run from defaults < TOML file < `.env` < environment < flags, or all that is wrong."""

from __future__ import annotations

import difflib
import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from tonearm import settingsfile
from tonearm.errors import SetupError, WrongSettings
from tonearm.settings.fields import FIELDS, Origin, Settings
from tonearm.settings.kinds import NoHome
from tonearm.settings.redisaddress import WrongAddress
from tonearm.settings.showing import MASK, kind_of, secret, shown
from tonearm.settings.tomlfile import read

_CLOSE = 0.75
"""How alike a wrong name and the one that is suggested are at least; 1 is the same."""


def _bare(name: str) -> str:
    """A name without the prefix, which nearly all share."""
    return name.removeprefix("QUEUE_")


_BARE = {_bare(name): name for name in FIELDS}


class Layer(NamedTuple):
    """What one source says. *beside*: all names there, where other programs have some; *file*: where it stands."""

    source: str
    values: Mapping[str, Any]
    beside: Mapping[str, Any] | None = None
    file: Path | None = None


def load(flags: Mapping[str, str] = MappingProxyType({}), env_file: Path = Path(".env")) -> Settings:
    """Build the settings; *flags* go by the names of the environment, such as `PORT`.

    An empty value in a file or in the environment counts as not set.

    Raises:
        SetupError: a file cannot be read, or names are unknown or values wrong; each of them has a line of its own.
    """
    file = settingsfile.find()
    layers = [
        *_files(file, env_file),
        Layer("environment", EnvSettingsSource(Settings)(), os.environ),
        Layer("flag", flags),
    ]
    problems = [problem for layer in layers for problem in _unknown(layer)]
    values = {name: value for layer in layers for name, value in layer.values.items() if name in FIELDS}
    sources = {name: layer.source for layer in layers for name in layer.values if name in FIELDS}
    warnings = tuple(word for layer in layers for word in _exposed(layer))
    origin = Origin(flags, env_file, file, MappingProxyType(sources), warnings)
    try:
        settings = Settings(origin, **values)
    except ValidationError as wrong:
        problems += _explain(wrong, values, sources)
    if problems:
        raise WrongSettings(problems)
    return settings


def load_again(settings: Settings) -> Settings:
    """Read anew what these settings were made of; they stay as they are.

    Raises:
        SetupError: as `load`.
    """
    return load(settings.origin.flags, settings.origin.env_file)


def _files(file: Path | None, env_file: Path) -> Iterator[Layer]:
    """What the TOML file and `.env` say, as far as they are there."""
    if file is not None:
        yield Layer(str(file), read(file), file=file)
    try:
        there = env_file if settingsfile.is_there(env_file) else None
        env = DotEnvSettingsSource(Settings, env_file=there, env_file_encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise SetupError(f"The settings file {env_file} cannot be read: {error}") from error
    yield Layer(env_file.name, env(), env.env_vars, env_file)


def _exposed(layer: Layer) -> Iterator[str]:
    """A word on secrets in a file that everybody can read."""
    secrets = [name for name, value in layer.values.items() if name in FIELDS and secret(FIELDS[name], value)]
    if layer.file is not None and secrets and _read_by_all(layer.file):
        path = shlex.quote(str(layer.file))
        yield f"Every user of this machine can read {', '.join(secrets)} in {layer.file}: chmod o-r {path}"


def _read_by_all(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:  # gone since it was read
        return False


def _unknown(layer: Layer) -> Iterator[str]:
    """Where others have names too, only one that looks like ours is wrong."""
    for name in layer.values if layer.beside is None else layer.beside:
        if name not in FIELDS and (layer.beside is None or name.startswith("QUEUE_")):
            close = difflib.get_close_matches(_bare(name.upper()), _BARE, n=1, cutoff=_CLOSE)
            hint = f"; did you mean {_BARE[close[0]]}?" if close else ""
            yield f"{_on_one_line(name)} ({layer.source}): unknown name{hint}"


def _explain(wrong: ValidationError, values: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[str]:
    """One line a name; a default that could not be made because another value is wrong is not told."""
    told = set[str]()
    for error in wrong.errors():
        name = str(error["loc"][0])
        if name not in values or name in told:
            continue
        told.add(name)
        value = MASK if secret(FIELDS[name], values[name]) else _on_one_line(shown(values[name]))
        cause = error.get("ctx", {}).get("error")
        reason = f"; {cause}" if isinstance(cause, WrongAddress | NoHome) else ""
        yield f"{name}={value} ({sources[name]}): must be {kind_of(FIELDS[name]).allowed}{reason}"


def _on_one_line(text: str) -> str:
    return text if text.isprintable() else ascii(text)
