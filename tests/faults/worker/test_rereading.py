"""SIGHUP: a running process reads its settings anew, says what changed and what cannot, and stays as it was if they are
wrong.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.faults.worker.test_worker_alone import Alone
from tests.support.catalog import ScriptedCatalog
from tests.support.server import Tonearm, tonearm, until

SAID = ("The settings were read again", "The settings cannot be used, so nothing changed")


class Reread:
    """The settings file of a server, and what the server says when it has read it again."""

    def __init__(self, folder: Path, text: str = "") -> None:
        self.path = folder / "own.toml"
        self.path.write_text(text, "utf-8")
        self.path.chmod(0o644)
        self._heard = 0

    async def __call__(self, server: Tonearm, text: str) -> dict[str, Any]:
        """Write the file, ask the server to read it, and answer the one line that tells of it."""
        self.path.write_text(f'LOG_FORMAT = "json"\n{text}', "utf-8")
        os.kill(server.pid, signal.SIGHUP)
        lines = await until("the settings are read", lambda: self._told(server)[self._heard :])
        self._heard += len(lines)
        (line,) = lines
        return dict(line)

    def _told(self, server: Tonearm) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in server.log.read_text("utf-8").splitlines() if line.endswith("}")]
        return [line for line in lines if line["event"] in SAID]


async def test_what_can_change_at_run_time_changes_and_the_rest_is_named(tmp_path: Path) -> None:
    """In every part: the API, the worker, the client to the outside, the log. A wrong file changes nothing at all."""
    reread = Reread(tmp_path, "QUEUE_MAX_CONCURRENT = 2\n")
    async with (
        ScriptedCatalog() as catalog,
        tonearm(tmp_path / "server", catalog.url, TONEARM_CONFIG=reread.path) as server,
    ):

        async def slots() -> int:
            return int((await server.stats())["worker"]["maxConcurrent"])

        async def kept_free() -> int:
            return int((await server.call("GET", "/health"))[1]["disk"]["minBytes"])

        async def called(name: str) -> int:
            return (await server.call("GET", "/stats", headers={"Host": name}))[0]

        async def token() -> str | None:
            heard = len(catalog.requests)
            await server.wait_for(await server.submit("track", 1), "failed")
            return catalog.requests[heard].headers.get("Authorization")

        await until("the worker has two slots", lambda: _is(slots, 2))
        assert (await called("music.example"), await token()) == (421, None)

        told = await reread(
            server,
            'QUEUE_MAX_CONCURRENT = 3\nQUEUE_ALLOWED_HOSTS = ["music.example"]\nINTERNAL_API_TOKEN = "hunter2"\n'
            "QUEUE_LEASE_MS = 90_000\nQUEUE_DISK_SPACE_MIN_MB = 1\n",
        )
        assert told["changed"] == [
            "QUEUE_DISK_SPACE_MIN_MB: 100 -> 1",
            "QUEUE_MAX_CONCURRENT: 2 -> 3",
            "QUEUE_ALLOWED_HOSTS: not set -> music.example",
            "INTERNAL_API_TOKEN",
            "LOG_FORMAT: text -> json",
        ]
        assert f"can read INTERNAL_API_TOKEN in {reread.path}" in server.log.read_text("utf-8")
        assert told["needs_restart"] == ["QUEUE_LEASE_MS: 60000 -> 90000"]
        await until("the worker has three slots", lambda: _is(slots, 3))
        assert (await called("music.example"), await token()) == (200, "Bearer hunter2")
        await until("the worker leaves less of the disk free", lambda: _is(kept_free, 1_000_000))

        told = await reread(server, "QUEUE_MAX_CONCURRENT = 0\nQUEUE_MAX_SIZE = 7\n")
        assert f"QUEUE_MAX_CONCURRENT=0 ({reread.path}): must be a whole number from 1" in told["error"]
        assert (await called("music.example"), await slots()) == (200, 3)

        told = await reread(server, 'QUEUE_ALLOWED_HOSTS = ["music.example"]\n')
        changed = ["QUEUE_DISK_SPACE_MIN_MB: 1 -> 100", "QUEUE_MAX_CONCURRENT: 3 -> 4", "INTERNAL_API_TOKEN"]
        assert told["changed"] == changed
        assert "needs_restart" not in told


async def test_a_worker_alone_reads_its_settings_anew_too(tmp_path: Path) -> None:
    """While it waits for its queue, and it goes on afterwards."""
    reread = Reread(tmp_path)
    (tmp_path / "away").touch()
    async with ScriptedCatalog() as catalog, Alone(tmp_path, catalog.url, TONEARM_CONFIG=reread.path) as worker:
        told = await reread(worker, "QUEUE_DISK_SPACE_MIN_MB = 1\nBASE_PATH = '/music'\n")
        (tmp_path / "away").unlink()

        assert told["changed"] == ["QUEUE_DISK_SPACE_MIN_MB: 100 -> 1", "LOG_FORMAT: text -> json"]
        assert told["needs_restart"] == ["BASE_PATH: not set -> /music"]
        await until("it is at work", worker.ready)


async def _is(ask: Any, value: object) -> bool:
    return bool(await ask() == value)
