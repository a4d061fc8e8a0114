"""Valkey 8: where its programs are. Debian 12 has it in the backports only, so it is unpacked beside the checkout.

What is on PATH is taken first. The libraries it needs came with `redis-tools`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.debian import CACHE, PackageMissing, unpack

PACKAGES = ("valkey-server", "valkey-tools")
"""The first one is a link into the second."""


class ValkeyMissing(Exception):
    """Valkey could not be had; the message says what was tried and what to do."""


def valkey_server() -> Path:
    """The program `valkey-server`, fetched on the first call.

    Raises:
        ValkeyMissing: it is not on PATH, and not within reach of apt-get.
    """
    installed = shutil.which("valkey-server")
    if installed is not None:
        return Path(installed)
    server = CACHE / "valkey" / "valkey-server"
    if not os.access(server, os.X_OK):
        try:
            unpack(PACKAGES, "usr/bin/*", server.parent)
        except PackageMissing as error:
            raise ValkeyMissing(
                f"Valkey for the tests could not be had ({error}). Install Valkey 8 so that valkey-server is on PATH"
            ) from error
    return server
