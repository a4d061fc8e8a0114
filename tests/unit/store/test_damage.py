"""A database file that is damaged, or that its disk does not give: it is told as that, with what to do about it."""

# ruff: noqa: ASYNC240 - nothing else runs on the loop of a test

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import apsw
import pytest
from tests.contract.steps import submit, submit_track, track
from tests.support.clock import FakeClock
from tests.support.spoilt import forbid_reading

from tonearm.errors import SetupError, StoreDamaged
from tonearm.model import JobOrder, JobPage, JobQuery
from tonearm.ops import errands
from tonearm.ops.errands import Place
from tonearm.ops.harvest import Harvest
from tonearm.ops.hatch import Order
from tonearm.settings import Settings
from tonearm.store.sqlite import SqliteStore, copying, open_sqlite
from tonearm.store.sqlite.file import connect, damage_of

JOBS, READ = 200, 5


@pytest.mark.parametrize("call", [lambda store: store.jobs(JobQuery()), submit_track], ids=["read", "write"])
async def test_a_file_that_its_disk_does_not_give_is_told_as_damaged(
    database: Path, clock: FakeClock, call: Callable[[SqliteStore], Awaitable[object]]
) -> None:
    """Waiting does not mend a disk, so nobody is told to come again; an export keeps what it can read."""
    store = await open_sqlite(database, clock)
    await submit_track(store)
    await store.close()
    store = await open_sqlite(database, clock)
    forbid_reading(database)

    try:
        with pytest.raises(StoreDamaged, match="tonearm restore"):
            await call(store)
    finally:
        await store.close()


@pytest.mark.parametrize("code", [apsw.SQLITE_IOERR_CORRUPTFS, apsw.SQLITE_CORRUPT_INDEX, apsw.SQLITE_NOTADB])
def test_what_no_waiting_mends_is_damage(code: int) -> None:
    """A bad sector too, however SQLite names it; each with what to do."""
    assert "tonearm restore" in str(damage_of(apsw.exception_for(code)))


@pytest.mark.parametrize("code", [apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_FULL, apsw.SQLITE_BUSY])
def test_what_may_pass_is_no_damage(code: int) -> None:
    """Nothing that lies there is lost by it."""
    assert damage_of(apsw.exception_for(code)) is None


async def test_an_export_of_a_file_that_its_disk_does_not_give_has_what_was_read(
    database: Path, clock: FakeClock
) -> None:
    """And names the rest; it does not end without anything."""
    store = await open_sqlite(database, clock)
    await submit(store, *[track() for _ in range(JOBS)])
    await store.close()
    store = await open_sqlite(database, clock)
    sent: list[bytes] = []

    async def send(content: bytes) -> None:
        sent.append(content)

    try:
        for job in (await store.jobs(JobQuery(order=JobOrder.CREATED, limit=READ))).jobs:
            await store.dump(job.id)
        forbid_reading(database)
        answer = await errands.do(Place(store, Settings(), clock), Order("export"), send)
    finally:
        await store.close()

    assert READ <= answer["jobs"] < JOBS
    assert answer["unreadable"]
    assert len(b"".join(sent).splitlines()) == answer["jobs"] + 2


async def test_a_list_that_is_damaged_meanwhile_ends_no_export(
    database: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a job that its index has lost was deleted cannot be looked up any more: it is named."""
    store = await open_sqlite(database, clock)
    jobs = [await submit_track(store) for _ in range(3)]
    await store.close()
    content = database.read_bytes()
    database.write_bytes(content.replace(jobs[1].encode(), jobs[1][:-1].encode() + b"!", 1))
    store = await open_sqlite(database, clock)
    listed = store.jobs
    asked = count()

    async def once(query: JobQuery) -> JobPage:
        if next(asked):
            raise StoreDamaged("The database is damaged")
        return await listed(query)

    monkeypatch.setattr(store, "jobs", once)
    harvest = Harvest(store)
    try:
        found = [page.id async for page in harvest.pages()]
    finally:
        await store.close()

    assert (len(found), len(harvest.unreadable)) == (2, 1)


async def test_a_backup_of_a_file_that_its_disk_does_not_give_blames_the_file(
    database: Path, clock: FakeClock, tmp_path: Path
) -> None:
    """And not its copy; SQLite calls it "not an error" there."""
    await (await open_sqlite(database, clock)).close()
    with closing(connect(database, writes=False)) as source:
        forbid_reading(database)
        with pytest.raises(SetupError, match=r"queue\.db is damaged: the disk does not give it.*tonearm restore"):
            copying.copy(source, tmp_path / "backup.db")
