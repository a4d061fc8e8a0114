"""A folder in memory, where the machine has such a thing: for what is asked of a file and not of a disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A private folder; what lies in it does not outlive the block."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="tonearm-", dir=memory if os.access(memory, os.W_OK) else None) as place:
        yield Path(place)
