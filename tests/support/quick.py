"""A folder in memory, where the machine has such a thing: for what is asked of a file and not of a disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def quick_folder(*, megabytes: int = 256) -> Iterator[Path]:
    """A private folder for so much; what lies in it does not outlive the block."""
    memory = Path("/dev/shm")
    fits = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > megabytes * 1024 * 1024
    with TemporaryDirectory(prefix="tonearm-", dir=memory if fits else None) as place:
        yield Path(place)
