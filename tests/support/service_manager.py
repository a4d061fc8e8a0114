"""A service manager for tests: a real unix socket that takes what sd_notify(3) sends, as systemd's does."""

from __future__ import annotations

import itertools
import os
import socket
import time
from pathlib import Path
from typing import Self

_numbers = itertools.count(1)


class ServiceManager:
    """Listens at *address* while the block runs: a path, or (by default) a name behind @, in the abstract namespace."""

    def __init__(self, address: Path | None = None) -> None:
        self.address = f"@tonearm-{os.getpid()}-{next(_numbers)}" if address is None else str(address)
        self._said: list[str] = []
        self._alive_at = time.monotonic()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.setblocking(False)
        self._line.bind(f"\0{self.address[1:]}" if address is None else self.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    @property
    def said(self) -> list[str]:
        """Everything that was said so far, a word or line each, in its order."""
        while True:
            try:
                words = self._line.recv(65_536).decode().splitlines()
            except BlockingIOError:
                return self._said
            self._said += words
            if "WATCHDOG=1" in words:
                self._alive_at = time.monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds since a sign of life was seen here, as far as anybody looked."""
        _ = self.said
        return time.monotonic() - self._alive_at
