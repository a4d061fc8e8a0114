"""A disk whose power can be cut: ext4 in an image file, mounted through a loop device.

What was not fsynced lives only in memory for up to a minute (`commit=60`). A copy of the image file, taken while the
disk is in use, is what a power cut would leave on the platter; mounted elsewhere, it can be looked at. Only a copy
during which nothing was written is one moment of the disk; no power cut leaves a mixture of two. Needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import find


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted disk: its image file, and the folder where it is mounted."""

    image: Path
    root: Path

    @contextmanager
    def after_power_cut(self, folder: Path) -> Iterator[Path]:
        """The disk as it would be found if the power went now, mounted below *folder* until the block ends."""
        folder.mkdir()
        copy = folder / "copy.img"
        written = None
        while written is None or written != self._written():
            written = self._written()
            shutil.copyfile(self.image, copy)
        with _mounted(copy, folder / "root") as root:
            yield root
        copy.unlink()

    def _written(self) -> list[str]:
        """What the kernel counts of writes and flushes to the disk, done and under way (Documentation/block/stat)."""
        device = self.root.stat().st_dev
        fields = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
        return [*fields[4:7], fields[8], *fields[15:16]]


@contextmanager
def disk(folder: Path, *, megabytes: int = 128) -> Iterator[Disk]:
    """A fresh ext4 of this size, mounted below *folder* until the block ends."""
    folder.mkdir()
    image = folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    _run("mkfs.ext4", "-q", "-F", str(image))
    with _mounted(image, folder / "root") as root:
        yield Disk(image, root)


@contextmanager
def _mounted(image: Path, root: Path) -> Iterator[Path]:
    root.mkdir()
    _run("mount", "-o", "loop,commit=60", str(image), str(root))
    try:
        yield root
    finally:
        _run("umount", str(root))


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([find(program), *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{program} {' '.join(arguments)}: {done.stderr.strip()} (this needs root)")
