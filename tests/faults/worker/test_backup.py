"""Commands at the queue of a running server: what they bring is whole, and no download waits for them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.steps import listed
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog
from tests.support.counts import count
from tests.support.server import Tonearm, tonearm, until

from tonearm.clock import SystemClock
from tonearm.store.sqlite import open_sqlite

BEFORE, AFTER = count(8, 60), count(8, 60)
"""Jobs that are acknowledged before a backup begins, and while it is made."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    document: dict[str, Any]
    err: str


async def command(folder: Path, database: Path, *arguments: str) -> Ended:
    """Run a command of ours as a process of its own, in this folder, on the queue in this database."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tonearm", *arguments, "--json"),
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "QUEUE_DATABASE": str(database)},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, err = await process.communicate()
    return Ended(process.returncode or 0, json.loads(said.splitlines()[-1]) if said else {}, err.decode())


async def found_in(database: Path) -> tuple[set[str], tuple[str, ...]]:
    """The jobs in a database that nobody has, and what its audit says."""
    store = await open_sqlite(database, SystemClock())
    try:
        return {job.id for job in await listed(store)}, await store.audit()
    finally:
        await store.close()


async def at_the_queue(server: Tonearm, *arguments: str) -> tuple[Ended, list[str]]:
    """Run a command while jobs are submitted; how it ended, and what was acknowledged meanwhile."""
    running = asyncio.create_task(command(server.folder, server.folder / "queue.db", *arguments))
    accepted = [await server.submit("track", 1, checkDuplicate=False) for _ in range(AFTER)]
    ended = await running
    assert ended.code == 0, ended.err
    return ended, accepted


async def test_a_backup_under_load_has_all_that_was_acknowledged_before(tmp_path: Path, noise: Noise) -> None:
    """It agrees with itself, restores elsewhere, downloads go on, and an export and a pruning go the same way."""
    elsewhere = tmp_path / "elsewhere" / "queue.db"
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path / "server", catalog.url, QUEUE_VERIFY="quick") as server:
            before = {await server.submit("track", 1, checkDuplicate=False) for _ in range(BEFORE)}
            backup, during = await at_the_queue(server, "backup", "backup.db")
            export, later = await at_the_queue(server, "export", "jobs.jsonl")
            pruned = await command(server.folder, server.folder / "queue.db", "prune", "--dry-run")
            refused = await command(server.folder, server.folder / "queue.db", "restore", "backup.db", "--replace")
            everything = before | {*during, *later}

            async def done() -> bool:
                return bool((await server.stats())["queue"]["completed"] == len(everything))

            await until("all of them arrive", done, seconds=100)
            left = {path.name for path in server.folder.iterdir()}
        assert (await command(tmp_path, elsewhere, "restore", str(server.folder / "backup.db"))).code == 0
        jobs, differences = await found_in(elsewhere)

    assert differences == ()
    assert before <= jobs <= everything
    assert backup.document["jobs"] == len(jobs)
    assert export.document["jobs"] >= len(before) + len(during)
    assert len((server.folder / "jobs.jsonl").read_text().splitlines()) == export.document["jobs"] + 2
    assert pruned.document == {"success": True, "dryRun": True, "completed": 0, "failed": 0, "cancelled": 0}
    assert (refused.code, "Stop it first" in refused.err) == (4, True)
    assert {name for name in left if "copy" in name or name.endswith(".part")} == set()
