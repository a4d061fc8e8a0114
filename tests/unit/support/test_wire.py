"""The wire that can be cut, before a real Redis."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.redis_server import RedisServer, tag
from tests.support.server import free_port, until
from tests.support.wire import Wire

PONG = b"+PONG\r\n"


async def connect(wire: Wire) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection through the wire that has been answered once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(b"PING\r\n")
    assert await reader.readexactly(len(PONG)) == PONG
    return reader, writer


async def test_a_reply_is_cut_in_its_middle_once(redis_server: RedisServer) -> None:
    """So many bytes arrive and no more; the next connection is whole again."""
    async with Wire(redis_server.port) as wire:
        reader, writer = await connect(wire)
        wire.cut_after(len(PONG) + 3)
        writer.write(b"PING\r\nPING\r\n")

        assert await reader.read(-1) == PONG + PONG[:3]
        assert (wire.cuts, wire.replied) == (1, 2 * len(PONG) + 3)
        writer.close()
        _, again = await connect(wire)
        again.close()


async def test_what_was_asked_is_done_though_its_reply_is_lost(redis_server: RedisServer, redis_queue: str) -> None:
    """The reply that a client never sees."""
    key = f"{tag(redis_queue)}key"
    async with Wire(redis_server.port) as wire:
        reader, writer = await connect(wire)
        wire.cut_after(0)
        writer.write(b"SET %s value\r\n" % key.encode())

        assert await reader.read(-1) == b""
        writer.close()
    assert redis_server.call("GET", key) == "value"


async def test_a_stalled_wire_holds_everything_back(redis_server: RedisServer, redis_queue: str) -> None:
    """Not even the question arrives; later both pass."""
    key = f"{tag(redis_queue)}key"
    async with Wire(redis_server.port) as wire:
        reader, writer = await connect(wire)
        wire.stall()
        writer.write(b"SET %s value\r\n" % key.encode())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        assert redis_server.call("GET", key) is None

        wire.flow()
        assert await reader.readline() == b"+OK\r\n"
        writer.close()


async def test_a_wire_refuses_and_accepts_again(redis_server: RedisServer) -> None:
    """Open connections are reset, new ones refused, and the port stays the same."""
    async with Wire(redis_server.port) as wire:
        reader, writer = await connect(wire)
        await wire.refuse()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", wire.port)

        await wire.accept()
        _, again = await connect(wire)
        again.close()
        assert wire.taken == 2
        await until("the connection that was closed is gone", lambda: wire.connections == 0)


async def test_a_wire_that_stalls_comes_to_its_end(redis_server: RedisServer) -> None:
    """Nobody waits for what was held back."""
    async with Wire(redis_server.port) as wire:
        reader, writer = await connect(wire)
        wire.stall()
        writer.write(b"PING\r\n")
        wire.cut()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()
        _, late = await asyncio.open_connection("127.0.0.1", wire.port)
        late.write(b"PING\r\n")
    late.close()


async def test_a_wire_before_nothing_ends_whoever_comes() -> None:
    """The server is away: the connection is taken and broken."""
    async with Wire(free_port()) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)

        assert await reader.read(-1) == b""
        writer.close()
