"""Attacks 16, 17, 27 and 30: many addresses and streams, connections that do nothing, readers that do not read."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.api.conftest import Serve
from tests.api.listening import listening
from tests.api.serving import Api
from tests.support.clock import MINUTE, FakeClock
from tests.support.counts import count
from tests.support.server import Tonearm, tonearm, until

from tonearm.api import bodies, protocol, room, streams
from tonearm.api.guesses import Guesses
from tonearm.api.paths import EVENTS

STREAMS = count(300, 5_000)
STREAM_BYTES = 64_000
FEW = 512
PEERS = 10_000
ASK = f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n"


def peer(number: int) -> str:
    """One of many addresses."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


# --- 16: floods -------------------------------------------------------------------------------------------------------


def test_ten_thousand_addresses_that_guess_take_bounded_memory() -> None:
    """Attack 16: who is silent for longest is forgotten first, and nobody has more than his window's guesses."""
    limiter = Guesses()
    sizes = []
    tracemalloc.start()
    try:
        for round_ in range(2):
            for number in range(PEERS):
                limiter.wrong(peer(round_ * PEERS + number), f"wrong-{number}", round_)
                limiter.right(peer(round_ * PEERS + number), f"right-{number}")
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert sizes[1] < sizes[0] * 1.2
    assert sizes[1] < 20_000_000
    for number in range(10):
        limiter.wrong("192.0.2.1", f"guess-{number}", 1)
    for number in range(PEERS // 2):
        limiter.wrong(peer(number), "wrong", 1)
    assert limiter.wait_ms("192.0.2.1", "guess-10", 1) > 0


async def test_ten_thousand_addresses_that_submit_leave_no_more_than_the_queue_takes(serve: Serve) -> None:
    """Attack 16: what is refused is not remembered, and what was taken is forgotten with its minute."""
    clock, floods = FakeClock(), count(300, PEERS)
    api = await serve(clock, QUEUE_TRUSTED_PROXIES="127.0.0.1", QUEUE_RATE_LIMIT_PER_MIN="10", QUEUE_CRITICAL_SIZE="50")
    statuses = Counter[int]()
    for number in range(1, floods + 1):
        job = {"job": {"type": "track", "trackId": number, "quality": "LOW"}}
        statuses[(await api.call("POST", json=job, headers={"X-Forwarded-For": peer(number)})).status] += 1

    assert statuses == {201: 50, 503: floods - 50}
    assert await rows(api, "rate") == 50
    clock.advance(2 * MINUTE)
    await api.store.sweep()
    assert await rows(api, "rate") == 0


async def rows(api: Api, table: str) -> int:
    """How many rows a table of the store has."""
    store: Any = api.store
    return int(await store._write(lambda unit: unit.one(f"SELECT count(*) FROM {table}")[0]))


# --- 27: streams ------------------------------------------------------------------------------------------------------


async def idle_stream(server: Tonearm, client: str) -> tuple[int, asyncio.StreamWriter]:
    """Ask for events and read no further than the status; the connection stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1_024)
    writer.write(f"{ASK}X-Forwarded-For: {client}\r\n\r\n".encode())
    async with asyncio.timeout(30):
        return int((await reader.readline()).split()[1]), writer


@contextmanager
def few_descriptors() -> Iterator[None]:
    """What is started meanwhile has as few descriptors as systems give by default, unless it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * 4_096


async def figure(server: Tonearm, name: str) -> float:
    """A metric of a server."""
    async with aiohttp.ClientSession(server.url) as http, http.get("/metrics") as answer:
        (line,) = [line for line in (await answer.text()).splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])


async def test_thousands_of_idle_streams_leave_a_server_that_answers(tmp_path: Path) -> None:
    """Attack 27: a limit of each client and one of all, bounded memory for each, and places that come back."""
    settings = {"QUEUE_MAX_STREAMS": STREAMS, "QUEUE_TRUSTED_PROXIES": "127.0.0.1"}
    async with AsyncExitStack() as stack:
        with few_descriptors():
            server = await stack.enter_async_context(tonearm(tmp_path, "http://127.0.0.1:9", **settings))
        streams_of_all = await stack.enter_async_context(AsyncExitStack())

        async def listen(client: str) -> int:
            status, writer = await idle_stream(server, client)
            streams_of_all.callback(writer.close)
            return status

        before = resident(server.pid)
        share = STREAMS // 10
        assert Counter([await listen("192.0.2.1") for _ in range(share + 5)]) == {200: share, 503: 5}
        opened = Counter([await listen(peer(number)) for number in range(STREAMS - share + 5)])
        assert opened == {200: STREAMS - share, 503: 5}
        assert await figure(server, "tonearm_event_streams") == STREAMS
        job_id = await server.submit("track", 1)
        assert (await server.job(job_id))["id"] == job_id
        assert resident(server.pid) - before < STREAMS * STREAM_BYTES
        await streams_of_all.aclose()

        async def free() -> bool:
            return await figure(server, "tonearm_event_streams") == 0

        await until("the places are free again", free)
        assert await listen("192.0.2.1") == 200
        assert resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[0] > FEW


@pytest.mark.parametrize(("size", "told"), [(30_000, b"event: resync"), (40_000, b"HTTP/1.1 400"), (3_000_000, b"")])
async def test_a_huge_last_event_id_is_one_that_is_unknown(api: Api, size: int, told: bytes) -> None:
    """Attack 27: up to the bound of a head it is read and means nothing; beyond it there is no request."""
    reader, writer = await asyncio.open_connection(api.host, api.port)
    writer.write(f"{ASK}Last-Event-ID: {'9' * size}\r\n\r\n".encode())
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            assert told in await reader.readuntil(told or b"400")
    writer.close()
    assert (await api.call("GET")).status == 200


async def test_readers_that_do_not_read_cost_nobody_else_an_event(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 27: they are dropped, whoever reads hears all meanwhile, and their places are free."""
    monkeypatch.setattr(streams, "SEND_S", 0.5)
    monkeypatch.setattr(streams, "HEARTBEAT", b":" + b"x" * 400_000 + b"\n\n")
    monkeypatch.setattr(streams, "CHECK_S", 0.01)
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.01)
    writers = []
    for _ in range(8):
        reader, writer = await asyncio.open_connection(api.host, api.port, limit=1_024)
        writer.write(f"{ASK}\r\n".encode())
        assert b"200" in await reader.readline()
        writers.append(writer)
    async with listening(api) as listener:
        job_ids = [await api.submit(number=number) for number in range(1, 6)]
        await listener.catch_up(**dict.fromkeys(job_ids, "queued"))

        async def alone() -> bool:
            async with api.http.get(f"{api.url}/metrics") as answer:
                return "\ntonearm_event_streams 1.0\n" in await answer.text()

        await until("those that do not read are dropped", alone)
        await listener.catch_up(**{await api.submit(number=6): "queued"})
    for writer in writers:
        writer.close()


# --- 30: connections that do nothing ----------------------------------------------------------------------------------


async def test_a_crowd_of_connections_keeps_nobody_out(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 30: silent ones, and heads that never end: the oldest make room, and who is being answered stays."""
    monkeypatch.setattr(room, "MOST_CONNECTIONS", 40)
    api = await serve()
    async with listening(api) as listener, AsyncExitStack() as stack:
        await listener.next()
        for number in range(200):
            _, writer = await asyncio.open_connection(api.host, api.port)
            stack.callback(writer.close)
            writer.write((b"", b"GET / HTTP/1.1\r\nX-A: ", b"POST /api/download-queue HTTP/1.1\r\n")[number % 3])
            if number % 40 == 0:
                assert (await api.call("GET", headers={"Connection": "close"})).status == 200
        assert (await api.call("GET", headers={"Connection": "close"})).status == 200
        assert api.server._server is not None
        assert len(api.server._server.server_state.connections) <= 40
        await listener.catch_up(**{await api.submit(): "queued"})


async def test_one_that_asks_again_and_again_is_not_taken_for_an_idle_one(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack 30: on one connection it is always answered, though a crowd comes between any two of its requests."""
    monkeypatch.setattr(room, "MOST_CONNECTIONS", 10)
    api = await serve()
    reader, writer = await asyncio.open_connection(api.host, api.port)
    async with AsyncExitStack() as stack:
        for _ in range(5):
            for _ in range(8):
                _, other = await asyncio.open_connection(api.host, api.port)
                stack.callback(other.close)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            async with asyncio.timeout(10):
                assert b'"ok"' in await reader.readuntil(b"}")
    writer.close()


async def drip(api: Api, head: bytes, drop: bytes) -> tuple[int, bytes]:
    """Send *head*, then *drop* again and again, until the server answers or closes; how many drops, and its answer."""
    reader, writer = await asyncio.open_connection(api.host, api.port)
    writer.write(head)
    answer = asyncio.create_task(reader.read())
    drops = 0
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            while not (await asyncio.wait({answer}, timeout=0.02))[0]:
                writer.write(drop)
                drops += 1
    (received,) = await asyncio.gather(answer, return_exceptions=True)
    writer.close()
    return drops, received if isinstance(received, bytes) else b""


POST = b"POST /api/download-queue HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("head", "drop", "told"),
    [
        (POST + b"Content-Length: 900\r\n\r\n", b" ", b"408"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", b"408"),
        (b"GET / HTTP/1.1\r\nX-Slow: ", b"a", b""),
        (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n", b""),
    ],
    ids=["body", "chunks", "header", "headers"],
)
async def test_what_comes_a_byte_at_a_time_is_given_up(
    api: Api, monkeypatch: pytest.MonkeyPatch, head: bytes, drop: bytes, told: bytes
) -> None:
    """Attacks 17 and 30: the deadline is one of the whole, which no drop prolongs."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.2)
    monkeypatch.setattr(bodies, "READ_SECONDS", 0.5)
    drops, answer = await drip(api, head, drop)

    assert drops > 3
    assert told in answer.partition(b"\r\n")[0]
    assert (await api.call("GET")).body["count"] == 0


async def test_an_answer_that_nobody_reads_is_not_kept(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 30: many large answers asked for on one connection, and not a byte taken of them."""
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0.3)
    api = await serve()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (api.host, api.port))
    asset = b"GET /docs-assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    await asyncio.get_running_loop().sock_sendall(sock, asset * 8)
    assert api.server._server is not None
    connections = api.server._server.server_state.connections
    await until("the request is there", lambda: connections)
    await until("the connection is dropped", lambda: not connections)
    sock.close()
