"""Disk: how much room there is, and how much running transfers will still take of it.

The guard counts what is promised, since free space that four transfers are about to fill is not free. It decides
nothing about jobs: whether a full disk fails or holds them is the worker's business.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from tonearm.errors import DiskFull
from tonearm.volume import free_bytes, in_mb

MIB = 1024 * 1024
UNKNOWN_BYTES = 64 * MIB
"""What a file of unknown size counts as; one that grows beyond counts another step of it."""

_WRITTEN_TWICE = 2  # once as it comes, and once more where tags need a new header


@dataclass(slots=True)
class _Transfer:
    """One running transfer: the announced size (None: unknown) and the bytes on disk."""

    size: int | None
    done: int = 0

    @property
    def outstanding(self) -> int:
        """Bytes that it may still write."""
        size = self.size if self.size is not None else (self.done // UNKNOWN_BYTES + 1) * UNKNOWN_BYTES
        return max(0, _WRITTEN_TWICE * size - self.done)


class DiskGuard:
    """Watches the volume of stage and library, of which *minimum* bytes stay free. Any thread may call it."""

    def __init__(self, root: Path, minimum: int) -> None:
        self.root = root
        self.minimum = minimum
        self._running: dict[str, _Transfer] = {}
        self._lock = threading.Lock()

    def free(self) -> int:
        """Bytes on the volume that we may still use, less what running transfers will write.

        Raises:
            DiskError: the volume does not answer.
        """
        with self._lock:
            return self._free()

    def check(self, needed: int | None = None) -> None:
        """Refuse where a file of *needed* bytes would leave less than the minimum; None asks for the bare minimum.

        The file counts twice, as a rewrite for tags may.

        Raises:
            DiskFull: with what was free and needed, in bytes.
        """
        self._require(0 if needed is None else _Transfer(needed).outstanding, self.free())

    def reserve(self, task_id: str, size: int | None, done: int = 0) -> None:
        """Set room aside for a transfer of *size* bytes (None: unknown), *done* of them on disk. Again replaces it.

        Raises:
            DiskFull: there is not enough; nothing is set aside.
        """
        with self._lock:
            self._running.pop(task_id, None)
            transfer = _Transfer(size, done)
            self._require(transfer.outstanding, self._free())
            self._running[task_id] = transfer

    def advance(self, task_id: str, done: int) -> None:
        """Note that *done* bytes of a transfer are on disk; of an unknown task, nothing.

        Raises:
            DiskFull: a file of unknown size goes on into a further step that has no room.
        """
        with self._lock:
            transfer = self._running.get(task_id)
            if transfer is None:
                return
            steps = transfer.done // UNKNOWN_BYTES
            transfer.done = done
        if transfer.size is None and done // UNKNOWN_BYTES > steps:
            self._require(0, self.free())

    def release(self, task_id: str) -> None:
        """Give back what was set aside. Again is harmless."""
        with self._lock:
            self._running.pop(task_id, None)

    def _free(self) -> int:
        promised = sum(transfer.outstanding for transfer in self._running.values())
        return max(0, free_bytes(self.root) - promised)

    def _require(self, outstanding: int, free: int) -> None:
        needed = outstanding + self.minimum
        if free < needed:
            parts = f"{in_mb(outstanding)} for this file, " if outstanding else ""
            raise DiskFull(
                f"Not enough disk space: {in_mb(free)} free, {in_mb(needed)} needed "
                f"({parts}{in_mb(self.minimum)} always kept free)",
                free=free,
                needed=needed,
            )
