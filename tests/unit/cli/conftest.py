"""A command run in this process, and the scripted server of the client's tests."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.contract.steps import claim, complete, delay, fail, open_album, submit, track
from tests.unit.client.conftest import stage

from tonearm import settingsfile
from tonearm.cli import main
from tonearm.cli.terminal import out
from tonearm.client import exchange
from tonearm.clock import SystemClock
from tonearm.ops import errands
from tonearm.ops.hatch import Hatch
from tonearm.settings import load
from tonearm.store.base import PAGE, LocalStore, Store
from tonearm.store.sqlite import open_sqlite

__all__ = ["stage"]


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        """The JSON documents of stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ended]


@pytest.fixture
def tonearm(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command in this process; failed connections are repeated without a pause."""
    monkeypatch.setattr(exchange, "REPEAT_DELAYS", (0.0, 0.0))
    monkeypatch.setenv(settingsfile.NAMED_BY, os.devnull)  # `--config` sets it, here for the next test too

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tonearm", *arguments])
        try:
            code = main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    yield run
    out.json = False


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path) -> Iterator[None]:
    """No `.env` of the developer, no `.env` of another test."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(before)


def on(database: Path, work: Callable[[LocalStore], Awaitable[Any]]) -> Any:
    """Do something with the store in a database, and close it."""

    async def run() -> Any:
        store = await open_sqlite(database, SystemClock())
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


@contextmanager
def served(database: Path) -> Iterator[None]:
    """A server's store on a loop of its own, that does errands."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    store = run(open_sqlite(database, SystemClock()))
    hatch = Hatch(database, partial(errands.do, errands.Place(store, load(), SystemClock())))
    run(hatch.open())
    try:
        yield
    finally:
        run(hatch.close())
        run(store.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def fill(store: Store) -> None:
    """Jobs in several states, and an album of more than a page."""
    await submit(store, *[track() for _ in range(4)])
    done, failed, delayed = await claim(store, tracks=3)
    await complete(store, done)
    await fail(store, failed)
    await delay(store, delayed)
    await open_album(store, PAGE + 1, "bob")
    await claim(store, "w2", tracks=1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database that the settings name."""
    database = tmp_path / "here" / "queue.db"
    monkeypatch.setenv("QUEUE_DATABASE", str(database))
    return database


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another database."""
    return tmp_path / "elsewhere" / "queue.db"
