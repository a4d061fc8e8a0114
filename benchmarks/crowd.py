"""The crowd: many clients of one server, as a program of its own, which ends by itself.

    python -m benchmarks.crowd poll http://127.0.0.1:8080 500 --seconds 20
    python -m benchmarks.crowd listen http://127.0.0.1:8080 500 --seconds 20

`poll`: each client asks for `/dashboard` twice a second on a connection that it keeps, with the `ETag` that it got last
in If-None-Match. A request counts from when it was due. `listen`: each client reads the event stream, and ten times a
second the priority of a queued job is changed; an event counts from when its change was sent until a client has read
it, and each client has to get every one of them.

When all are connected and have had their first answer it prints `ready`, waits for a line, works for the given time,
prints `done` and what came of it as JSON, and ends. It speaks HTTP by hand, so that it takes little of the cores that
it shares with the server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import uvloop
from tests.support.pages import ROOT
from tests.support.server import API

POLL_S = 0.5
CHANGE_S = 0.1
PATIENCE_S = 10.0
"""How long the events of the last change may take to arrive."""
LONGEST_S = 60.0
"""Beside the work itself, all that a crowd may take before it ends, whatever the server does."""

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_TAG = re.compile(rb"\r\netag: ([^\r]+)", re.IGNORECASE)
_CHANGED = re.compile(rb'^event: job\ndata: \{"id":"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """What a crowd saw: how many answers or events, how many of them were 304, and what came over the wire."""

    count: int
    unchanged: int
    bytes: int
    missed: int
    """Events that did not reach a client."""
    cores: float
    """What the crowd itself took of the machine's processors."""
    thousandths_ms: Sequence[float]
    """The milliseconds that they took: 1,001 of them, from the quickest through all thousandths to the slowest."""

    def ms(self, part: float) -> float:
        """What such a part of all (0 to 1) stayed below, in milliseconds."""
        return self.thousandths_ms[round(part * 1000)]


@dataclass(slots=True)
class Seen:
    """What a crowd has seen until now."""

    ms: list[float] = field(default_factory=list[float])
    unchanged: int = 0
    missed: int = 0

    def found(self, *, bytes: int, cores: float) -> Found:  # noqa: A002 - as it is called there
        """All of it, at the end."""
        inner = statistics.quantiles(self.ms, n=1000, method="inclusive")
        thousandths = [round(ms, 2) for ms in (min(self.ms), *inner, max(self.ms))]
        return Found(len(self.ms), self.unchanged, bytes, self.missed, cores, thousandths)


class Line(asyncio.Protocol):
    """One connection that is kept: a request, then its answer."""

    def __init__(self) -> None:
        self._held = b""
        self._answered: asyncio.Future[tuple[bytes, bytes]] | None = None
        self._transport: asyncio.Transport | None = None
        self.bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of TCP, as it always is
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError(f"the server hung up: {exc}"))

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Send a request; head and body of its answer."""
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self._held += data
        head, end, body = self._held.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head)
        if length is None or len(body) >= int(length[1]):
            self._held = b""
            assert self._answered is not None
            self._answered.set_result((head, body))

    def close(self) -> None:
        """Hang up."""
        assert self._transport is not None
        self._transport.close()


class Stream(asyncio.Protocol):
    """One event stream: tells *heard* of every job that changed; `begun` is set with the snapshot."""

    def __init__(self, request: bytes, heard: Callable[[str], None]) -> None:
        self._request = request
        self._heard = heard
        self._raw = b""
        self._events = b""
        self.bytes = 0
        self.begun = asyncio.Event()
        self.end: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of TCP, as it always is
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.end = f"the server ended a stream: {exc}"

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        self._raw += data
        if not self._raw.startswith(b"HTTP/"):
            self._take_chunks()
        elif b"\r\n\r\n" in self._raw:
            self._raw = self._raw.partition(b"\r\n\r\n")[2]
            self._take_chunks()

    def _take_chunks(self) -> None:
        start = 0
        while (line := self._raw.find(b"\r\n", start)) >= 0:
            end = line + 2 + int(self._raw[start:line], 16)
            if len(self._raw) < end + 2:
                break
            self._events += self._raw[line + 2 : end]
            start = end + 2
        self._raw = self._raw[start:]
        whole, end_of_event, rest = self._events.rpartition(b"\n\n")
        if end_of_event:
            self._events = rest
            if not self.begun.is_set() and b"event: snapshot" in whole:
                self.begun.set()
            for job_id in _CHANGED.findall(whole):
                self._heard(job_id.decode())


def request(url: str, method: str, path: str, *, body: bytes = b"", tag: str = "") -> bytes:
    """The bytes of a request below the API's prefix, by a client that has what *tag* stands for."""
    lines = [f"{method} {API}{path} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
    if tag:
        lines += [f"If-None-Match: {tag}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


P = TypeVar("P", bound=asyncio.Protocol)


async def connected(url: str, make: Callable[[], P]) -> P:
    """A connection with such a protocol."""
    where = urlsplit(url)
    assert where.hostname is not None
    assert where.port is not None
    return (await asyncio.get_running_loop().create_connection(make, where.hostname, where.port))[1]


@asynccontextmanager
async def lines(url: str, count: int) -> AsyncIterator[list[Line]]:
    """So many connections, which are closed at the end."""
    opened: list[Line] = []
    try:
        for _ in range(count):
            opened += [await connected(url, Line)]
        yield opened
    finally:
        for line in opened:
            line.close()


class Poller:
    """One client that polls, with what it knows."""

    def __init__(self, line: Line, url: str, seen: Seen) -> None:
        self._line = line
        self._url = url
        self._seen = seen
        self._tag = ""

    async def ask(self) -> None:
        """Ask once."""
        head, _ = await self._line.ask(request(self._url, "GET", "/dashboard", tag=self._tag))
        status = int(head[9:12])
        assert status in (200, 304), head
        tag = _TAG.search(head)
        assert tag is not None, head
        self._tag = tag[1].decode()
        self._seen.unchanged += status == 304

    async def poll(self, due: float, times: int) -> None:
        """Ask so often, first at *due* on the loop's clock."""
        loop = asyncio.get_running_loop()
        for _ in range(times):
            await asyncio.sleep(due - loop.time())
            await self.ask()
            self._seen.ms.append((loop.time() - due) * 1000)
            due += POLL_S


async def poll(url: str, count: int, seconds: float) -> Found:
    """Let so many clients poll, evenly spread over the time between two polls."""
    seen = Seen()
    async with lines(url, count) as opened:
        pollers = [Poller(line, url, seen) for line in opened]
        for poller in pollers:
            await poller.ask()
        await _told_to_begin()
        seen.unchanged, before, cpu = 0, sum(line.bytes for line in opened), time.process_time()
        begin, times = asyncio.get_running_loop().time(), round(seconds / POLL_S)
        places = [begin + POLL_S * place / count for place in range(count)]
        await asyncio.gather(*(poller.poll(due, times) for poller, due in zip(pollers, places, strict=True)))
        print("done", flush=True)
        cores = (time.process_time() - cpu) / seconds
        return seen.found(bytes=sum(line.bytes for line in opened) - before, cores=cores)


class Changes:
    """Changes of queued jobs, and who has heard of them: the priority of one job after another goes up and down."""

    def __init__(self, seen: Seen, url: str, listeners: int) -> None:
        self._seen = seen
        self._url = url
        self._listeners = listeners
        self._priorities: dict[str, str] = {}
        self._sent: dict[str, float] = {}
        self._left: dict[str, int] = {}
        self._outstanding = 0
        self._all_heard = asyncio.Event()

    def heard(self, job_id: str) -> None:
        """A listener was told of this job."""
        if self._left.get(job_id, 0):
            self._left[job_id] -= 1
            self._outstanding -= 1
            self._seen.ms.append((time.perf_counter() - self._sent[job_id]) * 1000)
            if not self._outstanding:
                self._all_heard.set()

    async def make(self, line: Line, times: int) -> None:
        """Change so often, and wait until everybody has heard of it."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for _ in range(times):
            await asyncio.sleep(due - loop.time())
            await self._change(line)
            due += CHANGE_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_heard.wait(), PATIENCE_S)
        self._seen.missed = self._outstanding

    async def read(self, line: Line) -> None:
        """Read which jobs there are."""
        _, body = await line.ask(request(self._url, "GET", "/?status=queued"))
        self._priorities = {str(job["id"]): str(job["priority"]) for job in json.loads(body)["jobs"]}

    async def _change(self, line: Line) -> None:
        job_id = next(iter(self._priorities))
        wanted = "low" if self._priorities.pop(job_id) == "high" else "high"
        self._priorities[job_id] = wanted
        self._all_heard.clear()
        self._outstanding += self._listeners
        self._left[job_id], self._sent[job_id] = self._listeners, time.perf_counter()
        body = json.dumps({"action": "prioritize", "priority": wanted}).encode()
        head, _ = await line.ask(request(self._url, "PATCH", f"/{job_id}", body=body))
        assert b" 200 " in head, head


async def listen(url: str, count: int, seconds: float) -> Found:
    """Let so many clients listen, and change a job ten times a second."""
    seen = Seen()
    changes = Changes(seen, url, count)
    wanted = request(url, "GET", "/events")
    async with lines(url, 1) as (line,):
        streams = [await connected(url, lambda: Stream(wanted, changes.heard)) for _ in range(count)]
        await asyncio.gather(*(stream.begun.wait() for stream in streams))
        await changes.read(line)
        await _told_to_begin()
        before, cpu = sum(stream.bytes for stream in streams), time.process_time()
        await changes.make(line, round(seconds / CHANGE_S))
        assert not (ends := [stream.end for stream in streams if stream.end]), ends[0]
        print("done", flush=True)
        cores = (time.process_time() - cpu) / seconds
        return seen.found(bytes=sum(stream.bytes for stream in streams) - before, cores=cores)


async def _told_to_begin() -> None:
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


class Crowd:
    """A crowd that is connected, and does its work once it is told to."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self._read("ready")

    def begin(self) -> None:
        """Let it work."""
        self._in.write(b"\n")
        self._in.flush()

    def wait(self) -> None:
        """Wait until the work is done."""
        self._read("done")

    def found(self) -> Found:
        """What it saw."""
        return Found(**json.loads(self._out.read()))

    def _read(self, word: str) -> None:
        if self._out.readline().decode().strip() != word:
            raise RuntimeError(f"the clients are not {word}")


@contextmanager
def crowd(what: str, url: str, count: int, seconds: float) -> Iterator[Crowd]:
    """A crowd that is connected when the block begins."""
    command = [sys.executable, "-m", "benchmarks.crowd", what, url, str(count), "--seconds", str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            yield Crowd(process)
        finally:
            process.kill()


def main(arguments: Sequence[str] | None = None) -> None:
    """Be a crowd."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("poll", "listen"))
    parser.add_argument("url")
    parser.add_argument("clients", type=int)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args(arguments)
    work = poll if given.what == "poll" else listen
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(asyncio.wait_for(work(given.url, given.clients, given.seconds), given.seconds + LONGEST_S))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
