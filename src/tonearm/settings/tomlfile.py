"""The settings file: TOML, with the names of the environment as its keys, and with its own numbers, booleans and lists.

Where the file stands is found out by `tonearm.settingsfile`; whether a value is allowed, by the settings.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tonearm.errors import SetupError


def read(file: Path) -> dict[str, Any]:
    """What is set in *file*, by name; an empty text counts as not set.

    Raises:
        SetupError: it cannot be read, or is no TOML; says why, and in which line.
    """
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"The settings file {file} is no TOML: {error}") from error
    except (OSError, UnicodeError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else "it is not UTF-8"
        raise SetupError(f"The settings file {file} cannot be read: {reason}") from error
    return {name: value for name, value in values.items() if value != ""}
