"""Where the server is, for a command that was not told: what the settings say it listens on.

Where no setting touches the address, the defaults are known without reading the settings: that saves a third of a
second at every command.
"""

from __future__ import annotations

import os
from pathlib import Path

from tonearm import settingsfile
from tonearm.errors import SetupError

DEFAULT = "http://127.0.0.1:8080"

NAMES = ("HOST", "PORT", "BASE_PATH", "TLS_CERT", "UNIX_SOCKET")
"""The settings that say where a server listens."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}  # noqa: S104 - read, not listened on


def _has_file() -> bool:
    return settingsfile.is_there(Path(".env")) or settingsfile.find() is not None


def default_server() -> str:
    """The base URL of the server that the settings describe, reached from this machine.

    Raises:
        SetupError: a setting is wrong, or leaves the port to chance.
    """
    if not any(os.environ.get(name) for name in NAMES) and not _has_file():
        return DEFAULT
    from tonearm.settings import load  # noqa: PLC0415 - takes longer than the rest of a command

    settings = load()
    if settings.unix_socket is not None:
        raise SetupError(
            "The settings name a unix socket (UNIX_SOCKET); name the server with --server http://host:port"
        )
    if settings.port == 0:
        raise SetupError("PORT=0 leaves the port to the system; name the server with --server http://host:port")
    host = _EVERYWHERE.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{host}:{settings.port}{settings.base_path}"
