"""Servers that misbehave: each ends in its error, and nothing of aiohttp or the system shows."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import socket
import zlib
from collections.abc import Awaitable, Callable, Mapping

import pytest
from tests.faults.fetch.conftest import LIMITS, LOOPBACK, Stage
from tests.support.origin import Origin, Script, Visit, answer, head

from tonearm.errors import BadAnswer, ConnectionFailed, Corrupt, FetchError, HttpStatus, Timeout, TooLarge
from tonearm.fetch import Fetcher, FetchLimits, mark_of
from tonearm.model import Media

SHORT = FetchLimits(connect_ms=1_500, silence_ms=200)
BODY = os.urandom(100_000)


def raw(data: bytes) -> Script:
    """A script that sends *data* and closes."""

    async def script(visit: Visit) -> None:
        await visit.send(data)

    return script


def then_silence(data: bytes) -> Script:
    """A script that sends *data* and never another byte."""

    async def script(visit: Visit) -> None:
        await visit.send(data)
        await visit.gone()

    return script


def then_reset(data: bytes) -> Script:
    """A script that sends *data* and resets the connection."""

    async def script(visit: Visit) -> None:
        await visit.send(data)
        visit.reset()

    return script


LONG = head(200, {"Content-Length": str(len(BODY))})
CHUNKED = head(200, {"Transfer-Encoding": "chunked"})


@pytest.mark.parametrize(
    "silent", [b"", b"HTTP/1.1 200 OK\r\nContent-", LONG, LONG + BODY[:70_000], CHUNKED + b"5\r\nhello\r\n"]
)
async def test_a_server_that_falls_silent_is_left_after_the_limit(stage: Stage, silent: bytes) -> None:
    """Before the headers, amid them, after them or amid the body: the same words, and the connection is closed."""
    async with Origin(then_silence(silent)) as origin, Fetcher(SHORT, allow=[LOOPBACK]) as stage.fetcher:
        with pytest.raises(Timeout, match=r"^Download timeout \(0\.2s\)$") as late:
            await stage.download(f"{origin.url}/song.flac")
        assert late.value.retryable
        await origin.until(lambda: origin.open == 0)


async def test_headers_that_trickle_in_for_ever_are_left(stage: Stage) -> None:
    """A byte now and then breaks every silence, so the headers as a whole have a limit."""

    async def trickle(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 200 OK\r\nX: ")
        while not visit.writer.is_closing():
            await visit.send(b"x")
            await asyncio.sleep(0.02)

    limits = FetchLimits(connect_ms=200, silence_ms=100)
    async with Origin(trickle) as origin, Fetcher(limits, allow=[LOOPBACK]) as stage.fetcher:
        with pytest.raises(Timeout):
            await stage.download(f"{origin.url}/song.flac")


async def test_a_body_that_moves_is_not_cut_by_the_silence_limit(stage: Stage) -> None:
    """Slow is not silent: a transfer may last many times the limit."""

    async def slow(visit: Visit) -> None:
        await visit.send(head(200, {"Content-Length": "40"}))
        for _ in range(40):
            await visit.send(b"x")
            await asyncio.sleep(0.03)

    async with Origin(slow) as origin, Fetcher(FetchLimits(silence_ms=600), allow=[LOOPBACK]) as stage.fetcher:
        assert (await stage.download(f"{origin.url}/song.flac")).size == 40
    assert len(stage.told) > 3


async def test_a_port_that_takes_no_connection_is_left_after_the_limit(stage: Stage) -> None:
    """A full backlog drops the handshake, as a black hole does; the limit is that of connecting."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        async with Fetcher(FetchLimits(connect_ms=300), allow=[LOOPBACK]) as stage.fetcher:
            with pytest.raises(Timeout, match=r"^Download timeout \(0\.3s\)$"):
                await stage.download(f"http://127.0.0.1:{port}/song.flac")
        for one in crowd:
            one.close()


async def test_a_port_where_nobody_listens_is_a_failed_connection(stage: Stage) -> None:
    """It says that no connection came about, which is what makes a host rest."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionFailed, match=r"No connection to 127\.0\.0\.1:.*refused") as failed:
            await stage.download(f"http://127.0.0.1:{taken.getsockname()[1]}/song.flac")
    assert failed.value.connecting
    assert failed.value.retryable


async def test_a_name_that_does_not_resolve_is_a_failed_connection(stage: Stage) -> None:
    """The text names the host, and nothing of the path."""
    with pytest.raises(ConnectionFailed, match=r"^The name nowhere\.invalid could not be resolved$") as failed:
        await stage.fetcher.json("http://nowhere.invalid/secret")
    assert failed.value.connecting


@pytest.mark.parametrize(
    "script",
    [
        raw(b""),
        raw(LONG),
        raw(LONG + BODY[:-1]),
        raw(CHUNKED + b"5\r\nhel"),
        raw(CHUNKED + b"5\r\nhello\r\n"),
        then_reset(b""),
        then_reset(LONG + BODY[:50_000]),
    ],
)
async def test_a_body_that_is_cut_is_a_failed_connection(stage: Stage, script: Script) -> None:
    """Closed or reset before the announced end: retryable, and it says that a connection there was."""
    async with Origin(script) as origin:
        with pytest.raises(ConnectionFailed, match="closed the connection before the end") as failed:
            await stage.download(f"{origin.url}/song.flac")
        assert not failed.value.connecting
        with pytest.raises(ConnectionFailed):
            await stage.fetcher.json(f"{origin.url}/track")


async def test_what_arrived_together_with_a_cut_is_on_disk(stage: Stage) -> None:
    """Also what nobody had read yet when the connection broke."""
    async with Origin(raw(LONG + BODY[:60_000])) as origin:
        with pytest.raises(ConnectionFailed):
            await stage.download(f"{origin.url}/song.flac")
    assert stage.body() == BODY[:60_000]


async def test_what_arrived_before_a_cut_is_on_disk(stage: Stage) -> None:
    """Not a byte of it waits in memory for the rest."""

    async def cut(visit: Visit) -> None:
        await visit.send(LONG + BODY[:60_000])
        await stage.has(60_000)
        await visit.send(BODY[60_000:60_001])

    async with Origin(cut) as origin:
        with pytest.raises(ConnectionFailed):
            await stage.download(f"{origin.url}/song.flac")
    assert mark_of(stage.folder) == 60_001
    assert stage.body() == BODY[:60_001]
    assert stage.told[-1].bytes_done == 60_001


async def test_a_body_longer_than_announced_ends_where_it_should(stage: Stage) -> None:
    """What follows Content-Length is no part of the answer; the connection is not used again."""

    async def excess(visit: Visit) -> None:
        await visit.send(LONG)
        await stage.has(0)
        await visit.send(BODY + b"and more" * 1_000)
        await visit.gone()

    async with Origin(excess) as origin:
        assert (await stage.download(f"{origin.url}/song.flac")).size == len(BODY)
        assert stage.body() == BODY
        stage.told.clear()
        await stage.download(f"{origin.url}/song.flac?again")
        assert origin.connections == 2


async def test_bytes_beyond_the_end_in_one_packet_with_the_head_are_dropped_too(stage: Stage) -> None:
    """How the bytes are cut into packets decides nothing; what the catalog says of the size does."""
    packet = head(200, {"Content-Length": "5"}) + b"hello and more"
    async with Origin(then_silence(packet)) as origin:
        assert (await stage.download(f"{origin.url}/song.flac")).size == 5
        with pytest.raises(Corrupt, match="5 bytes long, not 14"):
            await stage.download(Media(f"{origin.url}/song.flac", size_bytes=14))
        assert origin.connections == 2


async def test_a_body_whose_framing_breaks_in_the_middle_is_a_bad_answer_at_once(stage: Stage) -> None:
    """It does not last until a time limit runs out, and the connection is closed."""

    async def broken(visit: Visit) -> None:
        await visit.send(CHUNKED + b"5\r\nhello\r\n")
        await stage.has(5)
        await visit.send(b"much\r\n")
        await visit.gone()

    async with Origin(broken) as origin:
        with pytest.raises(BadAnswer, match="not HTTP"):
            await stage.download(f"{origin.url}/song.flac")
        await origin.until(lambda: origin.open == 0)


@pytest.mark.parametrize(
    ("announced", "error"),
    [(len(BODY) - 1, Corrupt), (len(BODY) + 1, Corrupt), (None, None), (len(BODY), None)],
)
async def test_a_body_without_a_length_is_measured_by_the_catalog(
    stage: Stage, announced: int | None, error: type[FetchError] | None
) -> None:
    """Chunked is allowed when the size is right or unknown."""
    async with Origin(raw(CHUNKED + b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n")) as origin:
        media = Media(f"{origin.url}/song.flac", size_bytes=announced)
        if error is None:
            assert (await stage.download(media)).size == len(BODY)
            assert stage.told[-1].bytes_total == announced
        else:
            with pytest.raises(error, match="long"):
                await stage.download(media)
            assert stage.names() == set()


async def test_a_body_without_length_and_end_stops_at_the_limit(stage: Stage) -> None:
    """Chunks for ever fill no disk."""

    async def endless(visit: Visit) -> None:
        await visit.send(CHUNKED)
        while not visit.writer.is_closing():
            await visit.send(b"%x\r\n" % len(BODY) + BODY + b"\r\n")

    limits = FetchLimits(file_bytes=1_000_000)
    async with Origin(endless) as origin, Fetcher(limits, allow=[LOOPBACK]) as stage.fetcher:
        with pytest.raises(TooLarge):
            await stage.download(f"{origin.url}/song.flac")
    assert stage.names() == set()
    assert max(told.bytes_done for told in stage.told) <= limits.file_bytes


async def test_a_body_that_ends_with_its_connection_is_whole_when_its_size_is_right(stage: Stage) -> None:
    """HTTP/1.0: without the catalog's size nobody knows; with it a short body is a cut one."""
    async with Origin(raw(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)) as origin:
        assert (await stage.download(f"{origin.url}/song.flac")).size == len(BODY)
        with pytest.raises(ConnectionFailed):
            await stage.download(Media(f"{origin.url}/song.flac", size_bytes=len(BODY) + 1))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
async def test_a_compressed_medium_is_corrupt(stage: Stage, coding: str) -> None:
    """It was not asked for, and its length says nothing."""
    script = answer(200, gzip.compress(BODY), {"Content-Encoding": coding})
    async with Origin(script) as origin:
        with pytest.raises(Corrupt, match="compressed"):
            await stage.download(f"{origin.url}/song.flac")
        with pytest.raises(Corrupt, match="compressed"):
            await stage.fetcher.picture(f"{origin.url}/cover.jpg")
        assert {seen.headers["accept-encoding"] for seen in origin.seen} == {"identity"}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\x03" * 100 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        CHUNKED + b"xyz\r\nhello\r\n",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(10_000)) + b"\r\n",
    ],
)
async def test_an_answer_that_is_not_http_is_a_bad_one(stage: Stage, garbage: bytes) -> None:
    """Binary, other protocols, contradictions and floods of headers."""
    async with Origin(then_silence(garbage)) as origin:
        with pytest.raises(BadAnswer, match="not HTTP"):
            await stage.download(f"{origin.url}/song.flac")
        await origin.until(lambda: origin.open == 0)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (404, {}, None),
        (403, {}, None),
        (429, {"Retry-After": "3"}, 3_000),
        (
            503,
            {"Retry-After": "Sun, 23 Nov 2025 12:00:07 GMT", "Date": "Sun, 23 Nov 2025 12:00:00 GMT"},
            7_000,
        ),
        (500, {}, None),
        (204, {}, None),
        (304, {}, None),
        (302, {}, None),
        (799, {}, None),
    ],
)
async def test_any_status_but_success_is_an_error_with_its_wait(
    stage: Stage, status: int, headers: Mapping[str, str], wait: int | None
) -> None:
    """JSON, pictures and media alike; the server's wish to wait goes with it."""
    calls: list[Callable[[str], Awaitable[object]]] = [stage.fetcher.json, stage.fetcher.picture, stage.download]
    for call in calls:
        async with Origin(answer(status, headers=headers)) as origin:
            with pytest.raises(HttpStatus, match=f"answered {status}") as failed:
                await call(f"{origin.url}/x?secret")
            assert (failed.value.status, failed.value.retry_after_ms) == (status, wait)
            assert "secret" not in failed.value.message
    assert stage.names() == set()


async def test_json_may_be_compressed(stage: Stage) -> None:
    """Both codings of old are asked for and understood."""
    body = json.dumps({"title": "Blue" * 100}).encode()
    async with Origin(answer(200, gzip.compress(body), {"Content-Encoding": "gzip"})) as origin:
        assert await stage.fetcher.json(origin.url) == json.loads(body)
        origin.script = answer(200, zlib.compress(body), {"Content-Encoding": "deflate"})
        assert await stage.fetcher.json(origin.url) == json.loads(body)
        origin.script = answer(200, b"not gzip at all", {"Content-Encoding": "gzip"})
        with pytest.raises(BadAnswer, match="does not decompress"):
            await stage.fetcher.json(origin.url)
        assert origin.seen[0].headers["accept-encoding"] == "gzip, deflate"


async def test_ten_megabytes_of_json_are_not_read(stage: Stage) -> None:
    """Neither when the length is announced nor when it is not; the server is left in the middle."""
    flood = b'{"a": "' + b"x" * 10_000_000

    async def endless(visit: Visit) -> None:
        await visit.send(CHUNKED)
        while not visit.writer.is_closing():
            await visit.send(b"%x\r\n" % 65_536 + b" " * 65_536 + b"\r\n")

    async with Origin(answer(200, flood)) as origin:
        with pytest.raises(BadAnswer, match="more than 256 KiB of JSON"):
            await stage.fetcher.json(origin.url)
        origin.script = endless
        with pytest.raises(BadAnswer, match="more than 256 KiB of JSON"):
            await stage.fetcher.json(origin.url)
        await origin.until(lambda: origin.open == 0)


async def test_a_gzip_bomb_stops_at_the_limit(stage: Stage) -> None:
    """The limit counts what comes out: 200 MB in 200 KB are not unpacked, and cost no memory to speak of."""
    unpack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(unpack.compress(bytes(1 << 20)) for _ in range(200)) + unpack.flush()
    async with Origin(answer(200, bomb, {"Content-Encoding": "gzip"})) as origin:
        with pytest.raises(BadAnswer, match="more than 256 KiB of JSON"):
            await stage.fetcher.json(origin.url)


async def test_a_page_in_place_of_json_is_named(stage: Stage) -> None:
    """An error page with status 200 tells what it is."""
    script = answer(200, b"<html>Bad gateway</html>", {"Content-Type": "text/html"})
    async with Origin(script) as origin:
        with pytest.raises(BadAnswer, match=r"sent a page \(text/html\), not JSON"):
            await stage.fetcher.json(origin.url)


async def test_json_of_the_greatest_size_is_read(stage: Stage) -> None:
    """The limit itself is allowed."""
    body = b'{"a": "' + b"x" * (LIMITS.json_bytes - 9) + b'"}'
    async with Origin(answer(200, body)) as origin:
        assert len(body) == LIMITS.json_bytes
        assert list(await stage.fetcher.json(origin.url)) == ["a"]
