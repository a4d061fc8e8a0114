"""Connections as a rude peer uses them: sizes that lie, bodies without end, heads that never come."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from tests.api.conftest import Serve
from tests.api.serving import Api

from tonearm.api import bodies, protocol

HEAD = b"POST /api/download-queue HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GOOD = b'{"job": {"type": "track", "trackId": 1, "quality": "LOW"}}'
CLOSE = b"Connection: close\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def status(answer: bytes) -> int:
    """The status of the first answer."""
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer[9:12])


def code(answer: bytes) -> str:
    """The code in the body of the only answer."""
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["code"])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience of the server, shortened."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.3)
    monkeypatch.setattr(bodies, "READ_SECONDS", 0.3)


async def test_a_body_in_chunks_is_accepted(api: Api) -> None:
    """No Content-Length is needed."""
    body = b"".join(chunk(GOOD[at : at + 7]) for at in range(0, len(GOOD), 7)) + b"0\r\n\r\n"

    assert status(await api.raw(HEAD + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n" + body)) == 201


async def test_a_large_body_that_comes_in_one_piece_is_no_head(serve: Serve) -> None:
    """What follows a whole request begins to count then, whatever came before it."""
    api = await serve(QUEUE_MAX_BODY_BYTES="100000")
    body = b'{"job": {"type": "track", "trackId": 1, "quality": "LOW"}}'.ljust(60_000)
    answer = await api.call("POST", data=body, headers={"Content-Type": "application/json"})

    assert answer.status == 201


async def test_a_body_of_exactly_the_limit_is_accepted_and_one_byte_more_is_not(api: Api) -> None:
    """1,024 bytes, counted as they come."""
    for size, wanted in ((1024, 201), (1025, 413)):
        body = GOOD + b" " * (size - len(GOOD))
        head = HEAD + CLOSE + b"Content-Length: %d\r\n\r\n" % size
        chunked = HEAD + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(body) + b"0\r\n\r\n"
        assert status(await api.raw(head + body)) == wanted
        assert status(await api.raw(chunked)) == (200 if wanted == 201 else 413)


@pytest.mark.usefixtures("quick")
async def test_an_endless_body_in_chunks_is_cut_off(api: Api) -> None:
    """413 while it still comes, and then the connection ends, whatever more is sent."""
    reader, writer = await asyncio.open_connection(api.host, api.port)
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    async with asyncio.timeout(10):
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(chunk(b" " * 600))
            try:
                await writer.drain()
            except ConnectionError:
                break
            await asyncio.sleep(0)
        (received,) = await asyncio.gather(answer, return_exceptions=True)
    writer.close()

    assert isinstance(received, ConnectionError) or (
        isinstance(received, bytes) and code(received) == "PAYLOAD_TOO_LARGE"
    )


async def test_an_oversize_body_is_refused_by_its_announcement(api: Api) -> None:
    """413 before the body; a client that sends it all the same reads the answer."""
    announced = HEAD + CLOSE + b"Content-Length: 10000000\r\n\r\n"

    assert code(await api.raw(announced)) == "PAYLOAD_TOO_LARGE"
    answer = await api.call("POST", data=io.BytesIO(b" " * 3_000_000), headers={"Content-Type": "application/json"})
    assert (answer.status, answer.body["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert (await api.call("GET", "//healthz")).status == 200


@pytest.mark.parametrize("length", [b"-1", b"abc", b"1e3", b"99999999999999999999999999", b"5, 6"])
async def test_a_content_length_that_is_none_is_refused(api: Api, length: bytes) -> None:
    """400, and the connection ends."""
    assert status(await api.raw(HEAD + b"Content-Length: " + length + b"\r\n\r\n" + GOOD, end=True)) in (400, 413)


async def test_two_lengths_are_refused(api: Api) -> None:
    """What one server counts by this and another by that is how requests are smuggled."""
    both = HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(GOOD) + b"0\r\n\r\n"

    assert status(await api.raw(both, end=True)) == 400


async def test_a_body_shorter_than_announced_is_cut(api: Api) -> None:
    """When the client closes in the middle, nothing is queued."""
    await api.raw(HEAD + b"Content-Length: 500\r\n\r\n" + GOOD, end=True)

    assert (await api.call("GET")).body["count"] == 0


async def test_a_body_longer_than_announced_is_another_request(api: Api) -> None:
    """Only what was announced is read; the rest is no request, and the connection ends."""
    answer = await api.raw(HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD + b"garbage\r\n\r\n", end=True)

    assert status(answer) in (201, 400)
    assert (await api.call("GET")).body["count"] in (0, 1)


@pytest.mark.usefixtures("quick")
async def test_a_body_that_does_not_come_is_given_up(api: Api) -> None:
    """408, and the connection ends."""
    answer = await api.raw(HEAD + b"Content-Length: 100\r\n\r\n" + b'{"job"')

    assert (status(answer), code(answer)) == (408, "REQUEST_TIMEOUT")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("piece", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n", b"\r\n"])
async def test_a_head_that_does_not_come_is_given_up(api: Api, piece: bytes) -> None:
    """The connection ends without an answer."""
    assert await api.raw(piece) == b""


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: " + b"a" * 400_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Many: a\r\n" * 5_000 + b"\r\n",
    ],
    ids=["line", "header", "header without end", "headers"],
)
async def test_a_head_that_is_too_large_is_refused(api: Api, head: bytes) -> None:
    """400 or the end of the connection, and the server goes on."""
    try:
        answer = await api.raw(head)
    except ConnectionError:
        answer = b""

    assert answer == b"" or status(answer) == 400
    assert (await api.call("GET", "//healthz")).status == 200


@pytest.mark.parametrize("junk", [b"\x16\x03\x01", b"hello\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"\x00" * 99])
async def test_what_is_not_http_is_refused(api: Api, junk: bytes) -> None:
    """400, and the connection ends."""
    assert status(await api.raw(junk)) == 400


async def test_a_connection_serves_one_request_after_another(api: Api) -> None:
    """A refusal does not cost the connection, even when its body was not read."""
    one = HEAD + b"Content-Length: 2000\r\n\r\n" + b" " * 2000
    two = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = await api.raw(one, two)

    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 413" in answer
    assert answer.endswith(b'{"success":true,"status":"ok"}')


async def test_an_upgrade_that_we_do_not_offer_is_ignored(api: Api) -> None:
    """A client that offers WebSocket or HTTP/2 gets an ordinary answer."""
    request = (
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n"
        b"Sec-WebSocket-Key: x\r\n\r\n"
    )

    assert status(await api.raw(request, end=True)) == 200


async def test_a_larger_body_can_be_allowed(serve: Serve) -> None:
    """QUEUE_MAX_BODY_BYTES is the limit."""
    api = await serve(QUEUE_MAX_BODY_BYTES="5000")
    body = GOOD + b" " * 4_000

    assert (await api.call("POST", data=body, headers={"Content-Type": "application/json"})).status == 201
