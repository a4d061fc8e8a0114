"""The design that was replaced: all records in one Redis hash, as JSON, read and filtered whole at every question.

It is measured as it stood, with its reading, its decoding and its one write, but without what it did besides, such as
the HTTP around an answer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.redis_server import RedisServer

KEY = "queue"
STEP = 2_000
"""Records that are written at a time."""

Record = dict[str, Any]


def fill(server: RedisServer, finished: int, unfinished: int = 0) -> None:
    """Enter so many records."""
    for begin in range(0, finished + unfinished, STEP):
        numbers = range(begin, min(begin + STEP, finished + unfinished))
        states = ("completed" if number < finished else "queued" for number in numbers)
        records = {f"job-{number}": _record(number, state) for number, state in zip(numbers, states, strict=True)}
        server.client.hset(KEY, mapping=records)


def submit(server: RedisServer, number: int) -> None:
    """Add a job that waits."""
    server.client.hset(KEY, f"job-{number}", _record(number, "queued"))


def claim(server: RedisServer) -> None:
    """Take the job that waited longest."""
    waiting = [record for record in _read_all(server) if record["status"] == "queued"]
    first = min(waiting, key=_created)
    server.client.hset(KEY, first["id"], json.dumps({**first, "status": "processing"}))


def stats(server: RedisServer) -> bytes:
    """The counts by status."""
    return json.dumps(Counter(record["status"] for record in _read_all(server))).encode()


def first_page(server: RedisServer, limit: int) -> bytes:
    """The jobs that wait, then the newest of the others."""
    records = _read_all(server)
    waiting = sorted((record for record in records if record["status"] == "queued"), key=_created)
    others = sorted((record for record in records if record["status"] != "queued"), key=_created, reverse=True)
    return json.dumps([*waiting, *others][:limit]).encode()


def _created(record: Record) -> int:
    return int(record["createdAt"])


def _read_all(server: RedisServer) -> Sequence[Record]:
    return [json.loads(text) for text in server.client.hgetall(KEY).values()]


def _record(number: int, status: str) -> str:
    """A job as that design wrote it."""
    return json.dumps(
        {
            "id": f"job-{number}",
            "job": {"type": "track", "trackId": number, "quality": "LOSSLESS"},
            "status": status,
            "priority": 0,
            "progress": 1.0 if status == "completed" else 0.0,
            "trackTitle": f"Title {number}",
            "artistName": "Artist",
            "albumTitle": f"Album {number // 12}",
            "createdAt": 1_700_000_000_000 + number,
            "updatedAt": 1_700_000_000_900 + number,
            "filePath": "Artist/Album/01 Title.flac",
            "error": None,
        }
    )
