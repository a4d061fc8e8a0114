"""A host that cannot be reached: its port takes no connection and refuses none, so whoever tries keeps trying.

    with unreachable() as dark:
        … connecting to dark.netloc waits …
        await until("nobody tries any more", lambda: not dark.waiting())

The queue of a listening socket is full, and the system drops what else arrives. Linux only (`/proc/net/tcp`).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_SYN_SENT = "02"
_PATIENCE_S = 0.2


@dataclass(frozen=True)
class Unreachable:
    """The port, and a look at who tries to connect to it."""

    netloc: str
    """`host:port`."""

    def waiting(self) -> int:
        """Connections to it that are being tried at this moment, by anybody."""
        port = int(self.netloc.rpartition(":")[2])
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(fields[2].endswith(f":{port:04X}") and fields[3] == _SYN_SENT for fields in lines)


@contextmanager
def unreachable() -> Iterator[Unreachable]:
    """Such a port on the loopback address, until the block ends."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        while True:
            caller = socket.socket()
            caller.settimeout(_PATIENCE_S)
            try:
                caller.connect(address)
            except TimeoutError:
                caller.close()
                break
            stack.enter_context(caller)
        yield Unreachable(f"127.0.0.1:{address[1]}")
