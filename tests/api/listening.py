"""A listener of the event stream, for tests: it reads frames, and keeps the picture that a page would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from tests.api.serving import PREFIX, Caller

Json = dict[str, Any]
DEADLINE_S = 10.0


@dataclass
class Told:
    """One event of a stream."""

    event: str
    data: Json
    id: str | None


@dataclass
class Listener:
    """A stream that is open, what was told so far, and the jobs as they follow from it."""

    answer: aiohttp.ClientResponse
    told: list[Told] = field(default_factory=list)
    jobs: dict[str, Json] = field(default_factory=dict)
    last: str | None = None

    async def next(self) -> Told:
        """The next event; comments and `retry` are passed over."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(DEADLINE_S):
            while True:
                raw = await self.answer.content.readline()
                if not raw:
                    raise EOFError
                line = raw.decode().removesuffix("\n")
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    told = Told(fields["event"], json.loads(fields["data"]), fields.get("id"))
                    self._take(told)
                    return told
                else:
                    fields.clear()

    async def until(self, wanted: Callable[[Told], bool]) -> Told:
        """The next event that is wanted."""
        while not wanted(told := await self.next()):
            pass
        return told

    async def catch_up(self, **seen: str) -> None:
        """Read until each of these jobs, by id, is told to have this status."""
        while any(self.jobs.get(job, {}).get("status") != status for job, status in seen.items()):
            await self.next()

    def _take(self, told: Told) -> None:
        self.told.append(told)
        self.last = told.id or self.last
        if told.event == "snapshot":
            self.jobs = {job["id"]: job for job in told.data["jobs"]}
        elif told.event == "job":
            self.jobs[told.data["id"]] = told.data
        elif told.event == "removed":
            self.jobs.pop(told.data["id"], None)


@asynccontextmanager
async def listening(api: Caller, after: str | None = None) -> AsyncIterator[Listener]:
    """Listen to *api*, from the beginning or after an event."""
    headers = {} if after is None else {"Last-Event-ID": after}
    timeout = aiohttp.ClientTimeout(total=60)
    async with api.http.get(
        f"{api.url}{PREFIX}/events", headers=headers, timeout=timeout, read_bufsize=2**22
    ) as answer:
        assert answer.status == 200, await answer.text()
        yield Listener(answer)


async def listed(api: Caller) -> dict[str, Json]:
    """What the list says, by id."""
    return {job["id"]: job for job in (await api.call("GET", "?limit=1000")).body["jobs"]}
