"""A server that plays a script, for answers and accidents that the real one gives at no request."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JOB_ID = "job-1763900000000-k3v9x0q2ab"


@dataclass(frozen=True)
class Play:
    """One step: an answer, or a connection cut before it (*cut*) or after it without a word (*leave*).

    With *until* the answer ends after so many bytes of its body, and the connection with it; with *unmeasured* it does
    not say how long it is. With *hang* nothing comes behind the body, with *mute* nothing at all, and the connection
    stays until the client goes.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    leave: bool = False
    until: int | None = None
    unmeasured: bool = False
    hang: bool = False
    mute: bool = False


@dataclass(frozen=True)
class Heard:
    """One request as it arrived; *line*: the connection, by the client's port."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]
    line: int


class Stage:
    """The script and what was heard; the last step of a script is played for ever. With *tls* it speaks that."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.script: list[Play] = []
        self.heard: list[Heard] = []
        self.left: list[int] = []
        """The connections on which something hung until the client went."""
        stage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def play(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                sent = json.loads(self.rfile.read(length)) if length else None
                line = self.client_address[1]
                stage.heard.append(Heard(self.command, self.path, sent, dict(self.headers), line))
                step = stage.script.pop(0) if len(stage.script) > 1 else stage.script[0]
                self.close_connection = step.cut or step.leave or step.unmeasured or step.until is not None
                if step.cut:
                    return
                if step.mute:
                    self.wait_for_its_end(line)
                    return
                body = step.body if isinstance(step.body, bytes) else json.dumps(step.body).encode()
                self.send_response(step.status)
                measure = {} if step.unmeasured or step.hang else {"Content-Length": str(len(body))}
                headers = {"Content-Type": "application/json"} | step.headers | measure
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body[: step.until])
                if step.hang:
                    self.wait_for_its_end(line)

            def wait_for_its_end(self, line: int) -> None:
                with suppress(ConnectionError):
                    self.rfile.read(1)
                self.close_connection = True
                stage.left.append(line)

            do_GET = do_POST = do_PATCH = do_DELETE = play  # noqa: N815 - the names that the library calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the library
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server.server_address[1]}"

    def plays(self, *script: Play) -> None:
        self.script = list(script)


def job(**changes: Any) -> dict[str, Any]:
    """A job record of the wire."""
    return {
        "id": JOB_ID,
        "job": {"type": "album", "albumId": 5, "quality": "LOSSLESS", "albumTitle": "Blue", "artistName": "Ann"},
        "jobType": "album",
        "status": "queued",
        "progress": 0.0,
        "createdAt": 1763900000000,
        "lastUpdatedAt": 1763900000000,
        "priority": "normal",
        "client": "192.0.2.7",
    } | changes


def figures(**worker: Any) -> dict[str, Any]:
    """The body of /stats, with these figures of the worker."""
    names = ("queued", "processing", "paused", "completed", "failed", "cancelled", "total")
    return {
        "success": True,
        "queue": dict.fromkeys(names, 0),
        "worker": {"running": True, "activeDownloads": 0, "maxConcurrent": 4} | worker,
        "metrics": {},
        "queueSource": "sqlite",
        "timestamp": 1763900000000,
    }
