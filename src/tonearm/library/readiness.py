"""Readiness: whether library and stage can be used, found out at start by using them.

Modes and mount options are not interpreted (root passes every mode, network volumes have rules of their own): a file is
written, synced and moved the way a download will be.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tonearm.errors import SetupError
from tonearm.volume import sync, sync_folder

_NAME = ".tonearm-check"
"""One name for all: what a start that was killed left is used, and removed, by the next one."""

_ATTEMPTS = 20
"""Servers that may start at the same moment, and take the file from each other."""


def check_library(root: Path, stage_dir: Path | None = None) -> None:
    """Make library and stage where they are missing, and move a small file from the stage into the library.

    Without *stage_dir*, the stage is `.tonearm` in the library.

    Raises:
        SetupError: it did not work; the message names the path, its setting and the reason.
    """
    stage_dir = stage_dir or root / ".tonearm"
    with _refusals(_library(root)):
        root.mkdir(parents=True, exist_ok=True)
    check_place(root, stage_dir)
    with _refusals(_stage(stage_dir)):
        stage_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try_out(root, stage_dir)


def try_out(root: Path, stage_dir: Path) -> None:
    """Write a small file into the stage, sync it and move it into the library; it is gone afterwards, however it ends.

    Both folders are there. A server that works in them is not disturbed.

    Raises:
        SetupError: as `check_library`.
    """
    library, stage = _library(root), _stage(stage_dir)
    staged, moved = stage_dir / _NAME, root / _NAME
    try:
        for attempt in range(1, _ATTEMPTS + 1):
            with _refusals(stage):
                _write(staged)
            with _refusals(library):
                if _renamed(staged, moved, last=attempt == _ATTEMPTS):
                    break
        with _refusals(library):
            sync_folder(root)
    finally:
        for path in (staged, moved):
            with suppress(OSError):
                path.unlink()


def check_place(root: Path, stage_dir: Path) -> None:
    """See that the stage does not look like music, nor hold the library, whether they are there or not.

    Raises:
        SetupError: it does.
    """
    stage = _stage(stage_dir)
    with _refusals(stage):
        root, stage_dir = root.resolve(), stage_dir.resolve()
    if root == stage_dir or root.is_relative_to(stage_dir):
        raise SetupError(f"{stage} cannot hold the library: the library is what others read")
    if stage_dir.is_relative_to(root) and not stage_dir.relative_to(root).parts[0].startswith("."):
        raise SetupError(f"{stage} lies in the library: its name there must start with a dot, as .tonearm does")


def _library(root: Path) -> str:
    return f"The library {root} (DOWNLOAD_DIR)"


def _stage(stage_dir: Path) -> str:
    return f"The stage {stage_dir} (QUEUE_STAGE_DIR)"


def _write(path: Path) -> None:
    path.unlink(missing_ok=True)  # what a start that was killed left may be another user's
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, b"Tonearm can write here.\n")
        sync(descriptor)
    finally:
        os.close(descriptor)


def _renamed(staged: Path, moved: Path, *, last: bool) -> bool:
    """Move the file; False if another server, which starts at the same time, was quicker. *last*: raise then."""
    try:
        staged.rename(moved)
    except FileNotFoundError:
        if last:
            raise
        return False
    return True


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:  # from mkdir
        raise SetupError(f"{what} is there, and is no folder") from error
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise SetupError(f"{what} and the stage (QUEUE_STAGE_DIR) must lie on the same volume") from error
        raise SetupError(f"{what} cannot be written: {error.strerror or error}") from error
