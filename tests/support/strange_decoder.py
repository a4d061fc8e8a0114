"""A decoder process whose children misbehave: the real one, with another function in place of the decode.

    python -m tests.support.strange_decoder BEHAVIOUR [MARKER]

With a marker, a path, the first process misbehaves and leaves the file there; those after it decode as usual. The
behaviour `hold` decodes as usual too, once the file is there.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tonearm.decoder import Decoded, Order
from tonearm.decoder.children import ANSWER, FILE, Children
from tonearm.decoder.confinement import die_with
from tonearm.decoder.decoding import decode, load_everything
from tonearm.decoder.messages import READY


def spin(_: int, __: Order) -> Decoded:
    """Use the processor and never end."""
    while True:
        pass


def sleep(_: int, __: Order) -> Decoded:
    """Do nothing and never end."""
    while True:
        time.sleep(3_600)


def devour(_: int, __: Order) -> Decoded:
    """Take memory until there is no more; the answer says how many bytes there were."""
    taken: list[bytearray] = []
    try:
        while True:
            taken.append(bytearray(1 << 20))
    except MemoryError:
        count = len(taken)
        taken.clear()
        return Decoded(samples=count << 20)


def crash(_: int, __: Order) -> Decoded:
    """Die as code with a wild pointer does."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return Decoded()


def misuse(_: int, __: Order) -> Decoded:
    """Call a library as an older one was called."""
    return Decoded(metadata_errors="replace")  # type: ignore[call-arg]  # the very mistake


def reach_out(_: int, __: Order) -> Decoded:
    """Try to open things; the answer names what was possible, and how low the priority is."""
    attempts: dict[str, Callable[[], object]] = {
        "open": lambda: os.open("/dev/null", os.O_RDONLY),
        "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "pipe": os.pipe,
        "duplicate": lambda: os.dup(FILE),
        "write": lambda: os.write(FILE, b"x"),
        "grow": lambda: os.ftruncate(FILE, 1 << 20),
    }
    done = [name for name, attempt in attempts.items() if _works(attempt)]
    inherited = [number for number in range(3, 256) if _works(lambda number=number: os.fstat(number))]  # type: ignore[misc]  # a default
    return Decoded(fault=f"done {done} inherited {inherited} nice {os.nice(0)}")


def babble(_: int, __: Order) -> Decoded:
    """Answer without end."""
    while True:
        os.write(ANSWER, b"x" * 4_096)


def multiply(_: int, __: Order) -> Decoded:
    """Start a process that nobody asked for, and let both go on."""
    os.fork()
    return sleep(_, __)


def turn_on_parent(_: int, __: Order) -> Decoded:
    """Kill the decoder process, and go on."""
    os.kill(os.getppid(), signal.SIGKILL)
    return sleep(_, __)


def _holding(go: str) -> Callable[[int, Order], Decoded]:
    def hold(file: int, order: Order) -> Decoded:
        while not Path(go).exists():  # which needs no descriptor
            time.sleep(0.01)  # the held decode itself
        return decode(file, order)

    return hold


BEHAVIOURS: dict[str, Callable[[int, Order], Decoded]] = {
    function.__name__: function
    for function in (spin, sleep, devour, crash, misuse, reach_out, babble, multiply, turn_on_parent)
}


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def main(behaviour: str, marker: str = "") -> None:
    """Serve as the real one does."""
    die_with(os.getppid())
    control = socket.socket(fileno=0)
    if behaviour == "refuse":
        control.sendall(b"ImportError: no such library")
        return
    if behaviour == "hold":
        chosen = _holding(marker)
    elif marker and Path(marker).exists():
        chosen = decode
    else:
        chosen = BEHAVIOURS[behaviour]
        if marker:
            Path(marker).touch()
    load_everything()
    control.sendall(READY)
    Children(control, chosen, 1_024).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
