"""`tonearm export` and `import`: every job of a queue, through a file, into another queue.

The file is JSON Lines: a header, a line a job (a long album has several), and a last line that says how many there
were, so that a file which was cut off is known as such. The commands open the queue themselves, wherever the settings
say it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from tonearm.cli.terminal import out
from tonearm.clock import Clock, SystemClock
from tonearm.errors import DatabaseInUse, Invalid, NotFound, SetupError
from tonearm.model import JobDump, JobOrder, JobQuery, TakenIn
from tonearm.ops import logs
from tonearm.settings import Settings, load
from tonearm.store import dumps
from tonearm.store.base import PAGE, Store
from tonearm.store.opening import open_store

FORMAT = "tonearm-jobs"
VERSION = 1
"""The version of the file that is written, and the only one that is read."""

STANDARD = Path("-")
"""The name that means stdin or stdout."""

LINE_BYTES = 64 * 1_048_576
"""The longest line that is read; a page of an album with all that its tracks can say is far below it."""

AT_ONCE = 50
"""Lines that are taken in at a time where the store keeps them in their order: one commit answers all of them."""

SHOW_S = 0.2


class Header(msgspec.Struct, frozen=True, rename="camel"):
    """The first line."""

    format: str
    version: int
    exported_at: int
    """Wall milliseconds."""


class Footer(msgspec.Struct, frozen=True):
    """The last line."""

    jobs: int


_HEADERS = msgspec.json.Decoder(Header)  # described here, before there are threads (docs/explain/architecture.md)
_FOOTERS = msgspec.json.Decoder(Footer)


def export_jobs(target: Path) -> None:
    """Write all jobs to *target*, which has its name only when it is whole.

    Raises:
        SetupError: a setting, the queue or the file is not as it has to be.
    """
    settings = _settings()
    if settings.shared_queue() is None and not settings.database.exists():
        raise SetupError(f"There is no queue: {settings.database} is not there. See QUEUE_DATABASE and REDIS_URL.")
    with _whole(target) as file:
        jobs = asyncio.run(_export(settings, file))
    if target != STANDARD:
        out.document({"success": True, "file": str(target), "jobs": jobs})
        out.line(f"{jobs:,} jobs are in {target}")
    else:
        out.note(f"{jobs:,} jobs")


def import_jobs(source: Path) -> None:
    """Take in all jobs of *source*; those that are here already, or were deleted here lately, are left as they are.

    Raises:
        SetupError: a setting, the queue or the file is not as it has to be; the message names the line.
    """
    settings = _settings()
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


def _settings() -> Settings:
    settings = load()
    logs.set_up(settings)
    return settings


@asynccontextmanager
async def _opened(settings: Settings, clock: Clock) -> AsyncIterator[Store]:
    try:
        store = await open_store(settings, clock)
    except DatabaseInUse as error:
        raise SetupError(
            f"A server uses the database {settings.database}. Stop it first; this command opens the queue itself."
        ) from error
    try:
        yield store
    finally:
        await store.close()


# Export


async def _export(settings: Settings, file: BinaryIO) -> int:
    clock = SystemClock()
    jobs = 0
    progress = _Progress("exported")
    async with _opened(settings, clock) as store:
        total = (await store.counts()).total
        file.write(msgspec.json.encode(Header(FORMAT, VERSION, clock.wall_ms())) + b"\n")
        async for page in _dumped(store):
            file.write(dumps.encode(page) + b"\n")
            jobs += page.following is None
            progress.show(jobs, total)
        file.write(msgspec.json.encode(Footer(jobs)) + b"\n")
    progress.end()
    return jobs


async def _dumped(store: Store) -> AsyncIterator[JobDump]:
    """Every job in the order of submission; one that is deleted meanwhile is left out, or its last pages are."""
    query: JobQuery | None = JobQuery(order=JobOrder.CREATED, limit=PAGE)
    while query is not None:
        listed = await store.jobs(query)
        for job in listed.jobs:
            start: int | None = 1
            with contextlib.suppress(NotFound):
                while start is not None:
                    page = await store.dump(job.id, start=start)
                    yield page
                    start = page.following
        query = None if listed.next is None else JobQuery(order=JobOrder.CREATED, limit=PAGE, cursor=listed.next)


@contextlib.contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when all is written and on the disk, and leaves nothing otherwise."""
    if target == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if target.exists():
        raise SetupError(f"{target} is there already: choose another name")
    part = target.with_name(f"{target.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
    except OSError as error:
        raise SetupError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


# Import


async def _import(settings: Settings, file: BinaryIO, name: str) -> dict[TakenIn, int]:
    clock = SystemClock()
    found = dict.fromkeys(TakenIn, 0)
    progress = _Progress("imported")
    lines = _Lines(file, name)
    lines.header()
    async with _opened(settings, clock) as store:
        at_once = AT_ONCE if settings.shared_queue() is None else 1
        batch: list[tuple[int, JobDump]] = []
        try:
            for number, dump in lines.jobs():
                batch.append((number, dump.aged(max(0, clock.wall_ms() - dump.at))))
                if len(batch) == at_once:
                    full, batch = batch, []
                    await _take_in(store, full, lines, found)
                    progress.show(sum(found.values()) - found[TakenIn.MORE], None)
        finally:  # what was read before a line that is wrong is taken in, as the message says
            await _take_in(store, batch, lines, found)
            while (await store.sweep()).more:
                pass
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

    def __init__(self, verb: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._verb = verb
        self._clock = clock
        self._shown = clock()

    def show(self, jobs: int, total: int | None) -> None:
        """Say it, now and then."""
        if out.draws() and self._clock() - self._shown >= SHOW_S:
            self._shown = self._clock()
            out.rewrite(f"{jobs:,}{'' if total is None else f' of {total:,}'} jobs {self._verb}")

    def end(self) -> None:
        """Leave the line as it was."""
        if out.draws():
            out.rewrite("")
