"""Store time: it neither stops nor runs back, and no setting of the clock hurries it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest
from tests.contract.steps import submit_track
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, START_WALL_MS, YEAR, FakeClock

from tonearm.store.sqlite import SqliteStore, open_sqlite
from tonearm.store.sqlite.storetime import LONGEST_OFF_MS


def now(store: SqliteStore) -> int:
    """The store time of an open store."""
    return store._time.now()


async def reopened(store: SqliteStore, database: Path, clock: FakeClock) -> SqliteStore:
    """Close and open, as a restart does."""
    await store.close()
    return await open_sqlite(database, clock)


@pytest.mark.parametrize("step", [-HOUR, 10 * YEAR, -10 * YEAR])
async def test_a_step_of_the_wall_clock_moves_what_is_shown_and_nothing_else(
    store: SqliteStore, clock: FakeClock, step: int
) -> None:
    """Store time counts on; the time of submission moves with the wall clock, so that it agrees with it."""
    job_id = await submit_track(store)
    before = now(store)
    clock.advance(SECOND)
    clock.step_wall(step)

    assert now(store) == before + SECOND
    assert (await store.job(job_id)).created_at == clock.wall_ms() - SECOND


@pytest.mark.parametrize("step", [-HOUR, 10 * YEAR])
async def test_a_restart_in_the_same_boot_goes_on_exactly(database: Path, clock: FakeClock, step: int) -> None:
    """The clock that counts through the boot says how long the process was away."""
    store = await open_sqlite(database, clock)
    before = now(store)
    clock.step_wall(step)
    clock.advance(5 * MINUTE)
    store = await reopened(store, database, clock)

    assert now(store) == before + 5 * MINUTE
    await store.close()


async def test_after_a_boot_the_wall_clock_says_how_long_it_took(database: Path, clock: FakeClock) -> None:
    """A machine that was off for a day has aged by a day."""
    store = await open_sqlite(database, clock)
    before = now(store)
    clock.reboot("boot-2", away_ms=DAY)
    store = await reopened(store, database, clock)

    assert now(store) == before + DAY
    await store.close()


@pytest.mark.parametrize("step", [-YEAR, -SECOND, LONGEST_OFF_MS + 1, 10 * YEAR])
async def test_a_boot_with_a_wrong_clock_takes_no_time(database: Path, clock: FakeClock, step: int) -> None:
    """Backwards or by more than a year is not believed."""
    store = await open_sqlite(database, clock)
    before = now(store)
    clock.reboot("boot-2", away_ms=step)
    store = await reopened(store, database, clock)

    assert now(store) == before
    await store.close()


async def test_time_never_begins_before_what_is_recorded(database: Path, clock: FakeClock) -> None:
    """The anchor can be a little old when the power goes; the newest record says how old."""
    store = await open_sqlite(database, clock)
    clock.advance(900)
    job_id = await submit_track(store)
    newest = now(store)
    clock.reboot("boot-2", away_ms=-HOUR)
    store = await reopened(store, database, clock)

    assert now(store) >= newest
    assert (await store.job(job_id)).updated_at <= clock.wall_ms()
    await store.close()


async def test_the_anchor_is_kept_at_most_once_a_second(store: SqliteStore, clock: FakeClock) -> None:
    """It rides on commits that happen anyway."""

    async def anchor() -> int:
        row = await store._read(lambda unit: unit.one("SELECT value FROM meta WHERE key = 'anchor:store'"))
        assert row is not None
        return int(row[0])

    assert await anchor() == START_WALL_MS
    clock.advance(999)
    await submit_track(store)
    assert await anchor() == START_WALL_MS
    clock.advance(1)
    await submit_track(store)
    assert await anchor() == START_WALL_MS + SECOND


async def test_a_database_of_an_earlier_build_says_nothing_of_what_was_shown(database: Path, clock: FakeClock) -> None:
    """Its anchor has no shift: it opens, and shows the times of the wall clock."""
    store = await open_sqlite(database, clock)
    job_id = await submit_track(store)
    shown = (await store.job(job_id)).created_at
    await store.close()
    with closing(apsw.Connection(str(database))) as db:
        db.execute("DELETE FROM meta WHERE key = 'anchor:shift'")
    store = await open_sqlite(database, clock)

    assert (await store.job(job_id)).created_at == shown
    await store.close()


async def test_a_slewed_clock_changes_no_record(database: Path, clock: FakeClock) -> None:
    """Two looks at one record show the same times, also after a restart; only a step of the wall clock is followed."""
    store = await open_sqlite(database, clock)
    job_id = await submit_track(store)
    shown = (await store.job(job_id)).created_at
    clock.step_wall(3)
    assert (await store.job(job_id)).created_at == shown

    store = await reopened(store, database, clock)
    assert (await store.job(job_id)).created_at == shown
    clock.step_wall(2 * SECOND)
    assert (await store.job(job_id)).created_at == shown + 2 * SECOND + 3
    await store.close()
