"""Keys while the queue is away: what was known goes on, and nothing is said that nobody can know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import apsw
import pytest
from tests.support.switched import Line, Switch

from tonearm.api.keyring import Authenticator
from tonearm.api.keys import KeyRoutes
from tonearm.cli.exposure import check_exposure
from tonearm.clock import SystemClock
from tonearm.errors import Refused
from tonearm.model import KeyRecord, Scope
from tonearm.settings import load
from tonearm.store.spool import Spool, open_spool
from tonearm.store.sqlite import SqliteStore, open_sqlite

ROOT = KeyRecord("root", Scope.ADMIN, "0" * 64, 1)


@asynccontextmanager
async def spool_before(switch: Switch, place: Path | None) -> AsyncIterator[Spool]:
    """The store of a server that has just started."""
    spool = await open_spool(switch.open, await open_sqlite(place, SystemClock()))
    try:
        await check_exposure(spool, load({}), insecure_open=False)
        yield spool
    finally:
        await spool.close()


@pytest.fixture
async def main() -> AsyncIterator[SqliteStore]:
    """What stands for the queue in Redis."""
    store = await open_sqlite(None, SystemClock())
    yield store
    await store.close()


@pytest.mark.parametrize("lasting", [True, False])
async def test_a_server_that_nobody_asked_before_the_queue_went_away_is_shut(
    main: SqliteStore, tmp_path: Path, *, lasting: bool
) -> None:
    """It has looked at its start, on a loopback address too; and its next start finds that on the disk."""
    await main.add_key(ROOT)
    switch, place = Switch(main), tmp_path / "spool.db" if lasting else None
    async with spool_before(switch, place) as spool:
        switch.set(Line.DOWN)
        assert await Authenticator(spool, SystemClock(), open_to_all=True).guards()
    if lasting:
        async with spool_before(switch, place) as spool:
            assert await Authenticator(spool, SystemClock(), open_to_all=True).guards()


async def test_that_there_is_no_key_is_not_said_while_the_queue_is_away(main: SqliteStore) -> None:
    """It may have some by now; the refusal says that the server is open all the same."""
    switch, settings, clock = Switch(main), load({}), SystemClock()
    async with spool_before(switch, None) as spool:
        routes = KeyRoutes(spool, settings, clock, Authenticator(spool, clock, open_to_all=True))
        assert (await routes.show()).status_code == 200
        switch.set(Line.DOWN)
        with pytest.raises(Refused, match=r"The queue is away.* lets in whoever reaches it"):
            await routes.show()


async def test_a_queue_that_is_only_slow_opens_no_door(main: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that were never read are not taken for none because the first reading took too long."""
    monkeypatch.setattr("tonearm.api.keyring.FIRST_READ_SECONDS", 0.01)
    asked = asyncio.Event()

    async def slowly() -> tuple[KeyRecord, ...]:
        await asked.wait()
        return ()

    monkeypatch.setattr(main, "keys", slowly)
    with pytest.raises(Refused, match="no key can be checked"):
        await Authenticator(main, SystemClock(), open_to_all=True).guards()


async def test_the_first_reading_is_waited_for(main: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine refuses nobody for it: longer than any later one may take."""
    monkeypatch.setattr("tonearm.api.keyring.READ_SECONDS", 0.0)

    assert await Authenticator(main, SystemClock(), open_to_all=True).guards() is False


async def test_all_who_come_at_once_wait_for_the_first_reading(main: SqliteStore) -> None:
    """And none of them is refused because another one is at it."""
    doorman = Authenticator(main, SystemClock(), open_to_all=True)

    assert await asyncio.gather(*(doorman.guards() for _ in range(5))) == [False] * 5


async def test_a_queue_whose_keys_are_damaged_opens_no_door(tmp_path: Path) -> None:
    """There are keys, and nobody can read them: that is not a first start while Redis is away."""
    place = tmp_path / "queue.db"
    store = await open_sqlite(place, SystemClock())
    await store.add_key(ROOT)
    await store.close()
    with closing(apsw.Connection(str(place))) as db:
        size = int(db.pragma("page_size"))
        pages = [int(str(number)) for (number,) in db.execute("SELECT pageno FROM dbstat WHERE name = 'api_key'")]
    with place.open("r+b") as file:
        for number in pages:
            file.seek((number - 1) * size)
            file.write(bytes(size))

    store = await open_sqlite(place, SystemClock())
    try:
        with pytest.raises(Refused, match="no key can be checked"):
            await Authenticator(store, SystemClock(), open_to_all=True).guards()
    finally:
        await store.close()
