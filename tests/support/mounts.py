"""Mounts: small disks, full ones and read-only ones. Mounting needs root, which CI has."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import find


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """Something mounted at *folder*, which is made, for as long as the block runs."""
    assert os.geteuid() == 0, "Mounting needs root. Type: sudo ./dev test"
    folder.mkdir()
    subprocess.run([find("mount"), *arguments, str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run([find("umount"), "--lazy", str(folder)], check=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of so many MiB, mounted at *folder*."""
    with mounted(folder, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs") as disk:
        yield disk


def remount(folder: Path, options: str) -> None:
    """Change the options of what is mounted at *folder*, such as `ro` or `size=20m`."""
    subprocess.run([find("mount"), "-o", f"remount,{options}", str(folder)], check=True)


def leave_free(disk: Path, size: int) -> Path:
    """Fill *disk* with a file until only *size* bytes are free, whoever writes beside it; that file."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        while (free := _free(disk)) > size:
            try:
                file.write(bytes(min(free - size, 1 << 20)))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                break  # who writes beside it was quicker: there is nothing left
    return filler


def _free(disk: Path) -> int:
    volume = os.statvfs(disk)
    return volume.f_bavail * volume.f_frsize
