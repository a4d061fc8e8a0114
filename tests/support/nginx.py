"""A real nginx on a free port of 127.0.0.1, for one test.

    with nginx(tmp_path / "web", "location /slow/ { limit_rate 100k; }") as web:
        (web.root / "song.flac").write_bytes(...)
        ... fetch f"{web.url}/song.flac" ...
        assert [seen.status for seen in web.requests(1)] == [200]

The text is put inside the `server { }` block, whose root is `web.root`. The port is bound here and handed to nginx as
an open socket, so it cannot be taken by another and nobody has to wait for the start. It works from tests with or
without a loop, and from benchmarks; `requests` blocks for the log only while the lines are not there yet.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import find
from tests.support.tls import Certificate

_CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    log_format seen escape=json '{{"method":"$request_method","target":"$request_uri","status":$status,'
        '"body_bytes":$body_bytes_sent,"range":"$http_range","connection":$connection,'
        '"completed":"$request_completion"}}';
    access_log {folder}/access.log seen;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    {http}
    server {{
        listen 127.0.0.1:{port}{tls};
        root {root};
        {server}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the access log; *connection* numbers them, *completed* is false where the other side went away."""

    method: str
    target: str
    status: int
    body_bytes: int
    range: str
    connection: int
    completed: bool


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running server: its base URL without a slash at the end, and the folder that it serves."""

    url: str
    port: int
    root: Path
    folder: Path

    def requests(self, count: int = 0, *, within_s: float = 10.0) -> list[Seen]:
        """Read the access log, once at least *count* requests stand in it (a line is written when a request ends).

        Raises:
            TimeoutError: they did not come within *within_s* seconds.
        """
        end = time.monotonic() + within_s
        while len(lines := self._log().splitlines()) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"nginx saw {len(lines)} requests, not {count}")
            time.sleep(0.005)
        return [_seen(line) for line in lines]

    def _log(self) -> str:
        path = self.folder / "access.log"
        return path.read_text("utf-8") if path.exists() else ""


@contextmanager
def nginx(folder: Path, server: str = "", *, http: str = "", tls: Certificate | None = None) -> Iterator[Nginx]:
    """Run nginx in *folder* (made here), with *server* inside its server block and *http* beside that block."""
    root = folder / "root"
    root.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        if tls is not None:
            server = f"ssl_certificate {tls.certificate}; ssl_certificate_key {tls.key};\n{server}"
        text = _CONFIGURATION.format(
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder,
            root=root,
            port=port,
            tls=" ssl" if tls else "",
            http=http,
            server=server,
        )
        configuration = folder / "nginx.conf"
        configuration.write_text(text, "utf-8")
        process = subprocess.Popen(
            [find("nginx"), "-p", str(folder), "-c", str(configuration)],
            env={**os.environ, "NGINX": f"{listening.fileno()};"},
            pass_fds=[listening.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        yield Nginx(f"{'https' if tls else 'http'}://127.0.0.1:{port}", port, root, folder)
        if process.poll() is not None:
            raise RuntimeError((folder / "error.log").read_text("utf-8"))
    finally:
        process.terminate()
        process.wait(10)


def _seen(line: str) -> Seen:
    fields = json.loads(line)
    fields["completed"] = fields["completed"] == "OK"
    return Seen(**fields)
