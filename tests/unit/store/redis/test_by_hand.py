"""What docs/explain/redis.md tells people to type answers something."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.contract.steps import claim_one, open_album
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer

from tonearm.store.redis import open_redis

PAGE = Path(__file__).parents[4] / "docs" / "explain" / "redis.md"


async def test_a_queue_can_be_read_by_hand(redis_server: RedisServer, redis_queue: str) -> None:
    """Every line of the page, on a queue whose first job is an album that is being worked on."""
    store = await open_redis(redis_server.url, FakeClock(), queue=redis_queue)
    job_id = await open_album(store, 3)
    await claim_one(store)
    await store.close()

    lines = re.findall(r"^redis-cli (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(lines) == 10
    for line in lines:
        shown = line.replace("job-1763900000000-k3v9x0q2ab", job_id).replace("{tonearm}", f"{{{redis_queue}}}")
        words = shlex.split(shown.replace("--scan --pattern", "SCAN 0 COUNT 100000 MATCH"))
        answer = redis_server.call(*words)
        assert answer[1] if words[0] == "SCAN" else answer, line
