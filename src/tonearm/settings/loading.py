"""Loading: the settings of this run from defaults < `.env` < environment < flags, or all that is wrong with them."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from tonearm.errors import SetupError
from tonearm.settings.fields import FIELDS, Settings
from tonearm.settings.redisaddress import WrongAddress
from tonearm.settings.showing import MASK, kind_of, secret, shown

_CLOSE = 0.75
"""How alike a wrong name and the one that is suggested are at least; 1 is the same."""


def _bare(name: str) -> str:
    """A name without the prefix, which nearly all share."""
    return name.removeprefix("QUEUE_")


_BARE = {_bare(name): name for name in FIELDS}


def load(flags: Mapping[str, str] = MappingProxyType({}), env_file: Path = Path(".env")) -> Settings:
    """Build the settings; *flags* go by the names of the environment, such as `PORT`.

    An empty value in the file or in the environment counts as not set.

    Raises:
        SetupError: names every unknown `QUEUE_…` name and every wrong value, each on its own line.
    """
    file = _read(env_file)
    layers: dict[str, Mapping[str, Any]] = {
        ".env": file(),
        "environment": EnvSettingsSource(Settings)(),
        "flag": flags,
    }
    problems = [*_unknown(".env", file.env_vars), *_unknown("environment", os.environ), *_unknown("flag", flags)]
    values = {name: value for layer in layers.values() for name, value in layer.items() if name in FIELDS}
    sources = {name: source for source, layer in layers.items() for name in layer if name in FIELDS}
    try:
        settings = Settings(MappingProxyType(sources), **values)
    except ValidationError as wrong:
        problems += _explain(wrong, values, sources)
    if problems:
        raise SetupError("These settings are wrong:\n" + "\n".join(f"  {problem}" for problem in problems))
    return settings


def _read(env_file: Path) -> DotEnvSettingsSource:
    try:
        return DotEnvSettingsSource(Settings, env_file=env_file, env_file_encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise SetupError(f"The settings file {env_file} cannot be read: {error}") from error


def _unknown(source: str, names: Mapping[str, Any]) -> Iterator[str]:
    """In a flag every unknown name is wrong; elsewhere only those that look like ours."""
    for name in names:
        if name not in FIELDS and (source == "flag" or name.startswith("QUEUE_")):
            close = difflib.get_close_matches(_bare(name.upper()), _BARE, n=1, cutoff=_CLOSE)
            yield f"{name} ({source}): unknown name" + (f"; did you mean {_BARE[close[0]]}?" if close else "")


def _explain(wrong: ValidationError, values: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[str]:
    """One line a name; a default that could not be made because another value is wrong is not told."""
    told = set[str]()
    for error in wrong.errors():
        name = str(error["loc"][0])
        if name not in values or name in told:
            continue
        told.add(name)
        value = MASK if secret(FIELDS[name], values[name]) else shown(values[name])
        cause = error.get("ctx", {}).get("error")
        reason = f"; {cause}" if isinstance(cause, WrongAddress) else ""
        yield f"{name}={value} ({sources[name]}): must be {kind_of(FIELDS[name]).allowed}{reason}"
