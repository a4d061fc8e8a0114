"""`python -m tonearm.decoder`: the decoder process, with the server on the other end of its standard input.

It says `ready`, or why it is not, and then takes orders until the server is gone. It holds no lock and no file. It
ignores the signals that end a server in good order: the server says when it does not need it any more.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket

from tonearm.decoder.children import Children
from tonearm.decoder.confinement import die_with
from tonearm.decoder.messages import READY

_MOST_DESCRIPTORS = 4_096


def main() -> None:
    """Run until the server is gone."""
    die_with(os.getppid())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=0)
    try:
        # Here, because the libraries behind it may be missing or broken.
        from tonearm.decoder.decoding import decode, load_everything  # noqa: PLC0415 - heavy

        load_everything()
    except Exception as error:  # noqa: BLE001 - whatever it is, the server has to hear it
        control.sendall(f"{type(error).__name__}: {error}".encode())
        return
    os.chdir("/")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    gc.freeze()  # what is loaded is shared with every child, as long as nobody touches it
    control.sendall(READY)
    Children(control, decode, most).run()


if __name__ == "__main__":
    main()
