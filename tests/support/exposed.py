"""Servers that others could reach, in a network of their own where nobody else is.

Run as a program inside a new namespace of networks (`unshare --net`), it gives the loopback interface an address that
is not a loopback one, starts real servers that listen on all addresses, calls them by that one, and prints as JSON what
came of it. Nothing leaves the machine: the network has no other interface.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import aiohttp

from tests.support.programs import find
from tests.support.server import API, Tonearm
from tonearm.clock import SystemClock
from tonearm.model import KeyRecord, Scope
from tonearm.store.sqlite import open_sqlite

ADDRESS = "192.0.2.7"
CATALOG = "http://127.0.0.1:9"
JOB = {"job": {"type": "track", "trackId": 1, "quality": "LOW"}}


async def called(folder: Path, *arguments: str, keyed: bool = False) -> dict[str, int]:
    """What a server answers to calls without a key from outside; of one that did not start, how often it says why."""
    server = Tonearm(folder, CATALOG, HOST="0.0.0.0")
    server.arguments += arguments
    if keyed:
        store = await open_sqlite(folder / "queue.db", SystemClock())
        await store.add_key(KeyRecord("root", Scope.ADMIN, "0" * 64, 1))
        await store.close()
    try:
        async with server, aiohttp.ClientSession(f"http://{ADDRESS}:{server.port}") as http:
            found: dict[str, int] = {}
            for method, path in (("GET", "/healthz"), ("GET", API), ("POST", API)):
                async with http.request(method, path, json=JOB if method == "POST" else None) as answer:
                    found[f"{method} {path}"] = answer.status
            return found
    except AssertionError:
        return {"the queue has no key": server.tail().count("the queue has no key")}


async def main(folder: Path) -> dict[str, dict[str, int]]:
    """Each kind of server, by name."""
    kinds = {
        "without keys": called(folder / "1"),
        "insecure": called(folder / "2", "--insecure-open"),
        "insecure, with a key": called(folder / "3", "--insecure-open", keyed=True),
    }
    return dict(zip(kinds, await asyncio.gather(*kinds.values()), strict=True))


if __name__ == "__main__":
    subprocess.run([find("ip"), "link", "set", "lo", "up"], check=True)
    subprocess.run([find("ip"), "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    with tempfile.TemporaryDirectory() as made:
        json.dump(asyncio.run(main(Path(made))), sys.stdout)
