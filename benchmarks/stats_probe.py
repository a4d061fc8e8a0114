"""The prober: asks for `/stats` fifty times a second, as a program of its own, until its standard input ends.

    python -m benchmarks.stats_probe http://127.0.0.1:8080

Each request is sent when it is due, as many clients would: on a connection of its own if those before still wait. It
counts from the moment when it was due. Prints the milliseconds of each as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from tests.support.pages import ROOT
from tests.support.server import API

EVERY_S = 0.02


async def probe(url: str) -> list[float]:
    """Ask until standard input ends; milliseconds of each answer."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), daemon=True).start()
    taken: list[float] = []
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        await _ask(session, url, time.perf_counter())  # connects
        print("ready", flush=True)
        due = time.perf_counter()
        while not ended.is_set():
            group.create_task(_ask(session, url, due)).add_done_callback(lambda task: taken.append(task.result()))
            due += EVERY_S
            await asyncio.sleep(due - time.perf_counter())
    return taken


async def _ask(session: aiohttp.ClientSession, url: str, due: float) -> float:
    async with session.get(f"{url}{API}/stats") as answer:
        await answer.read()
        assert answer.status == 200, answer.status
    return (time.perf_counter() - due) * 1000


@contextmanager
def probing(url: str, taken: list[float]) -> Iterator[None]:
    """Probe while the block runs; its answers are added to *taken* at the end."""
    command = [sys.executable, "-m", "benchmarks.stats_probe", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is ready
        yield
        answered, _ = process.communicate()
    taken += json.loads(answered)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(probe(sys.argv[1]))))
