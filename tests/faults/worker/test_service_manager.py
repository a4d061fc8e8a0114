"""Real processes under a service manager: when they are ready, alive and stopping, and when they are not."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.support.catalog import ScriptedCatalog
from tests.support.server import Tonearm, until
from tests.support.service_manager import ServiceManager

WATCHED_S = 2.0


async def test_a_worker_says_what_it_really_does(tmp_path: Path) -> None:
    """Waiting as long as its queue is away, ready, alive round by round, silent when its loop is held up, stopping."""
    away, block = tmp_path / "away", tmp_path / "block"
    away.touch()
    with ServiceManager() as manager:
        settings: dict[str, Any] = {
            "REDIS_URL": "redis://127.0.0.1:9",
            "QUEUE_WORKER_DEAD_MS": 900,  # a third of it is the longest wait of the claim loop
            "NOTIFY_SOCKET": manager.address,
            "WATCHDOG_USEC": round(WATCHED_S * 1_000_000),
        }
        async with (
            ScriptedCatalog() as catalog,
            Tonearm(
                tmp_path, catalog.url, command="worker", breakage=f"shared:{away} blocked:{block}", **settings
            ) as worker,
        ):
            await until("it waits", lambda: "EXTEND_TIMEOUT_USEC=60000000" in manager.said)
            assert manager.said[0] == "STATUS=Waiting for the queue, which does not answer"
            assert "READY=1" not in manager.said
            away.unlink()
            await until("it is ready", lambda: "READY=1" in manager.said)
            await until("it is alive", lambda: manager.said.count("WATCHDOG=1") >= 3)
            assert manager.silent_s < WATCHED_S
            await until("it tells people", lambda: "STATUS=0 of 4 downloads run" in manager.said)

            block.touch()
            await until("it would be ended", lambda: manager.silent_s > WATCHED_S)
            block.unlink()
            before = manager.said.count("WATCHDOG=1")
            await until("it is alive again", lambda: manager.said.count("WATCHDOG=1") > before)

            await worker.terminate(signal.SIGHUP)
            await until("it has read its settings anew", lambda: manager.said.count("READY=1") == 2)
            assert "RELOADING=1" in manager.said
            await worker.terminate()
            assert await worker.ended() == 0
            assert manager.said[-1] == "STOPPING=1"


async def test_a_server_that_cannot_listen_is_never_ready(tmp_path: Path) -> None:
    """Nothing is said before it listens, so what is ordered behind it does not begin."""
    with ServiceManager() as manager, socket.create_server(("127.0.0.1", 0)) as taken:
        settings: dict[str, Any] = {"NOTIFY_SOCKET": manager.address, "PORT": taken.getsockname()[1]}
        with pytest.raises(AssertionError, match="ended at its start"):
            async with Tonearm(tmp_path, "http://127.0.0.1:9", **settings):
                pass
        assert manager.said == []
