"""Query plans: no statement of a job's life reads a table from end to end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import apsw
import pytest
from tests.contract.steps import (
    KEEP_NOTHING,
    LEASE_MS,
    PUBLICATION,
    at,
    claim,
    claim_one,
    complete,
    delay,
    fail,
    open_album,
    stall,
    sweep_all,
    track,
)
from tests.contract.test_keyring import ANN, session
from tests.support.clock import DAY, FakeClock

from tonearm.errors import QuotaExceeded
from tonearm.model import (
    ClaimRequest,
    ControlChange,
    Idempotency,
    JobOrder,
    JobQuery,
    Mark,
    NewDelivery,
    Phase,
    Priority,
    Status,
    SubmitLimits,
    Topic,
)
from tonearm.store.base import PAGE
from tonearm.store.sqlite import SqliteStore, open_sqlite

SMALL = {"api_key", "counter", "json_each", "sqlite_sequence", "worker", "CONSTANT"}
"""Tables of a few dozen rows whatever happens, and what a statement is given as a list."""


def trace(db: apsw.Connection) -> dict[str, None]:
    """Collect the statements that a connection runs from now on."""
    statements: dict[str, None] = {}

    def seen(_: apsw.Cursor, sql: str, __: Any) -> bool:
        statements[sql] = None
        return True

    db.exec_trace = seen
    return statements


async def live(store: SqliteStore, clock: FakeClock) -> None:
    """Use every call at least once, on jobs of every kind."""
    limits = SubmitLimits(rate_per_minute=1_000, client_unfinished=1_000, queue_unfinished=1_000)
    twin = track()
    await store.submit(replace(twin, idempotency=Idempotency("key", "0" * 64)), limits)
    await store.add_key(ANN)
    await store.add_key(session(1))
    await store.keys()
    await store.remove_key("ann")
    await store.listen(DAY)
    await store.submit(twin, limits)
    await store.prioritize(twin.id, Priority.HIGH)
    album_id = await open_album(store, 4)
    other = await open_album(store, 3, "bob")
    held = await claim_one(store)
    await store.renew("w1", {held.token: at(Phase.TRANSFER, 5)}, LEASE_MS)
    await store.reserve(held, "Name", "name")
    await store.describe(held, title="Title", artist="Artist", album="Album")
    await store.commit(held, PUBLICATION)
    await store.retract(held)
    await complete(store, held)
    await store.poll("w1", [held.token, "1:gone"])
    for one in await claim(store, tracks=3):
        await (delay(store, one) if one.position == 1 else fail(store, one))
    await store.pause(album_id)
    await store.resume(album_id)
    await store.cancel(album_id)
    await store.retry(album_id)
    await claim(store, "w2", tracks=2, albums=2)
    await stall(store, "w2")
    await claim(store, "w2", tracks=9)
    await spend(store)
    await notices(store)
    clock.advance(LEASE_MS)
    await sweep_all(store)
    await store.delete(other)
    await store.living([f"{album_id}.1", album_id])
    await store.discarded("w2", [(f"{other}.1", 1)])
    await store.heartbeat("w1", "host", 4)
    await store.steer(ControlChange(paused=True))
    await store.steer(ControlChange(paused=False))
    await store.cancel(album_id)
    await read(store, album_id)
    await move(store, album_id)
    clock.advance(DAY)
    await sweep_all(store)
    await store.prune(KEEP_NOTHING)


async def spend(store: SqliteStore) -> None:
    """Use all that there is about the bytes of a client."""
    limits = SubmitLimits(client_bytes=100)
    await store.submit(track("dan"), limits)
    (held,) = [one for one in await claim(store, "w3", tracks=9) if one.client == "dan"]
    await store.delete(held.job_id)
    await store.renew("w3", {held.token: Mark(Phase.TRANSFER, received=200)}, LEASE_MS)
    await store.submit(track("dan"), SubmitLimits())
    for allowed in (100, 150, 0):
        await store.claim(ClaimRequest("w4", 0, 9, LEASE_MS, 0, allowed))
        await store.claim(ClaimRequest("w4", 9, 0, LEASE_MS, 0, allowed))
    with pytest.raises(QuotaExceeded):
        await store.submit(track("dan"), limits)


async def notices(store: SqliteStore) -> None:
    """Use every call about notices and deliveries."""
    pending = await store.pending()
    told = [NewDelivery(f"msg_{number}", "a", "https://a.example", Topic.TEST, "{}") for number in range(3)]
    await store.tell(told, from_round=pending.round, upto=pending.notices[0].number, memory="{}")
    one, two, _ = (await store.take_deliveries(["a", "b"], 3, LEASE_MS)).deliveries
    await store.settle_delivery(one, "received", received=True)
    await store.settle_delivery(two, "not received", received=False, delay_ms=1_000)
    await store.deliveries(5)


async def move(store: SqliteStore, album_id: str) -> None:
    """Use every call of a move, on an album in pages that comes back."""
    long = await open_album(store, PAGE + 1, "cem")
    for job_id in (album_id, long):
        await store.abandon_move(job_id)
        assert await store.begin_move(job_id)
        await store.moving()
        pages = [await store.dump(job_id)]
        while (following := pages[-1].following) is not None:
            pages.append(await store.dump(job_id, start=following))
        await store.finish_move(job_id)
        for page in pages:
            await store.take_in(page)
        await sweep_all(store)


async def read(store: SqliteStore, album_id: str) -> None:
    """Use every reading call."""
    for order in JobOrder:
        for status in (None, *Status):
            first = await store.jobs(JobQuery(order=order, status=status, limit=1))
            if first.next is not None:
                await store.jobs(JobQuery(order=order, status=status, limit=1, cursor=first.next))
    await store.job(album_id)
    await store.tracks(album_id, limit=2)
    await store.files(album_id)
    await store.named_elsewhere(album_id, [PUBLICATION.path])
    feed = await store.events(None)
    await store.events(feed.last)
    await store.counts()
    await store.oldest()
    await store.metrics()
    await store.workers()


@pytest.fixture
async def statements(database: Any, clock: FakeClock) -> list[tuple[str, list[str]]]:
    """Every statement of a busy life with its plan."""
    store = await open_sqlite(database, clock)
    reader = store._reader.db
    written, reads = trace(store._writer.db), trace(reader)
    await live(store, clock)
    plan: Callable[[str], list[str]] = lambda sql: [  # noqa: E731 - used twice, right here
        str(row[3]) for row in store._writer.db.execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * parameters(sql))
    ]
    store._writer.db.exec_trace = None
    queries = [sql for sql in (*written, *reads) if sql.split()[0] in ("SELECT", "UPDATE", "DELETE")]
    plans = [(sql, plan(sql)) for sql in queries]
    await store.close()
    return plans


def parameters(sql: str) -> int:
    """How many values a statement takes."""
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    return max(numbered, default=0) or sql.count("?")


async def test_nothing_is_scanned(statements: list[tuple[str, list[str]]]) -> None:
    """What is read without a key is a few rows, or the beginning of an index or a table up to a LIMIT."""
    assert len(statements) > 60
    for sql, plan in statements:
        for line in plan:
            scanned = re.match(r"SCAN (\w+)", line)
            if scanned and scanned[1] not in SMALL:
                assert "LIMIT" in sql, (sql, line)


async def test_nothing_is_sorted(statements: list[tuple[str, list[str]]]) -> None:
    """Every order comes out of an index."""
    sorts = [(sql, line) for sql, plan in statements for line in plan if "ORDER BY" in line]
    assert sorts == []


async def test_the_whole_life_uses_every_index(statements: list[tuple[str, list[str]]]) -> None:
    """An index that no statement uses only costs."""
    used = {name for _, plan in statements for line in plan for name in re.findall(r"INDEX (\w+)", line)}
    memory = await open_sqlite(None, FakeClock())
    rows = await memory._read(
        lambda unit: unit.all("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    )
    await memory.close()
    assert {name for (name,) in rows} - used == set()
