"""A real disk that takes upper and lower case for the same, as Windows and macOS have them: NTFS through FUSE."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import find

DISK_BYTES = 200_000_000


@contextmanager
def folding_disk(place: Path) -> Iterator[Path]:
    """Such a disk at the new folder *place*, for as long as the block runs."""
    assert os.geteuid() == 0, "Mounting needs root. Type: sudo ./dev test"
    image = place.with_name(f"{place.name}.ntfs")
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    place.mkdir()
    subprocess.run([find("mkfs.ntfs"), "--quiet", "--fast", "--force", str(image)], check=True, capture_output=True)
    subprocess.run([find("lowntfs-3g"), "-o", "ignore_case", str(image), str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run([find("umount"), "--lazy", str(place)], check=True)
