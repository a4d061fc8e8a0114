"""Telling: what a reload changes holds for webhooks too, which have a client of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.support.receiver import SECRET, Mood, Receiver
from tests.support.server import until
from tests.support.service import Service

from tonearm.cli.rereading import Rereading
from tonearm.cli.telling import telling
from tonearm.clock import SystemClock
from tonearm.errors import SetupError
from tonearm.notices import addresses_of, services_of, trial
from tonearm.settings import load
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite


async def answer(store: Store, url: str) -> str:
    """What comes of one try to tell this address."""
    (made,) = trial(0).deliveries(addresses_of([url]))
    await store.tell([made])

    async def tried() -> str | None:
        found = {each.id: each.answer for each in (await store.deliveries(100)).deliveries}
        return found[made.id]

    return str(await until("it was tried", tried))


async def test_a_reload_changes_what_may_be_told_and_how_long_is_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The private addresses that are allowed, and the longest wait for an answer."""
    file = tmp_path / "own.toml"
    monkeypatch.setenv("TONEARM_CONFIG", str(file))
    monkeypatch.setenv("QUEUE_WEBHOOK_SECRET", SECRET)
    async with Receiver() as receiver:
        monkeypatch.setenv("QUEUE_WEBHOOK_URLS", receiver.url)
        file.touch()
        settings, clock = load(), SystemClock()
        rereading, store = Rereading(settings), await open_sqlite(None, clock)
        async with telling(store, settings, clock, rereading):
            assert "not a public address" in await answer(store, receiver.url)

            receiver.mood = Mood.HANGS
            file.write_text('QUEUE_FETCH_ALLOW = ["127.0.0.1"]\nQUEUE_WEBHOOK_TIMEOUT_MS = 100\n', "utf-8")
            rereading.now()
            assert await answer(store, receiver.url) == "No answer within 0.1 s"
        await store.close()


async def test_messages_go_beside_webhooks_and_need_their_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the start fails and says what to install; with it a service is told by itself."""
    monkeypatch.chdir(tmp_path)
    async with Service() as service:
        monkeypatch.setenv("QUEUE_NOTIFY_URLS", service.url)
        settings, clock = load(), SystemClock()
        rereading, store = Rereading(settings), await open_sqlite(None, clock)
        with monkeypatch.context() as without:
            without.setitem(sys.modules, "apprise", None)
            without.delitem(sys.modules, "tonearm.notices.messaging", raising=False)
            with pytest.raises(SetupError, match=r"pip install 'tonearm\[apprise\]'"):
                await telling(store, settings, clock, rereading).__aenter__()

        async with telling(store, settings, clock, rereading):
            (made,) = trial(0).deliveries(services_of([service.url]))
            await store.tell([made])
            await until("it was told", lambda: len(service.messages) == 1)
        await store.close()
