"""Disk: how much room there is, and how much running transfers will still take of it.

The guard counts what is promised, since free space that four transfers are about to fill is not free. It decides
nothing about jobs: whether a full disk fails or holds them is the worker's business.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tonearm.errors import DiskFull
from tonearm.volume import free_bytes, in_mb, whole_bytes

MIB = 1024 * 1024
UNKNOWN_BYTES = 64 * MIB
"""What a file of unknown size counts as; one that grows beyond counts another step of it."""

LOOK_S = 1.0
"""Seconds between two looks at what is free, while transfers run."""

_WRITTEN_TWICE = 2  # once as it comes, and once more where tags need a new header


@dataclass(frozen=True, slots=True)
class _Transfer:
    """One running transfer: the announced size (None: unknown) and the bytes on disk."""

    size: int | None
    done: int = 0

    @property
    def whole(self) -> int:
        """Bytes that it counts as."""
        return self.size if self.size is not None else (self.done // UNKNOWN_BYTES + 1) * UNKNOWN_BYTES

    @property
    def outstanding(self) -> int:
        """Bytes that it may still write."""
        return max(0, _WRITTEN_TWICE * self.whole - self.done)


class DiskGuard:
    """Watches the volume of stage and library, of which *minimum* bytes stay free. Any thread may call it."""

    def __init__(self, root: Path, minimum: int, now: Callable[[], float] = time.monotonic) -> None:
        self.root = root
        self.minimum = minimum
        self._now = now
        self._running: dict[str, _Transfer] = {}
        self._looked_at = float("-inf")
        self._unseen = 0  # bytes that came since the last look
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether room is set aside for any transfer."""
        return bool(self._running)

    def free(self) -> int:
        """Bytes on the volume that we may still use, less what running transfers will write.

        Raises:
            DiskError: the volume does not answer.
        """
        volume = free_bytes(self.root)
        with self._lock:
            return self._left(volume)

    def fits(self, needed: int) -> bool:
        """Whether the volume could ever have *needed* bytes free, whatever is removed from it.

        Raises:
            DiskError: the volume does not answer.
        """
        return needed <= whole_bytes(self.root)

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
        self._admit(task_id, _Transfer(size, done))

    def advance(self, task_id: str, size: int | None, done: int) -> None:
        """Note that *done* bytes of a transfer will be on disk in a moment, and its size once it is known.

        What is free is looked at when so much has come since the last look that it matters, or every `LOOK_S`. Of an
        unknown task, nothing is noted.

        Raises:
            DiskFull: the volume has less than the minimum left, or not enough for what is known now: the size, or a
                further step of one that is not. Nothing is set aside any more.
        """
        with self._lock:
            transfer = self._running.get(task_id)
            if transfer is None:
                return
            now = _Transfer(transfer.size if size is None else size, done)
            self._unseen += max(0, done - transfer.done)
            grows = now.whole > transfer.whole
            if not grows:
                self._running[task_id] = now
            looks = not grows and self._looks()
        if grows:
            self._admit(task_id, now)
        elif looks:
            self._look(task_id)

    def arrived(self, task_id: str, size: int) -> None:
        """Note that all bytes of a transfer are on disk: *size*, which the tags may write once more."""
        with self._lock:
            if task_id in self._running:
                self._running[task_id] = _Transfer(size, size)

    def release(self, task_id: str) -> int:
        """Give back what was set aside, and answer how many bytes that was. Again is harmless, and gives 0."""
        with self._lock:
            transfer = self._running.pop(task_id, None)
        return transfer.outstanding if transfer is not None else 0

    # The volume is asked without the lock: a network volume that hangs must not hold up who only notes something.

    def _admit(self, task_id: str, transfer: _Transfer) -> None:
        volume = free_bytes(self.root)
        with self._lock:
            self._running.pop(task_id, None)
            self._require(transfer.outstanding, self._left(volume))
            self._running[task_id] = transfer

    def _looks(self) -> bool:
        """Whether it is time for a look; whoever comes first then looks for all, so a full disk ends one at a time."""
        if self._unseen < self.minimum // 4 and self._now() - self._looked_at < LOOK_S:
            return False
        self._looked_at, self._unseen = self._now(), 0
        return True

    def _look(self, task_id: str) -> None:
        free = free_bytes(self.root)
        if free < self.minimum:
            self.release(task_id)
            self._require(0, free)

    def _left(self, volume: int) -> int:
        """Of so many bytes on the volume, those that nobody was promised."""
        promised = sum(transfer.outstanding for transfer in self._running.values())
        return max(0, volume - promised)

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
