"""What a list costs in Redis."""

from __future__ import annotations

import re

import pytest
from tests.contract.steps import submit_track
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer

from tonearm.model import JobQuery
from tonearm.store.redis import listing, open_redis

JOBS, SHOWN = 12, 4
HASHES = 2
"""What a record is read from: itself, and its texts."""


def records_read(server: RedisServer) -> int:
    """How many records were read since this was asked last."""
    found = re.search(r"cmdstat_hgetall:calls=(\d+)", str(server.call("INFO", "commandstats")))
    server.call("CONFIG", "RESETSTAT")
    return int(found[1]) // HASHES if found else 0


async def test_a_page_reads_the_records_that_it_shows_and_one_more(
    redis_server: RedisServer, redis_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one more tells that there is another page; a page as long as one call may be did read a second lot for it."""
    monkeypatch.setattr(listing, "PAGE", SHOWN)
    store = await open_redis(redis_server.url, FakeClock(), queue=redis_queue)
    for _ in range(JOBS):
        await submit_track(store)
    records_read(redis_server)

    page = await store.jobs(JobQuery(limit=SHOWN))

    read = records_read(redis_server)
    await store.close()
    assert len(page.jobs) == SHOWN
    assert page.next is not None
    assert read == SHOWN + 1
