"""From submitting a track to the start of its download, at an idle server.

    ./dev bench queue_latency [--jobs 50] [--redis]

The clock starts when the request is sent. The origin, which runs in this very process and so on the same clock, notes
when it is asked for the track (the catalog's question) and for the medium (the download). Between two jobs the server
comes to rest. Between the two requests of ours lies the catalog's answer, which here takes no time to find.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks import album
from benchmarks.redis_server import redis_server
from benchmarks.report import Figure, Report, at_most
from benchmarks.served import Served, served

REST_S = 0.1


class Origin(ThreadingHTTPServer):
    """A catalog with any track, all of one medium, that notes when it was asked for what."""

    daemon_threads = True

    def __init__(self, medium: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.medium = medium
        self.asked: dict[str, float] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Origin

    def do_GET(self) -> None:
        noun, number = self.path.partition("?")[0].split("/")[1:]
        self.server.asked[noun] = time.perf_counter()
        if noun == "media":
            self._send("audio/flac", self.server.medium)
        else:
            facts = {"id": int(number), "title": f"Track {number}", "artist": "Somebody", "album": "Noise"}
            self._send("application/json", json.dumps({**facts, "media": {"url": f"/media/{number}"}}).encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Say nothing: a line on the terminal would take time."""


def run(jobs: int, *, redis: bool = False) -> Report:
    """Measure and report, with the queue in SQLite or in Redis."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tonearm-bench-")))
        (file,) = album.make_files(folder / "files", 1, 1)
        store: dict[str, Any] = {"REDIS_URL": stack.enter_context(redis_server(folder / "redis")).url} if redis else {}
        origin = stack.enter_context(_origin(file.read_bytes()))
        server = stack.enter_context(served(folder / "server", origin.url, **store))
        times = [_one(server, origin, number) for number in range(1, jobs + 2)][1:]
    catalog, media = [list(column) for column in zip(*times, strict=True)]
    where = ", Redis" if redis else ""
    figures = [
        Figure(f"submit to the catalog's question{where}", catalog, "{:.1f} ms"),
        Figure(f"submit to the start of the download{where}", media, "{:.1f} ms", at_most(3.0)),
    ]
    return Report(figures, [], {"catalog_ms": catalog, "media_ms": media})


def _one(server: Served, origin: Origin, number: int) -> tuple[float, float]:
    """Milliseconds until the catalog was asked, and until the medium was."""
    origin.asked.clear()
    time.sleep(REST_S)
    begun = time.perf_counter()
    job = server.final(server.submit("track", number), every_s=0.02)
    assert job["status"] == "completed", job
    return (origin.asked["tracks"] - begun) * 1000, (origin.asked["media"] - begun) * 1000


@contextmanager
def _origin(medium: bytes) -> Iterator[Origin]:
    with Origin(medium) as origin:
        thread = threading.Thread(target=origin.serve_forever, daemon=True)
        thread.start()
        yield origin
        origin.shutdown()
        thread.join()


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--redis", action="store_true", help="with the queue in Redis")
    given = parser.parse_args()
    print(run(given.jobs, redis=given.redis).text())


if __name__ == "__main__":
    main()
