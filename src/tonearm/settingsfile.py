"""The settings file: where the one of this process stands.

Beside `tonearm.settings`, and not in it, because the commands that talk to a server ask for it and start without the
settings, which load slowly. What stands in the file is read there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from platformdirs import user_config_path

NAMED_BY = "TONEARM_CONFIG"
"""The variable of the environment that names the file; `--config` sets it."""

NAME = "tonearm.toml"


def places() -> tuple[Path, ...]:
    """Where the file is looked for when nobody names one; the first that is there is read, and no other."""
    users: tuple[Path, ...] = ()
    with suppress(RuntimeError):  # such a user has no home: an id without a name, and no HOME
        users = (user_config_path("tonearm") / NAME,)
    return (Path(NAME), *users, Path("/etc/tonearm") / NAME)


def find() -> Path | None:
    """The settings file of this process; None: there is none. One that was named is not looked for elsewhere."""
    named = os.environ.get(NAMED_BY)
    if named:
        with suppress(RuntimeError):  # a home that nobody knows: such a file is not there
            return Path(named).expanduser()
        return Path(named)
    return next((place for place in places() if is_there(place)), None)


def is_there(path: Path) -> bool:
    """Whether this user finds a file there. Where he may not look, as in a working folder that is closed, is none."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises where we may not look


def closed() -> Path | None:
    """A folder of settings that this user may not look into; None where a file is found, for no other is read."""
    if find() is not None:
        return None
    folders = (place.parent for place in places())
    return next((folder for folder in folders if _is_closed(folder)), None)


def _is_closed(folder: Path) -> bool:
    """Whether it is known to be there, and closed; not of one below or at a working folder that is closed itself."""
    return os.path.isdir(folder) and not os.access(folder, os.X_OK)  # noqa: PTH112 - False where we may not look
