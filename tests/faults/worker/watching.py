"""What is seen from outside of a job, of its origin, and of the hosts that are left alone."""

from __future__ import annotations

from itertools import pairwise

from tests.support.catalog import ScriptedCatalog
from tests.support.server import Json, Tonearm


def story(record: Json) -> list[tuple[str, str | None]]:
    """Event and code of each line of a job's history."""
    return [(line["event"], line.get("code")) for line in record["history"]]


def spread(catalog: ScriptedCatalog, path: str) -> list[float]:
    """Seconds between the requests for a path."""
    at = [seen.at for seen in catalog.requests if seen.path == path]
    return [later - earlier for earlier, later in pairwise(at)]


async def waits(server: Tonearm) -> Json | None:
    """What /stats says of hosts that are left alone, once it says something."""
    worker: Json = (await server.stats())["worker"]
    return worker if "resting" in worker else None


async def holding(server: Tonearm) -> Json | None:
    """What /stats says of the workers, once it names a reason why nothing is begun."""
    worker: Json = (await server.stats())["worker"]
    return worker if "holding" in worker else None
