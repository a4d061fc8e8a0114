"""The lock of a worker's folder: held while its process lives, free the moment it is dead.

An flock on a file in the folder. The descriptor is closed at exec, so no child keeps a dead worker alive. A folder may
be removed by whoever holds its lock; who gets the lock of a file that is gone meanwhile looks again. Beside the lock
stands where and when the folder was last used: not every file system that machines share shares its locks as well.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

LOCK = "lock"
BOOT = "boot"


class WorkLock:
    """A lock that is held. Made by `take`."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.worker = folder.name
        boot, _, machine = _read(folder / BOOT).partition("\n")
        self.boot = boot
        """The boot under which the folder was last used before it was ours; empty if it never was or does not say."""
        self.machine = machine
        """The machine on which that was; empty if it does not say."""
        self._folder = folder
        self._descriptor = descriptor

    @staticmethod
    def take(stage: Path, worker: str, *, make: bool) -> WorkLock | None:
        """Take the lock of *worker*; None while another process holds it, or, without *make*, if there is none for us.

        Raises:
            OSError: the folder cannot be used.
        """
        folder = stage / worker
        while True:
            try:
                descriptor = _open(folder, make=make)
            except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
                if make and isinstance(error, FileNotFoundError):
                    continue  # removed between making and opening it
                if make:
                    raise
                return None
            lock = WorkLock(folder, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.release()
                return None
            if _leads_to(folder / LOCK, descriptor):
                return lock
            lock.release()

    def note_use(self, boot: str, machine: str) -> None:
        """Write down under which boot, and on which machine, the folder is used from now on."""
        (self._folder / BOOT).write_text(f"{boot}\n{machine}", "utf-8")

    def discard(self) -> None:
        """Remove the folder, which must be empty but for our own files; a folder that is not stays."""
        (self._folder / BOOT).unlink(missing_ok=True)
        (self._folder / LOCK).unlink(missing_ok=True)
        try:
            self._folder.rmdir()
        except OSError:
            return

    def release(self) -> None:
        """Let go of the lock. Again is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def machine_id() -> str:
    """A text that stays the same on this machine from boot to boot; empty where the system has none."""
    return _read(Path("/etc/machine-id")).strip()


def _open(folder: Path, *, make: bool) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    if make:
        folder.mkdir(mode=0o700, exist_ok=True)
        flags |= os.O_CREAT
    return os.open(folder / LOCK, flags, 0o600)


def _leads_to(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
