"""Where an answer ends, wherever the packets end."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tonearm.fetch.framing import AnswerProtocol, BrokenFraming

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


class Nowhere(asyncio.Transport):
    """What stands in for a socket."""

    def close(self) -> None:
        """Nothing is open."""


def protocol() -> AnswerProtocol:
    """One that waits for an answer."""
    made = AnswerProtocol(asyncio.get_running_loop())
    made.connection_made(Nowhere())
    made.set_response_params()
    return made


async def body_of(connection: AnswerProtocol) -> bytes:
    """The body of the answer that has come."""
    _, body = await connection.read()
    return await body.read()


@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("answer", [LENGTH, CHUNKED])
async def test_bytes_beyond_the_end_are_dropped_however_they_arrive(answer: bytes, interim: bytes) -> None:
    """In one piece with all before them, and cut in two at every byte; the connection is not used again."""
    sent = interim + answer + b"and more of it\r\n"
    for cut in range(len(sent)):
        connection = protocol()
        connection.data_received(sent[:cut])
        connection.data_received(sent[cut:])
        if interim:
            assert (await connection.read())[0].code == 100
        assert await body_of(connection) == b"hello"
        assert connection.should_close


async def test_an_answer_byte_by_byte_is_the_same() -> None:
    """The end of the head is found across any number of packets."""
    connection = protocol()
    for byte in LENGTH:
        connection.data_received(bytes([byte]))
    assert await body_of(connection) == b"hello"
    assert not connection.should_close


async def test_a_body_whose_framing_breaks_fails_at_once() -> None:
    """Also for who waits already, and for good: the end of the connection does not replace the reason."""
    connection = protocol()
    connection.data_received(CHUNKED[: CHUNKED.index(b"0\r\n")])
    _, body = await connection.read()
    assert await body.readany() == b"hello"
    waiting = asyncio.create_task(body.readany())
    await asyncio.sleep(0)
    connection.data_received(b"much\r\n")
    connection.connection_lost(None)
    with pytest.raises(BrokenFraming):
        await waiting
    with pytest.raises(BrokenFraming):
        await body.readany()


@pytest.mark.parametrize("answer", [LENGTH[:-1], CHUNKED[: CHUNKED.index(b"0\r\n")]])
async def test_what_nobody_had_read_at_a_cut_is_kept(answer: bytes) -> None:
    """The reader is told of the cut, and the bytes are there."""
    connection = protocol()
    connection.data_received(answer)
    _, body = await connection.read()
    connection.connection_lost(None)
    assert b"hello".startswith(connection.unread)
    assert len(connection.unread) >= 4
    with pytest.raises(aiohttp.ClientPayloadError):
        await body.readany()


async def test_a_body_that_ends_with_its_connection_keeps_its_bytes() -> None:
    """It was never cut: they are its reader's."""
    connection = protocol()
    connection.set_response_params(read_until_eof=True)
    connection.data_received(b"HTTP/1.0 200 OK\r\n\r\nhello")
    _, body = await connection.read()
    connection.connection_lost(None)
    assert connection.unread == b""
    assert await body.read() == b"hello"
