"""`tonearm export` and `import`: every job of a queue, through a file, into another queue.

The file is JSON Lines: a header, a line a job (a long album has several), and a last line that says how many there
were, so that a file which was cut off is known as such. How it is written stands in `tonearm.ops.errands`. `import`
opens the queue itself, wherever the settings say it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import typer

from tonearm.cli.exits import ExitCode
from tonearm.cli.reaching import do, opened, settings_of_queue
from tonearm.cli.target import SHOW_S, STANDARD, written, written_to
from tonearm.cli.terminal import out
from tonearm.clock import SystemClock
from tonearm.errors import Invalid, SetupError
from tonearm.model import JobDump, TakenIn
from tonearm.ops import logs
from tonearm.ops.errands import FORMAT, VERSION, Footer, Header
from tonearm.ops.hatch import Order
from tonearm.settings import Settings, load
from tonearm.store import dumps
from tonearm.store.base import Store
from tonearm.store.sqlite.file import REPLACE
from tonearm.store.sweeping import sweep_all

LINE_BYTES = 64 * 1_048_576
"""The longest line that is read; a page of an album with all that its tracks can say is far below it."""

AT_ONCE = 50
"""Lines that are taken in at a time where the store keeps them in their order: one commit answers all of them."""

_HEADERS = msgspec.json.Decoder(Header)  # described here, before there are threads (docs/explain/architecture.md)
_FOOTERS = msgspec.json.Decoder(Footer)


def export_jobs(target: Path) -> None:
    """Write all jobs to *target*, which has its name only when it is whole.

    Raises:
        SetupError: a setting, the queue or the file is not as it has to be.
    """
    settings = settings_of_queue()
    with written_to(target) as file, written(file) as take:
        found = do(settings, Order("export"), take)
    jobs, keys, unreadable = found["jobs"], found["keys"], found.get("unreadable", ())
    if target == STANDARD:
        out.note(f"{jobs:,} jobs")
    else:
        missing = {"unreadable": unreadable} if unreadable else {}
        out.document({"success": not unreadable, "file": str(target), "jobs": jobs, **missing})
        out.line(f"{jobs:,} jobs are in {target}")
    if keys:
        out.note("The keys of the API are not in it.")
    for each in unreadable:
        out.note(f"Cannot be read, and is not in it: {each}")
    if unreadable:
        out.note(f"The database is damaged. {REPLACE}")
        raise typer.Exit(ExitCode.FAILED)


def import_jobs(source: Path) -> None:
    """Take in all jobs of *source*; those that are here already, or were deleted here lately, are left as they are.

    Raises:
        SetupError: a setting, the queue or the file is not as it has to be; the message names the line.
    """
    settings = load()
    logs.set_up(settings)
    with contextlib.ExitStack() as stack:
        try:
            file = sys.stdin.buffer if source == STANDARD else stack.enter_context(source.open("rb"))
        except OSError as error:
            raise SetupError(f"{source} cannot be read: {error.strerror}") from error
        found = asyncio.run(_import(settings, file, "stdin" if source == STANDARD else str(source)))
    known, deleted = found[TakenIn.KNOWN], found[TakenIn.DELETED]
    out.document({"success": True, "taken": found[TakenIn.TAKEN], "known": known, "deleted": deleted})
    out.line(f"{found[TakenIn.TAKEN]:,} jobs are in the queue")
    if known:
        out.line(f"{known:,} were in it already")
    if deleted:
        out.line(f"{deleted:,} were deleted from it lately, and stay away")


async def _import(settings: Settings, file: BinaryIO, name: str) -> dict[TakenIn, int]:
    clock = SystemClock()
    found = dict.fromkeys(TakenIn, 0)
    progress = _Progress()
    lines = _Lines(file, name)
    lines.header()
    async with opened(settings, clock, asked=False) as store:
        at_once = AT_ONCE if settings.shared_queue() is None else 1
        batch: list[tuple[int, JobDump]] = []
        try:
            for number, dump in lines.jobs():
                batch.append((number, dump.aged(max(0, clock.wall_ms() - dump.at))))
                if len(batch) == at_once:
                    full, batch = batch, []
                    await _take_in(store, full, lines, found)
                    progress.show(sum(found.values()) - found[TakenIn.MORE])
        finally:  # what was read before a line that is wrong is taken in, as the message says
            await _take_in(store, batch, lines, found)
            await sweep_all(store)
    progress.end()
    return found


async def _take_in(store: Store, batch: list[tuple[int, JobDump]], lines: _Lines, found: dict[TakenIn, int]) -> None:
    calls: list[Awaitable[TakenIn]] = [store.take_in(dump) for _, dump in batch]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for (number, dump), answer in zip(batch, answers, strict=True):
        if isinstance(answer, Invalid):
            raise lines.wrong(number, answer.message)
        if isinstance(answer, BaseException):
            raise answer
        # Of a long album that is here already, every page is known.
        if answer is TakenIn.MORE or dump.following is None:
            found[answer] += 1


class _Lines:
    """The lines of a file that was exported."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._number = 0

    def wrong(self, number: int, why: str) -> SetupError:
        """The error of one line."""
        return SetupError(f"{self._name}, line {number}: {why}\nEverything before this line is in the queue.")

    def header(self) -> None:
        """Read the first line.

        Raises:
            SetupError: this is no file of ours, or not of a version that is known.
        """
        try:
            header = _HEADERS.decode(self._line())
        except msgspec.DecodeError:
            header = None
        if header is None or header.format != FORMAT:
            raise SetupError(f"{self._name} was not written by `tonearm export`")
        if header.version != VERSION:
            raise SetupError(
                f"{self._name} is of version {header.version}, and this Tonearm reads version {VERSION} alone"
            )

    def jobs(self) -> Iterator[tuple[int, JobDump]]:
        """Every job with the number of its line.

        Raises:
            SetupError: a line is no job, or the end is missing.
        """
        jobs = 0
        while line := self._line():
            try:
                footer = _FOOTERS.decode(line)
            except msgspec.DecodeError:
                footer = None
            if footer is not None:
                if footer.jobs != jobs:
                    raise self.wrong(self._number, f"there should be {footer.jobs:,} jobs before it, not {jobs:,}")
                return
            try:
                dump = dumps.decode(line)
            except Invalid as error:
                raise self.wrong(self._number, error.message) from error
            jobs += dump.following is None
            yield self._number, dump
        raise self.wrong(self._number, "the end is missing: the file was cut off")

    def _line(self) -> bytes:
        self._number += 1
        line = self._file.readline(LINE_BYTES)
        if len(line) == LINE_BYTES:
            raise self.wrong(self._number, "it is too long")
        return line


class _Progress:
    """How many jobs are done, on a terminal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown = clock()

    def show(self, jobs: int) -> None:
        """Say it, now and then."""
        if out.draws() and self._clock() - self._shown >= SHOW_S:
            self._shown = self._clock()
            out.rewrite(f"{jobs:,} jobs imported")

    def end(self) -> None:
        """Leave the line as it was."""
        if out.draws():
            out.rewrite("")
