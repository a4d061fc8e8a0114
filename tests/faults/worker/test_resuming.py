"""Resuming, end to end: what an attempt makes of the bytes of the one before, whatever ended that one.

Each case is one track: an origin that sends the beginning and stands still, and that answers in its own way when it is
asked again. All cases of one interruption go through one server at the same time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog
from tests.support.catalog import answer as in_json
from tests.support.music import pcm
from tests.support.origin import Origin, Visit, answer, head
from tests.support.server import Tonearm, tonearm, until

CUT = 100_000
"""Bytes of the beginning, less than half of a song."""
V1, V2 = {"ETag": '"v1"'}, {"ETag": '"v2"'}
NOON, BEFORE = "Sun, 23 Nov 2025 12:00:00 GMT", "Sun, 23 Nov 2025 11:59:59 GMT"
REST = (f"bytes={CUT}-", '"v1"')
WHOLE = (None, None)

Answer = Callable[[Visit, bytes, bytes], Awaitable[None]]
"""Answers a further request, with the song and another one at hand."""


def sends(status: int, body: Callable[[bytes, bytes], bytes], headers: Mapping[str, str] = V1) -> Answer:
    """An answer with this body."""

    async def script(visit: Visit, song: bytes, other: bytes) -> None:
        await answer(status, body(song, other), headers)(visit)

    return script


def rest(*, start: int = CUT, headers: Mapping[str, str] = V1) -> Answer:
    """206 with the song from *start* on."""

    async def script(visit: Visit, song: bytes, _: bytes) -> None:
        content_range = {"Content-Range": f"bytes {start}-{len(song) - 1}/{len(song)}"}
        await answer(206, song[start:], {**headers, **content_range})(visit)

    return script


def then_whole(first: Answer) -> Answer:
    """*first* to a request with a range, and the song to a plain one."""

    async def script(visit: Visit, song: bytes, other: bytes) -> None:
        chosen = first if "range" in visit.request.headers else the_song
        await chosen(visit, song, other)

    return script


the_song = sends(200, lambda song, _: song)
the_other = sends(200, lambda _, other: other, V2)


@dataclass(frozen=True)
class Case:
    """One track: how the first answer is labelled, what follows, and what then has to be asked for."""

    name: str
    again: Answer
    asked: list[tuple[str | None, str | None]]
    """Range and If-Range of each request after the first."""
    labels: Mapping[str, str] = field(default_factory=lambda: V1)
    other: bool = False
    """Whether the file that arrives is the other song."""
    first: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the catalog says of the medium at the first attempt: the end of its `url`, and whose `sum` it gives."""
    later: Mapping[str, str] = field(default_factory=dict[str, str])
    """The same at every later attempt."""
    rebooted: bool = False
    """Whether the machine is started anew meanwhile."""


CASES = [
    Case("the same file", rest(), [REST]),
    Case("the same file by its date", rest(headers={}), [(REST[0], BEFORE)], {"Last-Modified": BEFORE, "Date": NOON}),
    Case("a date of the same second", the_song, [WHOLE], {"Last-Modified": NOON, "Date": NOON}),
    Case("a date without the server's own", the_song, [WHOLE], {"Last-Modified": BEFORE}),
    Case("a weak tag", the_song, [WHOLE], {"ETag": 'W/"v1"'}),
    Case("no validator", the_song, [WHOLE], {}),
    Case("another file since", the_other, [REST], other=True),
    Case("a server that ignores ranges", the_song, [REST]),
    Case("a rest under another tag", then_whole(rest(headers=V2)), [REST, WHOLE]),
    Case("another range", then_whole(rest(start=CUT - 1)), [REST, WHOLE]),
    Case("a range without a label", then_whole(sends(206, lambda song, _: song[CUT:])), [REST, WHOLE]),
    Case("no such range", then_whole(sends(416, lambda *_: b"")), [REST, WHOLE]),
    Case("another signature", rest(), [REST], first={"url": "?signed=1"}, later={"url": "?signed=2"}),
    Case("another place", the_song, [WHOLE], later={"url": "/moved"}),
    Case("another place, the same sum", rest(), [REST], first={"sum": "song"}, later={"sum": "song", "url": "/moved"}),
    Case("another sum", the_other, [WHOLE], other=True, first={"sum": "song"}, later={"sum": "other"}),
    Case("another boot", the_song, [WHOLE], rebooted=True),
]


class Stand:
    """An origin and a catalog with a track for each case, and what was asked of them."""

    def __init__(self, cases: list[Case], songs: Mapping[str, bytes]) -> None:
        self.cases = dict(enumerate(cases, 1))
        self.songs = songs
        self.visits: dict[int, list[Visit]] = {number: [] for number in self.cases}
        self.broken = asyncio.Event()
        """Set: those who stand still in the middle hang up."""

    async def serve(self, visit: Visit) -> None:
        number = int(visit.request.target.removeprefix("/").partition("?")[0].partition("/")[0])
        case, visits, song = self.cases[number], self.visits[number], self.songs["song"]
        visits.append(visit)
        if len(visits) > 1:
            await case.again(visit, song, self.songs["other"])
            return
        await visit.send(head(200, {"Content-Length": str(len(song)), **case.labels}) + song[:CUT])
        waits = [asyncio.create_task(self.broken.wait()), asyncio.create_task(visit.gone())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def offer(self, catalog: ScriptedCatalog, origin: Origin) -> None:
        """Add the tracks."""
        for number, case in self.cases.items():
            answers = [self._track(number, origin, said) for said in (case.first, case.later)]
            catalog.reply(f"/tracks/{number}", *map(in_json, answers), forever=True)

    def _track(self, number: int, origin: Origin, said: Mapping[str, str]) -> dict[str, Any]:
        media = {"url": f"{origin.url}/{number}{said.get('url', '')}"}
        if "sum" in said:
            media["checksum"] = f"sha256:{hashlib.sha256(self.songs[said['sum']]).hexdigest()}"
        return {"id": number, "title": f"Track {number}", "artist": "Ann", "album": "Blue", "media": media}

    def asked_again(self, number: int) -> list[tuple[str | None, str | None]]:
        """Range and If-Range of each request after the first."""
        again = [visit.request.headers for visit in self.visits[number][1:]]
        return [(headers.get("range"), headers.get("if-range")) for headers in again]


async def retry(server: Tonearm, stand: Stand, jobs: Mapping[int, str]) -> None:
    """The connections break."""
    del server, jobs
    stand.broken.set()


async def pause(server: Tonearm, stand: Stand, jobs: Mapping[int, str]) -> None:
    """A person pauses each job, and resumes it."""
    del stand
    for job in jobs.values():
        await server.act(job, "pause")
    for job in jobs.values():
        await server.wait_for(job, "paused")
        await server.act(job, "resume")


async def crash(server: Tonearm, stand: Stand, jobs: Mapping[int, str]) -> None:
    """`kill -9`."""
    await server.kill()
    forget_boot(server, stand, jobs)
    await server.start()


async def restart(server: Tonearm, stand: Stand, jobs: Mapping[int, str]) -> None:
    """SIGTERM, and a grace that is too short for transfers that stand still."""
    await server.terminate()
    assert await server.ended() == 0
    forget_boot(server, stand, jobs)
    await server.start()


def forget_boot(server: Tonearm, stand: Stand, jobs: Mapping[int, str]) -> None:
    """Let the parts of the cases that say so have been written before the last start of the machine."""
    for number, case in stand.cases.items():
        if case.rebooted:
            (path,) = server.stage.glob(f"*/{jobs[number]}*/part.json")
            path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "boot": "before"}), "utf-8")


@pytest.mark.parametrize("interruption", [retry, pause, crash, restart])
async def test_earlier_bytes_are_continued_exactly_when_they_belong_to_the_file(
    tmp_path: Path, noise: Noise, interruption: Callable[[Tonearm, Stand, Mapping[int, str]], Awaitable[None]]
) -> None:
    """What is asked for follows the rules, and the file that arrives is whole, whichever of the two songs it is."""
    cases = [case for case in CASES if interruption in (crash, restart) or not case.rebooted]
    files = {"song": noise(1), "other": noise(2)}
    stand = Stand(cases, {name: await asyncio.to_thread(path.read_bytes) for name, path in files.items()})
    async with Origin(stand.serve) as origin, ScriptedCatalog() as catalog:
        stand.offer(catalog, origin)
        async with tonearm(
            tmp_path,
            catalog.url,
            QUEUE_FETCH_ALLOW=f"127.0.0.1:{origin.port}",
            QUEUE_MAX_CONCURRENT=len(cases),
            QUEUE_SHUTDOWN_GRACE_MS=100,
        ) as server:
            jobs = {number: await server.submit("track", number) for number in stand.cases}
            await until("all beginnings are on disk", lambda: all(on_disk(server, job) == CUT for job in jobs.values()))
            await interruption(server, stand, jobs)
            records = {number: await server.wait_for(job) for number, job in jobs.items()}

            sums = {name: await asyncio.to_thread(pcm, path) for name, path in files.items()}
            for number, case in stand.cases.items():
                record = records[number]
                assert record["status"] == "completed", (case.name, record["error"])
                assert stand.asked_again(number) == case.asked, case.name
                (name,) = record["files"]
                arrived = await asyncio.to_thread(pcm, server.library / name)
                assert arrived == sums["other" if case.other else "song"], case.name
                assert record["retryCount"] == (1 if interruption is retry else 0), case.name
            assert server.staged() == []


def on_disk(server: Tonearm, job: str) -> int:
    """How many bytes of its file the part of a job has."""
    return sum(path.stat().st_size for path in server.stage.glob(f"*/{job}*/part"))


async def test_a_kill_loses_nothing_that_came_a_moment_before(tmp_path: Path, noise: Noise) -> None:
    """Bytes are written at 1 MiB or after a second at the latest; a line that stands still leaves none in memory."""
    stand = Stand([CASES[0]], {"song": await asyncio.to_thread(noise(1).read_bytes), "other": b""})
    async with Origin(stand.serve) as origin, ScriptedCatalog() as catalog:
        stand.offer(catalog, origin)
        async with tonearm(tmp_path, catalog.url, QUEUE_FETCH_ALLOW=f"127.0.0.1:{origin.port}") as server:
            job = await server.submit("track", 1)
            await until("all that was sent is on disk", lambda: on_disk(server, job) == CUT)
            await server.kill()
            assert on_disk(server, job) == CUT
            await server.start()
            assert (await server.wait_for(job))["status"] == "completed"
        assert stand.asked_again(1) == [REST]
