"""Children: the processes that the demo starts, and the certainty that none of them stays behind.

Each runs a command of our own in a process group of its own, with its output in a log file. A Ctrl-C of the terminal
reaches the demo alone, which then stops them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tonearm.errors import SetupError

STOP_SECONDS = 10.0
"""What children get after SIGTERM before they are killed."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals by which people and systems end a program."""

_TAIL = 15
"""Lines of a log that are shown."""


class Children:
    """Processes that end with the block. *folder*: where they run and where their logs lie, `<name>.log`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        """Start `tonearm` with these arguments."""
        with (self._folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", "tonearm", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=dict(environment),
                start_new_session=True,
            )

    def check(self) -> None:
        """Look whether all still run.

        Raises:
            SetupError: one has ended; the message has the end of its log.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise SetupError(f"The {name} ended with exit code {process.returncode}:\n{self.tail(name)}")

    def tail(self, name: str) -> str:
        """The last lines that a child said."""
        with (self._folder / f"{name}.log").open(encoding="utf-8", errors="replace") as log:
            return "".join(deque(log, _TAIL))

    def stop(self) -> None:
        """End all of them: asked first, killed after `STOP_SECONDS`. A signal to us meanwhile changes nothing."""
        with _undisturbed():
            for process in self._running.values():
                _signal(process, signal.SIGTERM)
            end = time.monotonic() + STOP_SECONDS
            for process in self._running.values():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, end - time.monotonic()))
            for process in self._running.values():
                if process.poll() is None:
                    _signal(process, signal.SIGKILL)
                    process.wait()
            self._running.clear()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore the signals that end a program, for a time that is known to be short."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the whole group of a child that was not waited for yet, so that the number is still its own."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
