"""A real redis-server for one measurement: its own empty folder, a free port, and the same durability for everybody.

Every byte is appended to a file that is synced once a second (`appendfsync everysec`), as the README advises for a
queue. The file is not rewritten meanwhile, since that would fall into one round and not into another.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as NotConnected
from tests.support.programs import find
from tests.support.server import free_port

START_S = 20.0
PERSISTENCE = {"save": "", "appendfsync": "everysec", "auto-aof-rewrite-percentage": "0"}
"""Beside `appendonly`; everything else is as Redis has it."""


class RedisServer:
    """A running server: where it listens, and what it says of itself."""

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client: Any = Redis(port=port)  # Any: its types allow an awaitable everywhere

    def info(self, name: str) -> Any:
        """One figure of INFO."""
        return self.client.info()[name]

    def memory(self) -> int:
        """Bytes in use for what is kept: less the buffers of clients and of the append-only file."""
        found = self.client.info()
        return int(found["used_memory"]) - int(found["mem_clients_normal"]) - int(found["mem_aof_buffer"])

    def reads(self) -> int:
        """Reads from sockets so far, this question's own among them."""
        return int(self.info("total_reads_processed"))

    def cpu_s(self) -> float:
        """User plus system time of all its threads, seconds."""
        found = self.client.info("cpu")
        return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])

    def begin_to_append(self) -> None:
        """Write everything to the append-only file, and from now on every change."""
        self.client.config_set("appendonly", "yes")
        while self.info("aof_rewrite_in_progress") or self.info("aof_rewrite_scheduled"):
            time.sleep(0.05)

    def wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.client.ping()
            except (NotConnected, BusyLoadingError):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return


@contextmanager
def redis_server(folder: Path, *, append: bool = True) -> Iterator[RedisServer]:
    """A server with its files in *folder*, ended at the end; without *append*, `begin_to_append` may come later."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = {"port": str(port), "bind": "127.0.0.1", "dir": str(folder), **PERSISTENCE}
    settings["appendonly"] = "yes" if append else "no"
    flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen([find("redis-server"), *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    server = RedisServer(port)
    try:
        server.wait_until_up(process)
        yield server
    finally:
        server.client.close()
        process.kill()
        process.wait()
