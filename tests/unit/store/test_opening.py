"""Which store the settings ask for."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.contract.steps import claim, state_of, submit_track
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer

from tonearm.clock import SystemClock
from tonearm.model import State
from tonearm.settings import load
from tonearm.store.opening import open_served, open_store
from tonearm.store.spool import Spool
from tonearm.store.sqlite import SqliteStore, open_sqlite

URL = "redis://127.0.0.1:6379"
SHARED: Any = object()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What an engine in Redis was asked to open: the double has nothing of it but the door."""
    asked: list[tuple[str, int]] = []
    engine = ModuleType("tonearm.store.redis")

    async def open_redis(url: str, _clock: Any, *, worker_dead_ms: int) -> Any:
        asked.append((url, worker_dead_ms))
        return SHARED

    engine.open_redis = open_redis  # type: ignore[attr-defined]  # a module made by hand
    monkeypatch.setitem(sys.modules, "tonearm.store.redis", engine)
    return asked


@pytest.mark.parametrize("flags", [{}, {"REDIS_URL": URL, "REDIS_DISABLED": "1"}], ids=["unset", "disabled"])
async def test_without_redis_the_queue_is_the_file_of_the_settings(
    tmp_path: Path, asked: list[tuple[str, int]], flags: dict[str, str]
) -> None:
    """Also where Redis is named and switched off."""
    store = await open_store(load({"QUEUE_DATABASE": str(tmp_path / "queue.db"), **flags}), FakeClock())
    await store.close()

    assert (store.source, asked) == ("sqlite", [])
    assert (tmp_path / "queue.db").exists()


async def test_with_redis_the_queue_is_there_and_no_file_is_made(tmp_path: Path, asked: list[tuple[str, int]]) -> None:
    """The address is handed on as it is, and so is the time after which a worker is dead."""
    flags = {"QUEUE_DATABASE": str(tmp_path / "queue.db"), "REDIS_URL": URL, "QUEUE_WORKER_DEAD_MS": "7000"}

    assert await open_store(load(flags), FakeClock()) is SHARED
    assert asked == [(URL, 7_000)]
    assert not (tmp_path / "queue.db").exists()


@pytest.mark.parametrize("works", [True, False], ids=["with a worker", "without"])
async def test_without_redis_a_server_that_works_goes_on_with_what_was_being_handed_over(
    tmp_path: Path, *, works: bool
) -> None:
    """One that only answers requests leaves it to whoever is going to work, and so does who opens the queue to look."""
    settings = load({"QUEUE_DATABASE": str(tmp_path / "queue.db")})
    before = await open_sqlite(settings.database, SystemClock())
    job = await submit_track(before)
    assert await before.begin_move(job)
    await before.close()

    await (await open_store(settings, SystemClock())).close()
    served = await open_served(settings, SystemClock(), works=works)

    assert isinstance(served, SqliteStore)
    assert await served.moving() == (() if works else (job,))
    assert len(await claim(served, tracks=1)) == (1 if works else 0)
    await served.close()


async def test_a_server_that_goes_to_redis_takes_the_jobs_of_its_file_along(tmp_path: Path) -> None:
    """So one machine becomes many by a setting; the file is where jobs lie when Redis is away from then on."""
    flags = {"QUEUE_DATABASE": str(tmp_path / "queue.db")}
    alone = await open_served(load(flags), SystemClock())
    job = await submit_track(alone)
    await alone.close()

    with RedisServer(aof="always") as redis:
        settings = load(flags | {"REDIS_URL": redis.url})
        served = await open_served(settings, SystemClock())
        assert isinstance(served, Spool)
        await served.look()
        shared = await open_store(settings, SystemClock())

        assert await state_of(shared, job) is State.READY
        assert served.warning is None
        await shared.close()
        await served.close()
