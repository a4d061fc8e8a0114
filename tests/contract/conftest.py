"""Fixtures of the contract: a clock that is moved by hand, and a store of each engine in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.contract.engines import ENGINES, Engine
from tests.contract.usual import left_out
from tests.support.clock import FakeClock
from tests.support.counts import ALL
from tests.support.quick import quick_folder
from tonearm.store.base import Store


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to a run with `--all` what a usual one does not ask of every engine."""
    if ALL:
        return
    left = list(left_out([item for item in items if item.path.parent == Path(__file__).parent]))
    gone = set(left)
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=left)


class Reopened:
    """A durable store that a test may close and open again, as a restarted process does."""

    def __init__(self, engine: Engine, place: Path, clock: FakeClock) -> None:
        self.engine = engine
        self.folder = place
        """Where its files lie, if it has some."""
        self._clock = clock

    async def open(self) -> Store:
        """Open the store in its place."""
        return await self.engine.open(self.folder, self._clock)

    async def contents(self) -> dict[str, int]:
        """What lies in the closed store: rows by table."""
        assert self.engine.contents is not None
        return await self.engine.contents(self.folder)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen = request.param
    assert isinstance(chosen, Engine)
    return chosen


@pytest.fixture
def quick_place() -> Iterator[Path]:
    """A private folder, in memory where there is such a thing: what is asked here does not outlive a test."""
    with quick_folder() as place:
        yield place


@pytest.fixture
async def store(engine: Engine, quick_place: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """A new store. After every test its records and its indexes must still agree."""
    opened = await engine.open(quick_place, clock)
    yield opened
    try:
        differences = await opened.audit()
        await opened.close()
    finally:
        await engine.clear()
    assert differences == ()


@pytest.fixture
async def other(engine: Engine, quick_place: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """Another store of the same kind, which nothing connects with the first."""
    (quick_place / "other").mkdir()
    opened = await engine.open(quick_place / "other", clock)
    yield opened
    differences = await opened.audit()
    await opened.close()
    assert differences == ()


@pytest.fixture(params=[engine for engine in ENGINES if engine.durable], ids=lambda engine: engine.name)
async def durable(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Reopened]:
    """A durable engine in a private place, not opened yet."""
    engine: Engine = request.param
    yield Reopened(engine, tmp_path, clock)
    await engine.clear()
