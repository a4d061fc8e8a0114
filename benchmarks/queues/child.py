"""One side of a queue under measurement: a process that submits, or one that works.

    python -m benchmarks.queues.child NAME (submit | work) URL [--keep]

NAME is a module beside this one; it runs in the environment of its own queue, so nothing here imports more than the
standard library. The process says `ready` and then takes one line at a time from its input: `submit N` (answers the
monotonic seconds at which it began), `left` (how many tasks are not settled), `start` (submits one task and answers the
milliseconds until its body ran). One that works takes no lines. Both end with their input, so that nothing is left of a
measurement that was killed.

*keep*: what is finished stays for a day. Without it, each queue throws away what it can, which is faster.
"""

from __future__ import annotations

import importlib
import os
import select
import struct
import sys
import threading
import time
from typing import Protocol

DAY_S = 86_400
CHUNK = 500
"""Tasks that are handed over in one call, where a queue takes many."""
AT_ONCE = 20
"""Calls that wait for Redis at the same time, where a queue is asyncio and takes one task a call."""
PATIENCE_S = 20.0
_STAMP = struct.Struct("d")


class Queue(Protocol):
    """What a module beside this one has as `Queue`, made with the address of Redis and whether to keep results."""

    def submit(self, count: int) -> None:
        """Submit so many empty tasks, as fast as the queue can be fed by one process."""

    def start(self) -> None:
        """Submit the task that calls `note_start`."""

    def left(self) -> int:
        """How many tasks are submitted and not settled, told without listing them."""

    def work(self) -> None:
        """Work until the process is ended."""


def note_start() -> None:
    """Tell whoever submitted the task that it has started, and when."""
    _write(_pipe(), _STAMP.pack(time.monotonic()))


def _pipe() -> int:
    """The named pipe between worker and submitter; opened for both directions, so that opening waits for nobody."""
    if not _opened:
        _opened.append(os.open(os.environ["STARTED"], os.O_RDWR))
    return _opened[0]


_opened: list[int] = []
_write = os.write


def _latency_ms(queue: Queue) -> float:
    """From the call that submits to the first line of the task's body."""
    pipe = _pipe()
    begun = time.monotonic()
    queue.start()
    if not select.select([pipe], [], [], PATIENCE_S)[0]:
        raise TimeoutError(f"the task did not start within {PATIENCE_S:.0f} s")
    (started,) = _STAMP.unpack(os.read(pipe, _STAMP.size))
    return (float(started) - begun) * 1000


def _answer(queue: Queue, verb: str, argument: str) -> float:
    if verb == "submit":
        begun = time.monotonic()
        queue.submit(int(argument))
        return begun
    if verb == "start":
        return _latency_ms(queue)
    return queue.left()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Play one side."""
    name, side, url, *flags = sys.argv[1:]
    queue: Queue = importlib.import_module(f"benchmarks.queues.{name}").Queue(url, keep="--keep" in flags)
    if side == "work":
        threading.Thread(target=_end_with_input, daemon=True).start()
        queue.work()
        return
    print("ready", flush=True)
    for line in sys.stdin:
        verb, _, argument = line.strip().partition(" ")
        print(repr(_answer(queue, verb, argument)), flush=True)


if __name__ == "__main__":
    main()
