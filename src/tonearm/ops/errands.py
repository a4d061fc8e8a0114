"""Errands: what commands have done at the queue itself: prune, export, backup, audit.

They are done by the process that holds the queue, which commands ask through the hatch, or by a command itself where
nobody holds it and in Redis. How the store does it is its own business; what becomes of the bytes is the command's.
"""

from __future__ import annotations

import asyncio
import contextlib
import glob
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import structlog

from tonearm.clock import Clock
from tonearm.errors import DiskError, SetupError, StoreDamaged
from tonearm.ops.harvest import Harvest
from tonearm.ops.hatch import Answer, Order, Send
from tonearm.settings import Settings
from tonearm.store import dumps
from tonearm.store.base import Store
from tonearm.store.pruning import prune_all
from tonearm.volume import free_bytes, in_mb

FORMAT = "tonearm-jobs"
VERSION = 1
"""The version of an exported file."""

SENT_BYTES = 262_144
"""Bytes of an export that are sent together, a line more or less."""

READ_BYTES = 1_048_576

MOST_DIFFERENCES = 1_000
"""Differences of an audit that are told."""

MOST_UNREADABLE = 1_000
"""Jobs that could not be exported which are named."""

log = structlog.get_logger("ops.errands")


class Header(msgspec.Struct, frozen=True, rename="camel"):
    """The first line of an exported file."""

    format: str
    version: int
    exported_at: int
    """Wall milliseconds."""


class Footer(msgspec.Struct, frozen=True):
    """The last line of an exported file."""

    jobs: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where errands are done: a queue, and what is set for it."""

    store: Store
    settings: Settings
    clock: Clock


async def do(place: Place, order: Order, send: Send) -> Answer:
    """Do one errand, *send* the bytes that it brings, and return its answer.

    Raises:
        SetupError: it cannot be done like this.
        StoreUnavailable: the store does not answer.
    """
    errand = ERRANDS.get(order.errand)
    if errand is None:
        raise SetupError(
            f"The server that has the queue does not know `{order.errand}`: it is of another version than this command."
        )
    return await errand(place, order, send)


async def prune(place: Place, order: Order, send: Send) -> Answer:  # noqa: ARG001 - nothing is sent
    """Remove what is older than its retention, or only count it (*dry_run*). Answers how many of each end."""
    retention = place.settings.retention()
    found = await (place.store.prunable(retention) if order.dry_run else prune_all(place.store, retention))
    return {name: count for name, count in asdict(found).items() if name != "more"}


async def audit(place: Place, order: Order, send: Send) -> Answer:  # noqa: ARG001 - as above
    """Compare every index and count with the records. Answers the differences, sentences."""
    return {"differences": list(await place.store.audit())[:MOST_DIFFERENCES]}


async def export(place: Place, order: Order, send: Send) -> Answer:  # noqa: ARG001 - there is nothing to choose
    """Send all jobs as JSON Lines.

    Answers how many, which could not be read (*unreadable*, for people), and how many keys there are, which are not
    among them.
    """
    jobs = 0
    harvest = Harvest(place.store)
    lines = bytearray(msgspec.json.encode(Header(FORMAT, VERSION, place.clock.wall_ms())) + b"\n")
    async for page in harvest.pages():
        lines += dumps.encode(page) + b"\n"
        jobs += page.following is None
        if len(lines) >= SENT_BYTES:
            await send(bytes(lines))
            lines.clear()
    await send(bytes(lines) + msgspec.json.encode(Footer(jobs)) + b"\n")
    keys = 0
    with contextlib.suppress(StoreDamaged):  # they are only counted
        keys = sum(key.parent is None for key in await place.store.keys())
    return {"jobs": jobs, "keys": keys, "unreadable": harvest.missing(MOST_UNREADABLE)}


async def backup(place: Place, order: Order, send: Send) -> Answer:  # noqa: ARG001 - as above
    """Send a copy of the whole file, which lies beside the database meanwhile. Answers nothing."""
    database = place.settings.database
    await asyncio.to_thread(_require_room, database, place.settings)
    copy = database.with_name(f"{database.name}{COPY}{secrets.token_hex(4)}")
    try:
        await place.store.copy(copy)
        with await asyncio.to_thread(copy.open, "rb") as file:
            while content := await asyncio.to_thread(file.read, READ_BYTES):
                await send(content)
    finally:
        await asyncio.to_thread(copy.unlink, missing_ok=True)
    return {}


COPY = ".copy-"
"""Stands between the name of a database and something drawn by lot in the name of a copy that is being made."""


def remove_leftovers(database: Path) -> None:
    """Remove the copies that a killed process left beside its database, whose lock is held."""
    for copy in database.parent.glob(f"{glob.escape(database.name)}{COPY}*"):
        copy.unlink(missing_ok=True)
        log.info("Removed the copy of a backup that was cut off", file=str(copy))


def _require_room(database: Path, settings: Settings) -> None:
    """See that the copy leaves the volume the room that is kept free for everything else.

    Raises:
        SetupError: it does not.
    """
    try:
        free = free_bytes(database.parent)
    except DiskError as error:
        raise SetupError(str(error)) from error
    needed = _size(database) + _size(database.with_name(f"{database.name}-wal")) + settings.disk_space_min_bytes()
    if free < needed:
        raise SetupError(
            f"There is not enough room beside {database} for a copy of it: {in_mb(free)} free, {in_mb(needed)} needed "
            "(QUEUE_DISK_SPACE_MIN_MB of it stays free)."
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


ERRANDS: Mapping[str, Callable[[Place, Order, Send], Awaitable[Answer]]] = {
    "prune": prune,
    "audit": audit,
    "export": export,
    "backup": backup,
}
"""Every errand by its name."""
