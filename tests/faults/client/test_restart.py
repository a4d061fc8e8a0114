"""The clients of a server that is killed in the middle."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.server import tonearm, until

from tonearm.client import Action, AsyncClient, Event, JobChanged, Removed, Snapshot
from tonearm.model import JobType, Quality

NO_CATALOG = "http://127.0.0.1:9"


async def test_events_and_jobs_are_followed_through_the_death_of_the_server(tmp_path: Path) -> None:
    """No event comes twice or is missed, no snapshot is needed, and who waits for a job goes on waiting."""
    heard: list[Event] = []
    async with tonearm(tmp_path, NO_CATALOG) as server, AsyncClient(server.url) as client:

        async def listen() -> None:
            async for event in client.events():
                heard.append(event)  # noqa: PERF401 - what was heard counts although it does not end

        def told_of(job_id: str) -> list[str]:
            return [event.job.status for event in heard if isinstance(event, JobChanged) and event.job.id == job_id]

        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listen())
            await until("it listens", lambda: heard)
            first = (await client.submit(JobType.TRACK, 1, Quality.LOW, start_paused=True)).job_id
            waiting = group.create_task(client.wait(first, timeout=60))
            await until("the first is heard of", lambda: told_of(first))

            await server.kill()
            await server.start()
            second = (await client.submit(JobType.TRACK, 2, Quality.LOW, start_paused=True)).job_id
            await until("the second is heard of", lambda: told_of(second))
            await client.delete(second)
            await client.act(first, Action.CANCEL)

            assert (await waiting).status == "cancelled"
            await until("the removal is heard of", lambda: any(isinstance(event, Removed) for event in heard))
            await until("the end is heard of", lambda: "cancelled" in told_of(first))
            listening.cancel()

    assert [type(event) for event in heard].count(Snapshot) == 1
    numbered = [event.event_id for event in heard if isinstance(event, JobChanged | Removed)]
    assert len(numbered) == len(set(numbered))
