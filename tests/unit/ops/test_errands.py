"""Errands: what they bring of a queue in Redis while it is worked on, which is the backup of such a queue."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.contract.steps import claim, complete, listed, submit_track
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer

from tonearm.errors import SetupError
from tonearm.model import KeyRecord, Scope, TakenIn
from tonearm.ops import errands, harvest
from tonearm.ops.errands import Place
from tonearm.ops.hatch import Order
from tonearm.settings import Settings
from tonearm.store import dumps
from tonearm.store.redis import RedisStore, open_redis
from tonearm.store.sqlite import open_sqlite

BEFORE = 3


@pytest.fixture
async def store(redis_server: RedisServer, redis_queue: str) -> AsyncIterator[RedisStore]:
    clock = FakeClock()
    opened = await open_redis(redis_server.url, clock, queue=redis_queue, server_time=clock.wall_ms)
    yield opened
    await opened.close()


async def test_an_export_of_a_queue_in_redis_under_load_has_all_that_was_acknowledged_before(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs come and end between its pages; what it brings enters another queue, which agrees with itself."""
    monkeypatch.setattr(harvest, "PAGE", 2)
    monkeypatch.setattr(errands, "SENT_BYTES", 1)
    before = {await submit_track(store) for _ in range(BEFORE)}
    await store.add_key(KeyRecord("kitchen", Scope.ADMIN, "0" * 64, 1))
    written = io.BytesIO()

    async def send(content: bytes) -> None:
        written.write(content)
        if len(written.getvalue().splitlines()) <= 2 * BEFORE:  # in the middle of it
            await submit_track(store)
            for held in await claim(store, tracks=1):
                await complete(store, held)

    answer = await errands.do(Place(store, Settings(), FakeClock()), Order("export"), send)
    other = await open_sqlite(None, FakeClock())
    try:
        lines = written.getvalue().splitlines()[1:-1]
        taken = await asyncio.gather(*[other.take_in(dumps.decode(line)) for line in lines])
        jobs = {job.id for job in await listed(other)}
        assert await other.audit() == ()
    finally:
        await other.close()

    assert set(taken) == {TakenIn.TAKEN}
    assert before < jobs
    assert answer == {"jobs": len(jobs), "keys": 1, "unreadable": []}


async def test_a_backup_of_a_queue_in_redis_names_what_there_is_instead(store: RedisStore, tmp_path: Path) -> None:
    """It has no file of ours."""
    with pytest.raises(SetupError, match="tonearm export FILE"):
        await store.copy(tmp_path / "backup.db")


async def test_a_backup_needs_room_for_what_is_not_in_the_file_yet(
    store: RedisStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log beside a database may be longer than the database, and the copy holds both."""
    settings = Settings(QUEUE_DATABASE=tmp_path / "queue.db", QUEUE_DISK_SPACE_MIN_MB=1)
    settings.database.write_bytes(bytes(1_000))
    (tmp_path / "queue.db-wal").write_bytes(bytes(1_000_000))
    monkeypatch.setattr(errands, "free_bytes", lambda _: 2_000_000)

    async def send(_: bytes) -> None:
        raise AssertionError

    with pytest.raises(SetupError, match="not enough room"):
        await errands.do(Place(store, settings, FakeClock()), Order("backup"), send)


def test_the_next_start_removes_the_copy_of_a_backup_that_was_cut_off_and_says_so(tmp_path: Path) -> None:
    """Of this very queue; what belongs to another of a like name stays."""
    queue, other = tmp_path / "[q].db", tmp_path / "q.db"
    copies = [place.with_name(f"{place.name}{errands.COPY}0a1b2c3d") for place in (queue, other)]
    for copy in copies:
        copy.write_bytes(b"half")
    with capture_logs() as lines:
        errands.remove_leftovers(queue)

    assert [copy.exists() for copy in copies] == [False, True]
    assert [line["file"] for line in lines] == [str(copies[0])]


async def test_what_a_newer_command_asks_for_is_refused(store: RedisStore) -> None:
    """The message says that it is of another version."""

    async def send(_: bytes) -> None:
        raise AssertionError

    with pytest.raises(SetupError, match="another version"):
        await errands.do(Place(store, Settings(), FakeClock()), Order("dance"), send)
