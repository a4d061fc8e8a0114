"""The web servers that people have, each serving one folder on a free port of 127.0.0.1.

    with web_server("caddy") as web:
        (web.root / "song.flac").write_bytes(...)
        ... fetch f"{web.url}/song.flac" ...

They run as foreground children with nothing of their Debian configuration. Four of them know ranges and give strong
tags (Apache only to files that are more than a second old); Python's own knows neither. An nginx with a log to look at
is in `tests.support.nginx`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.nginx import nginx
from tests.support.programs import find
from tests.support.server import free_port

START_S = 20.0
"""Seconds that a server has until it takes connections."""


@dataclass(frozen=True, slots=True)
class Web:
    """A running server: its base URL without a slash at the end, and the folder that it serves."""

    url: str
    root: Path


Command = Callable[[Path, int], Sequence[str | Path]]
"""Writes what the server needs into its folder, which has `root` in it; the command that serves on this port."""


def _caddy(folder: Path, port: int) -> Sequence[str | Path]:
    configuration = folder / "Caddyfile"
    configuration.write_text(
        f"""
        {{
            admin off
            auto_https off
        }}
        http://127.0.0.1:{port} {{
            bind 127.0.0.1
            root * {folder}/root
            file_server
        }}
        """
    )
    return [find("caddy"), "run", "--config", configuration, "--adapter", "caddyfile"]


def _lighttpd(folder: Path, port: int) -> Sequence[str | Path]:
    configuration = folder / "lighttpd.conf"
    configuration.write_text(
        f"""
        server.document-root = "{folder}/root"
        server.bind = "127.0.0.1"
        server.port = {port}
        mimetype.assign = ( ".flac" => "audio/flac" )
        """  # to files of no known type it gives no tag
    )
    return [find("lighttpd"), "-D", "-f", configuration]


def _apache(folder: Path, port: int) -> Sequence[str | Path]:
    configuration = folder / "apache.conf"
    configuration.write_text(
        f"""
        LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
        LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
        User nobody
        Group nogroup
        ServerName 127.0.0.1
        Listen 127.0.0.1:{port}
        DefaultRuntimeDir {folder}
        PidFile {folder}/apache.pid
        ErrorLog {folder}/log
        DocumentRoot {folder}/root
        """
    )
    return [find("apache2"), "-f", configuration, "-DFOREGROUND"]


def _python(folder: Path, port: int) -> Sequence[str | Path]:
    return [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", folder / "root"]


_COMMANDS: dict[str, Command] = {"caddy": _caddy, "lighttpd": _lighttpd, "apache": _apache, "python": _python}

WITH_RANGES = ("nginx", "caddy", "lighttpd", "apache")
WITHOUT_RANGES = ("python",)


@contextmanager
def web_server(name: str) -> Iterator[Web]:
    """Run one of `WITH_RANGES` and `WITHOUT_RANGES` with an empty root."""
    # Not below pytest's folder, which is closed to the user that Apache changes to.
    with tempfile.TemporaryDirectory(prefix="tonearm-web-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        if name == "nginx":
            with nginx(folder / "nginx") as web:
                yield Web(web.url, web.root)
            return
        (folder / "root").mkdir()
        port = free_port()
        with running(_COMMANDS[name](folder, port), folder, port):
            yield Web(f"http://127.0.0.1:{port}", folder / "root")


@contextmanager
def running(command: Sequence[str | Path], folder: Path, port: int) -> Iterator[None]:
    """Run a server until the block ends, which begins once the port takes connections; its log lies in *folder*.

    Raises:
        RuntimeError: it does not come to that; with its log.
    """
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        end = time.monotonic() + START_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text('utf-8', 'replace')}")
            time.sleep(0.01)  # a pause between two looks
        yield
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
