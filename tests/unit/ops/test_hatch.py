"""The hatch: commands reach the process that holds the queue, its owner's alone, and each gets a whole answer or why
not.
"""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from structlog.testing import capture_logs

from tonearm.cli.exits import ExitCode, code_of
from tonearm.errors import HolderUnreachable, SetupError, StoreDamaged, StoreUnavailable
from tonearm.ops import hatch
from tonearm.ops.hatch import Answer, Errand, Hatch, Order, Send

ORDER = b"?" + len(b'{"errand":"x"}').to_bytes(4, "big") + b'{"errand":"x"}'
CONTENT = bytes(range(256)) * 10_000
"""More than two pieces."""


async def echo(order: Order, send: Send) -> Answer:
    """Sends something, and answers what was ordered."""
    await send(CONTENT)
    await send(b"end")
    return {"errand": order.errand, "dry": order.dry_run}


@asynccontextmanager
async def opened(database: Path, errand: Errand) -> AsyncIterator[None]:
    """A hatch beside a database, which need not be there."""
    open_hatch = Hatch(database, errand)
    await open_hatch.open()
    try:
        yield
    finally:
        await open_hatch.close()


def ask(database: Path, order: Order, take: Callable[[bytes], None] = lambda _: None) -> Any:
    """What a command does, on a thread."""
    line = hatch.connect(database)
    assert line is not None
    with line:
        return hatch.ask(line, order, take)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


async def test_a_command_gets_every_byte_and_the_answer(database: Path) -> None:
    """However long it is; and several commands at the same time."""
    pieces: list[list[bytes]] = [[], []]
    async with opened(database, echo):
        answers = await asyncio.gather(
            *(asyncio.to_thread(ask, database, Order("one", dry_run=True), each.append) for each in pieces)
        )

    assert answers == [{"errand": "one", "dry": True}] * 2
    assert [b"".join(each) for each in pieces] == [CONTENT + b"end"] * 2
    assert max(map(len, pieces[0])) <= hatch.PIECE_BYTES


async def test_only_the_owner_can_connect_and_nothing_is_left(database: Path) -> None:
    """By the mode of the socket, also in place of one that a killed process left; behind the end nobody listens."""
    place = hatch.place_of(database)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    assert hatch.connect(database) is None

    async with opened(database, echo):
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert (await asyncio.to_thread(ask, database, Order("x")))["errand"] == "x"

    assert not place.exists()
    assert hatch.connect(database) is None


async def test_why_there_is_no_answer_is_told_as_what_it_is(database: Path) -> None:
    """Who has to act stays the same; an error that nobody thought of is in the log, and harms nobody else."""

    async def fail(order: Order, _: Send) -> Answer:
        errors = SetupError("wrong"), StoreDamaged("spoilt"), StoreUnavailable("away"), OSError("odd")
        raise dict(zip(("setup", "damaged", "away", "odd"), errors, strict=True))[order.errand]

    async with opened(database, fail):
        with pytest.raises(SetupError, match=r"^wrong$"):
            await asyncio.to_thread(ask, database, Order("setup"))
        with pytest.raises(StoreDamaged, match=r"^spoilt$") as damaged:
            await asyncio.to_thread(ask, database, Order("damaged"))
        assert code_of(damaged.value) == ExitCode.SETUP
        with pytest.raises(StoreUnavailable, match=r"^away$"):
            await asyncio.to_thread(ask, database, Order("away"))
        with capture_logs() as lines, pytest.raises(SetupError, match="its log says why"):
            await asyncio.to_thread(ask, database, Order("odd"))
    assert [line["log_level"] for line in lines if line["event"] == "A command fell over"] == ["error"]


@pytest.mark.parametrize(
    "said", [b"?\0\0\0\x02{}", b"?\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"], ids=["fields", "long", "http"]
)
async def test_what_is_no_order_is_refused(database: Path, said: bytes) -> None:
    """Without reading it to its end."""
    async with opened(database, echo):
        reader, writer = await asyncio.open_unix_connection(str(hatch.place_of(database)))
        writer.write(said)
        answer = await reader.read()
        writer.close()
    assert answer.startswith(hatch.REFUSAL)
    assert b"does not know" in answer


async def test_who_hangs_up_ends_what_was_ordered(database: Path) -> None:
    """A backup that nobody wants any more is not made."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def lasts(_: Order, __: Send) -> Answer:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return {}

    async with opened(database, lasts):
        line = hatch.connect(database)
        assert line is not None
        with line:
            line.sendall(b'?\0\0\0\x0e{"errand":"x"}')
            async with asyncio.timeout(20):
                await began.wait()
        async with asyncio.timeout(20):
            await ended.wait()


async def test_a_process_that_ends_in_the_middle_says_so(database: Path) -> None:
    """The command does not take half for the whole."""
    began = asyncio.Event()

    async def lasts(_: Order, send: Send) -> Answer:
        await send(b"half")
        began.set()
        await asyncio.Event().wait()
        return {}

    async with opened(database, lasts):
        asking = asyncio.create_task(asyncio.to_thread(ask, database, Order("x")))
        async with asyncio.timeout(20):
            await began.wait()
    with pytest.raises(HolderUnreachable):
        await asking


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"=\0\0\0\x02}{", b"!\0\0\0\x01\xff"])
async def test_another_program_at_the_socket_is_told_from_ours(database: Path, said: bytes) -> None:
    """Whatever it says, the command ends with a sentence, at once."""

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        writer.write(said)
        writer.close()

    async with await asyncio.start_unix_server(says, hatch.place_of(database)):
        with pytest.raises(SetupError, match="no Tonearm"):
            await asyncio.to_thread(ask, database, Order("x"))


async def test_a_process_that_is_stopped_is_not_taken_for_another_users(database: Path) -> None:
    """Where its queue of commands is full, that is what the error says."""
    with socket.socket(socket.AF_UNIX) as stopped, socket.socket(socket.AF_UNIX) as first:
        stopped.bind(str(hatch.place_of(database)))
        stopped.listen(0)
        first.connect(str(hatch.place_of(database)))
        with pytest.raises(HolderUnreachable, match="does not answer"):
            hatch.connect(database)


async def test_few_commands_are_served_at_a_time(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told to come again."""
    monkeypatch.setattr(hatch, "AT_ONCE", 1)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def waits(_: Order, __: Send) -> Answer:
        began.set()
        await go_on.wait()
        return {"done": True}

    async with opened(database, waits):
        first = asyncio.create_task(asyncio.to_thread(ask, database, Order("x")))
        async with asyncio.timeout(20):
            await began.wait()
        with pytest.raises(StoreUnavailable, match="busy"):
            await asyncio.to_thread(ask, database, Order("x"))
        go_on.set()
        assert await first == {"done": True}


async def test_who_is_silent_is_told_now_and_then_that_it_goes_on(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a long audit is no broken line."""
    monkeypatch.setattr(hatch, "SIGN_S", 0.01)
    signs: list[bytes] = []
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()

    def take(sign: bytes) -> None:
        signs.append(sign)
        if len(signs) == 3:
            loop.call_soon_threadsafe(enough.set)

    async def until_told(_: Order, __: Send) -> Answer:
        async with asyncio.timeout(20):
            await enough.wait()
        return {}

    async with opened(database, until_told):
        assert await asyncio.to_thread(ask, database, Order("x"), take) == {}
    assert set(signs) == {b""}


async def test_a_path_may_be_longer_than_a_socket_allows(tmp_path: Path) -> None:
    """A hundred bytes are soon used up."""
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)

    async with opened(folder / "queue.db", echo):
        assert (await asyncio.to_thread(ask, folder / "queue.db", Order("x")))["errand"] == "x"


async def test_where_it_cannot_listen_the_log_says_so(tmp_path: Path) -> None:
    """A server does its work all the same."""
    with capture_logs() as lines:
        async with opened(tmp_path / "not there" / "queue.db", echo):
            pass
    assert [line["log_level"] for line in lines] == ["warning"]


def test_a_command_that_is_killed_leaves_no_stack_in_the_log(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any moment, on the loop that servers run on: it goes while its sign of life is written."""
    monkeypatch.setattr(hatch, "SIGN_S", 0.0)
    heard = list[object]()

    async def endless(_: Order, __: Send) -> Answer:
        return await asyncio.Future[Answer]()

    async def kill_commands() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
        async with opened(database, endless):
            for _ in range(20):
                reader, writer = await asyncio.open_unix_connection(str(hatch.place_of(database)))
                writer.write(ORDER)
                await reader.read(1)
                writer.transport.abort()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(kill_commands())
    assert heard == []
