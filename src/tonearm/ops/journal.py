"""The journal of systemd: how urgent a line is stands before it, as sd-daemon(3) has it, and is taken off there.

So `journalctl -p warning` finds what it is asked for. Anybody else gets the lines without it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

URGENCY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""The numbers of syslog(3) by our levels."""


def is_journal(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether *stream* leads to the journal; the variable says which stream does, since a redirected one does not."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # it has no descriptor, or is closed
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def with_urgency(line: str, level: object) -> str:
    """The line as the journal takes it."""
    return f"<{URGENCY.get(str(level), URGENCY['info'])}>{line}"
