"""Keys while the queue is away: what was known goes on, and nothing is said that nobody can know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.support.clock import FakeClock
from tests.support.spoilt import spoil
from tests.support.switched import Line, Switch

from tonearm.api.keyring import FRESH_MS, Authenticator
from tonearm.api.keys import KeyRoutes
from tonearm.cli.exposure import check_exposure
from tonearm.clock import SystemClock
from tonearm.errors import Refused, StoreDamaged
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


@asynccontextmanager
async def damaged(place: Path) -> AsyncIterator[SqliteStore]:
    """A queue with a key, which nobody can read any more."""
    store = await open_sqlite(place, SystemClock())
    await store.add_key(ROOT)
    await store.close()
    spoil(place, "api_key")
    store = await open_sqlite(place, SystemClock())
    try:
        yield store
    finally:
        await store.close()


async def test_a_queue_whose_keys_are_damaged_opens_no_door(tmp_path: Path) -> None:
    """There are keys, and nobody can read them: that is not a first start while Redis is away. The refusal says why,
    and the log, once, what to do.
    """
    async with damaged(tmp_path / "queue.db") as store:
        clock = FakeClock()
        doorman = Authenticator(store, clock, open_to_all=True)
        with capture_logs() as logged:
            for _ in range(3):
                with pytest.raises(Refused, match=r"damaged.* no key can be checked.* log says what to do"):
                    await doorman.guards()
                clock.advance(FRESH_MS)

    (line,) = [line for line in logged if line["log_level"] == "error"]
    assert "tonearm restore" in line["reason"]


async def test_keys_that_are_damaged_once_more_are_told_once_more(main: SqliteStore) -> None:
    """A second time is another one; what was known goes on meanwhile."""
    clock, trouble = FakeClock(), [StoreDamaged("one"), None, StoreDamaged("one"), StoreDamaged("two")]
    await main.add_key(ROOT)
    doorman = Authenticator(main, clock, open_to_all=True)
    await doorman.read()
    keys = main.keys

    async def told() -> tuple[KeyRecord, ...]:
        if (error := trouble.pop(0)) is not None:
            raise error
        return await keys()

    main.keys = told  # type: ignore[method-assign]  # a store that is well again, and not
    with capture_logs() as logged:
        while trouble:
            clock.advance(FRESH_MS)
            assert await doorman.guards()

    assert [line["reason"] for line in logged if line["log_level"] == "error"] == ["one", "one", "two"]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_start_with_keys_that_are_damaged_says_so(tmp_path: Path, host: str) -> None:
    """Nobody is let in until somebody mends them: waiting does not."""
    async with damaged(tmp_path / "queue.db") as store:
        with capture_logs() as logged:
            await check_exposure(store, load({"HOST": host}), insecure_open=False)

    (line,) = logged
    assert line["log_level"] == "error"
    assert "tonearm restore" in line["reason"]
