"""The machine: of which versions everything is, and how much of it this process may have."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

from tonearm.settings import Settings
from tonearm.store.checks import Check, Verdict

FFMPEG_S = 20.0
"""Seconds that the libraries of FFmpeg get to load, on a machine that has other things to do."""

BESIDE_STREAMS = 512
"""Descriptors that a process needs beside those of its event streams: files, connections, the store."""

LOADING = "import av; print(av.ffmpeg_version_info)"
"""What that process runs."""


def look(settings: Settings) -> Iterator[Check]:
    """Look at versions and limits."""
    yield Check(
        "versions",
        Verdict.WELL,
        f"Tonearm {version('tonearm')}, Python {platform.python_version()}, {platform.system()} {platform.release()}, "
        f"aiohttp {version('aiohttp')}, redis-py {version('redis')}.",
    )
    yield _decoder()
    yield _descriptors(settings)


def _decoder() -> Check:
    """Whether FFmpeg's libraries load, in a process of their own as when they decode."""
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-c", LOADING],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FFMPEG_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    else:
        if ended.returncode == 0:
            return Check("decoder", Verdict.WELL, f"FFmpeg {ended.stdout.strip()}, from PyAV {version('av')}.")
        reason = (ended.stderr.strip() or "it died").splitlines()[-1]
    return Check("decoder", Verdict.WRONG, f"The libraries of FFmpeg do not load: {reason}. Install PyAV (av) anew.")


def _descriptors(settings: Settings) -> Check:
    """How many files and connections a process may have at most; the server takes what it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_streams + BESIDE_STREAMS
    if most == resource.RLIM_INFINITY:
        return Check("descriptors", Verdict.WELL, "A process may have any number of files and connections open.")
    if most < needed:
        return Check(
            "descriptors",
            Verdict.WARNING,
            f"A process may have {most} files and connections open, and {needed} would do for QUEUE_MAX_STREAMS="
            f"{settings.max_streams}. Allow more (ulimit -Hn, LimitNOFILE= of systemd), or fewer streams.",
        )
    return Check("descriptors", Verdict.WELL, f"A process may have {most} files and connections open.")
