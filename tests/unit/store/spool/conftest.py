"""Two stores of SQLite and a spool over them; the main one is behind a switch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.clock import FakeClock
from tests.support.switched import Line, Switch

from tonearm.store.spool import Spool, open_spool
from tonearm.store.sqlite import SqliteStore, open_sqlite


@dataclass
class Stores:
    """The main store, its switch, the local one in a file, and the spool of the present process."""

    clock: FakeClock
    place: Path
    main: SqliteStore
    switch: Switch
    local: SqliteStore
    spool: Spool

    async def restart(self) -> Spool:
        """Begin anew over the same stores, as after a kill: nothing that was in memory is left."""
        await self.local.close()
        self.local = await open_sqlite(self.place, self.clock)
        self.spool = await open_spool(self.switch.open, self.local)
        return self.spool

    async def go_away(self) -> None:
        """Let the main store not answer any more, and let that be noticed."""
        self.switch.set(Line.DOWN)
        await self.spool.counts()

    async def settle_down(self) -> None:
        """Let the main store be back, and hand over whatever can be."""
        self.switch.set(Line.UP)
        for _ in range(5):
            await self.spool.look()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def stores(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Stores]:
    """All of them, with the main store up. After every test the records and indexes of both must agree."""
    main = await open_sqlite(None, clock)
    place = tmp_path / "spool.db"
    local = await open_sqlite(place, clock)
    switch = Switch(main)
    made = Stores(clock, place, main, switch, local, await open_spool(switch.open, local))
    yield made
    assert await made.main.audit() == ()
    assert await made.local.audit() == ()
    await made.spool.close()
    await main.close()
