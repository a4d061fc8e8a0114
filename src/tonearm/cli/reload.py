"""`tonearm serve --reload`: runs the server as a child and starts it anew when a source file changes.

A reload stops the child with the shortest grace: transfers are released, and the next child continues them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from watchfiles import PythonFilter, watch

RELOAD_GRACE_MS = 100
"""What running transfers get at a reload, milliseconds: nothing worth waiting for."""


def serve_reloading(arguments: Sequence[str]) -> int:
    """Run `tonearm` with these arguments until a signal; answers the exit code of the last child.

    A child that ends by itself is started anew at the next change, as after a typing mistake.
    """
    stop = threading.Event()
    child: subprocess.Popen[bytes] | None = None

    def on_signal(number: int, _: FrameType | None) -> None:
        stop.set()
        if child is not None and child.poll() is None:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    changes = watch(Path(__file__).parents[1], watch_filter=PythonFilter(), stop_event=stop, raise_interrupt=False)
    child = _start(arguments)
    for changed in changes:
        print(f"{len(changed)} changed, starting anew", file=sys.stderr)  # noqa: T201 - a word to the developer
        child.terminate()
        child.wait()
        if stop.is_set():
            break
        child = _start(arguments)
        if stop.is_set():  # the signal came while there was no child to hear it
            child.terminate()
    return max(child.wait(), 0)  # a child that a signal ended before it could listen stopped as it was told


def _start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """A session of its own: a Ctrl-C of the terminal reaches the child once, through this process."""
    environment = {**os.environ, "QUEUE_SHUTDOWN_GRACE_MS": str(RELOAD_GRACE_MS)}
    return subprocess.Popen([sys.executable, "-m", "tonearm", *arguments], env=environment, start_new_session=True)
