"""The proxies of `deploy/`, as they stand there, before a server of a test: only names, ports and files are ours.

    with sample_proxy("nginx", folder, certificate, port_of_tonearm) as url:
        ...

Each runs in the foreground with nothing of its Debian configuration. *edited* changes the sample first, for a test of
what the documents say that one may change.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import find
from tests.support.server import free_port
from tests.support.tls import Certificate
from tests.support.webservers import running

DEPLOY = Path(__file__).parents[2] / "deploy"
PATH = "/tonearm"
"""Below this path the samples serve."""

Edit = Callable[[str], str]

_NGINX = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/tonearm.conf;
}}
"""


def _changed(text: str, changes: dict[str, str]) -> str:
    """The text with each of these put in place; what is not in it would not be tested."""
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _nginx(folder: Path, certificate: Certificate, server: int, port: int, edited: Edit) -> list[Sequence[str | Path]]:
    sample = _changed(
        edited((DEPLOY / "nginx" / "tonearm.conf").read_text("utf-8")),
        {
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "/etc/ssl/music.example.pem": str(certificate.certificate),
            "/etc/ssl/private/music.example.key": str(certificate.key),
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{server};",
        },
    )
    (folder / "tonearm.conf").write_text(sample, "utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user=user), "utf-8")
    command: list[str | Path] = [find("nginx"), "-p", folder, "-c", folder / "nginx.conf"]
    return [[*command, "-t"], command]


def _caddy(folder: Path, certificate: Certificate, server: int, port: int, edited: Edit) -> list[Sequence[str | Path]]:
    sample = _changed(
        edited((DEPLOY / "caddy" / "Caddyfile").read_text("utf-8")),
        {
            "\nmusic.example {": f"\nhttps://127.0.0.1:{port} {{\n\tbind 127.0.0.1\n"
            f"\ttls {certificate.certificate} {certificate.key}\n",
            "127.0.0.1:8080": f"127.0.0.1:{server}",
        },
    )
    options = "{\n\tgrace_period 1s\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    (folder / "Caddyfile").write_text(options + sample, "utf-8")
    further: list[str | Path] = ["--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    return [[find("caddy"), "validate", *further], [find("caddy"), "run", *further]]


SAMPLES = {"nginx": _nginx, "caddy": _caddy}


@contextmanager
def sample_proxy(
    name: str, folder: Path, certificate: Certificate, server: int, *, edited: Edit = lambda text: text
) -> Iterator[str]:
    """Run one of `SAMPLES` before the server on port *server*; the URL of what it serves, without a slash at the end.

    Raises:
        RuntimeError: the program does not take the sample, or does not start with it.
    """
    folder.mkdir()
    port = free_port()
    check, command = SAMPLES[name](folder, certificate, server, port, edited)
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    checked = subprocess.run(check, check=False, capture_output=True, text=True, env=environment)
    if checked.returncode:
        raise RuntimeError(checked.stdout + checked.stderr)
    with running(command, folder, port):
        yield f"https://127.0.0.1:{port}{PATH}"
