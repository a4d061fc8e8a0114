"""The server under measurement: a real `tonearm serve` with folders of its own, and the CPU that it takes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.server import API, FINAL, free_port

Json = dict[str, Any]
START_S = 20.0
"""Seconds after which a server that does not answer is given up."""


class Served:
    """One server process. It is started by `start` and ended by `stop`; its folders stay."""

    def __init__(self, folder: Path, catalog_url: str, *, ca: Path | None = None, **settings: object) -> None:
        self.folder = folder
        self.library = folder / "music"
        self.port = free_port()
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "INTERNAL_API_URL": catalog_url,
            "QUEUE_DATABASE": str(folder / "queue.db"),
            "DOWNLOAD_DIR": str(self.library),
            "PORT": str(self.port),
            "QUEUE_RATE_LIMIT_PER_MIN": "0",
            **({"SSL_CERT_FILE": str(ca)} if ca else {}),
            **{name: str(value) for name, value in settings.items()},
        }
        self.library.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> float:
        """Start the process; answers how many seconds passed until it first answered."""
        command = [str(Path(sys.executable).with_name("tonearm")), "serve"]
        with self._log.open("ab") as log:
            begun = time.perf_counter()
            self._process = subprocess.Popen(
                command, env=self._environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait("/healthz")
        return time.perf_counter() - begun

    def wait_until_ready(self) -> None:
        """Wait until its worker lives."""
        self._wait("/readyz")

    def _wait(self, path: str) -> None:
        """Wait until it answers 200 there."""
        assert self._process is not None
        end = time.perf_counter() + START_S
        while not self._answers(path):
            if self._process.poll() is not None or time.perf_counter() > end:
                raise RuntimeError(f"tonearm serve did not start:\n{self._log.read_text('utf-8', 'replace')}")
            time.sleep(0.002)

    def _answers(self, path: str) -> bool:
        try:
            self._http.request("GET", path)
            answer = self._http.getresponse()
            answer.read()
        except OSError:
            self._http.close()
            return False
        return answer.status == 200

    def stop(self) -> None:
        """End the process in good order."""
        self._http.close()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)

    def cpu_s(self) -> float:
        """User plus system time that the process has taken, seconds; the kernel's CPU clock of another process."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One request below the API's prefix; its body, which says success."""
        text = None if body is None else json.dumps(body)
        self._http.request(method, f"{API}{path}", text, {"Content-Type": "application/json"} if body else {})
        answer: Json = json.loads(self._http.getresponse().read())
        self._http.close()  # the server lets go of an idle one during a long round of another program
        assert answer["success"], answer
        return answer

    def submit(self, kind: str, number: int) -> str:
        """Queue a track or an album without loss; its job id."""
        job = {"type": kind, f"{kind}Id": number, "quality": "LOSSLESS"}
        return str(self.call("POST", "/", {"job": job})["jobId"])

    def final(self, job_id: str, *, every_s: float = 0.002) -> Json:
        """Wait until the job is final; its record."""
        while True:
            job: Json = self.call("GET", f"/{job_id}")["job"]
            if job["status"] in FINAL:
                return job
            time.sleep(every_s)


@contextmanager
def served(folder: Path, catalog_url: str, *, ca: Path | None = None, **settings: object) -> Iterator[Served]:
    """A running server, which is stopped at the end."""
    server = Served(folder, catalog_url, ca=ca, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
