"""Target: the file that a command writes, which has its name only when it is whole and on the disk."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tonearm.cli.terminal import out
from tonearm.cli.wording import size
from tonearm.errors import SetupError
from tonearm.volume import sync, sync_folder

STANDARD = Path("-")
"""The name that means stdin or stdout."""

SHOW_S = 0.2


@contextlib.contextmanager
def whole(target: Path, check: Callable[[Path], None] = lambda _: None) -> Iterator[BinaryIO]:
    """A file for its owner only, that gets its name when all is written and on the disk, and leaves nothing otherwise.

    *check* looks at what was written before it gets its name, and raises if that is wrong.

    Raises:
        SetupError: it cannot be written, or is there already.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        if target.exists():
            raise SetupError(f"{target} is there already: choose another name")
        with open(part, "wb", opener=partial(os.open, mode=0o600)) as file:
            yield file
            file.flush()
            sync(file.fileno())
        check(part)
        part.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise SetupError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # it has its name, or the folder is closed: nothing is left
            part.unlink()


@contextlib.contextmanager
def written_to(target: Path) -> Iterator[BinaryIO]:
    """A file like that of `whole`, or stdout for `-`."""
    if target != STANDARD:
        with whole(target) as file:
            yield file
        return
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def written(file: BinaryIO, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[bytes], None]]:
    """Takes pieces and writes them into *file*, and shows on a terminal how much there is by now."""
    length, shown = 0, clock()

    def take(piece: bytes) -> None:
        nonlocal length, shown
        file.write(piece)
        length += len(piece)
        if out.draws() and clock() - shown >= SHOW_S:
            shown = clock()
            out.rewrite(f"{size(length)} written")

    try:
        yield take
    finally:
        if out.draws():
            out.rewrite("")
