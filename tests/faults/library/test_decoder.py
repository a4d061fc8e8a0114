"""The decoder process: what happens to it happens to no one else, and it can do nothing but decode."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.music import Music
from tests.support.processes import alive, children, environment, held
from tests.support.server import until

from tonearm.decoder import Decoded, Order
from tonearm.decoder.confinement import NICENESS
from tonearm.errors import Corrupt, DecoderFailed, Timeout
from tonearm.library import Decoder
from tonearm.library.worklock import WorkLock

MEMORY = 64 * 1024 * 1024
LOWEST = 19  # of priorities, whatever is asked for
ORDER = Order("flac", cpu_seconds=100, memory_bytes=MEMORY, bits=16)


_FOREIGN: set[int] = set()


@pytest.fixture(autouse=True)
def _begins() -> None:
    """Children of this process that other tests have left running for the session."""
    _FOREIGN.clear()
    _FOREIGN.update(children(os.getpid()))


def ours() -> list[int]:
    """The decoder processes of this test."""
    return [pid for pid in children(os.getpid()) if pid not in _FOREIGN]


@pytest.fixture(autouse=True)
def _finds_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strange decoder is a module of the tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


@pytest.fixture
def track(music: Music) -> Path:
    return music("flac")


@asynccontextmanager
async def decoding(*behaviour: str, idle_seconds: float = 60.0) -> AsyncIterator[Decoder]:
    """A decoder; with a behaviour, one whose children misbehave."""
    strange = (sys.executable, "-P", "-m", "tests.support.strange_decoder", *behaviour)
    decoder = Decoder(strange, idle_seconds=idle_seconds) if behaviour else Decoder(idle_seconds=idle_seconds)
    try:
        yield decoder
    finally:
        await decoder.close()


async def decode(decoder: Decoder, path: Path, order: Order = ORDER, *, seconds: float = 60.0) -> Decoded:
    with path.open("rb") as file:
        return await decoder.decode(file.fileno(), order, seconds)


async def the_child() -> tuple[int, int]:
    """The decoder process and its one child, once both run."""
    process: list[int] = []

    def running() -> list[int]:
        process[:] = ours()
        return children(process[0]) if process else []

    (child,) = await until("a child decodes", running)
    return process[0], child


async def test_a_file_is_decoded_and_no_process_is_left_when_it_is_closed(track: Path) -> None:
    """Several at a time, each by a child of its own."""
    async with decoding() as decoder:
        many = await asyncio.gather(*(decode(decoder, track) for _ in range(6)))
        assert {decoded.samples for decoded in many} == {3 * 44_100}
        assert len({decoded.md5 for decoded in many}) == 1
        assert len(ours()) == 1
    assert ours() == []


async def test_a_child_can_open_nothing_and_has_nothing_but_its_file(track: Path, tmp_path: Path) -> None:
    """No file, no socket, no pipe, no copy of a descriptor; a low priority."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    with secret.open("rb") as file:
        os.set_inheritable(file.fileno(), True)
        async with decoding("reach_out") as decoder:
            nice = min(os.nice(0) + NICENESS, LOWEST)
            assert (await decode(decoder, track)).fault == f"done [] inherited [] nice {nice}"


async def test_a_mistake_of_the_decoder_is_not_blamed_on_the_file(track: Path) -> None:
    """Code that does not fit together says nothing about a file (every one was called damaged by a newer PyAV)."""
    async with decoding("misuse") as decoder:
        with pytest.raises(DecoderFailed, match=r"decoder of files is broken: TypeError.* \(strange_decoder\.py:\d+\)"):
            await decode(decoder, track)


async def test_a_child_that_takes_too_much_memory_gets_no_more(track: Path) -> None:
    """It has what the order says, and not much less."""
    async with decoding("devour") as decoder:
        taken = (await decode(decoder, track)).samples
        assert MEMORY // 2 < taken < MEMORY * 2  # some was mapped and free before


async def test_a_child_that_takes_too_much_processor_time_is_ended(track: Path) -> None:
    """And the message says so."""
    async with decoding("spin") as decoder:
        with pytest.raises(Corrupt, match="takes too long to decode"):
            await decode(decoder, track, Order("flac", cpu_seconds=1, memory_bytes=MEMORY))


@pytest.mark.parametrize("behaviour", ["spin", "sleep"])
async def test_a_child_that_does_not_end_is_killed_at_its_limit(track: Path, behaviour: str) -> None:
    """Whether it works or waits; the process behind it goes on."""
    async with decoding(behaviour) as decoder:
        with pytest.raises(Timeout, match=r"Decode timeout \(0.3s exceeded\)") as caught:
            await decode(decoder, track, seconds=0.3)
        assert caught.value.retryable
        (process,) = ours()
        await until("the child is gone", lambda: not children(process), seconds=5)


async def test_what_a_child_started_goes_with_it(track: Path) -> None:
    """A file is decoded by a group of processes, and all of it is killed, however many a hostile file makes of it."""
    async with decoding("multiply") as decoder:
        decoding_it = asyncio.create_task(decode(decoder, track))
        _, child = await the_child()
        (kin,) = await until("it has multiplied", lambda: children(child))
        decoding_it.cancel()
        await asyncio.gather(decoding_it, return_exceptions=True)
        await until("both are gone", lambda: not alive(child) and not alive(kin), seconds=5)

        assert len(ours()) == 1  # the decoder itself goes on


async def test_a_cancel_kills_the_child_at_once(track: Path) -> None:
    """Not at the end of its file, nor at its limit."""
    async with decoding("spin") as decoder:
        work = asyncio.create_task(decode(decoder, track))
        process, child = await the_child()
        work.cancel()
        await until("the child is gone", lambda: not alive(child), seconds=2)
        with pytest.raises(asyncio.CancelledError):
            await work
        assert alive(process)


async def test_a_crash_is_the_files_fault_and_nobody_elses(track: Path, tmp_path: Path) -> None:
    """The process behind it has another child for the next file."""
    async with decoding("crash", str(tmp_path / "marker")) as decoder:
        with pytest.raises(Corrupt, match=r"crashed over the file \(SIGSEGV\)"):
            await decode(decoder, track)
        with pytest.raises(Corrupt, match=r"crashed over the file \(SIGSEGV\)"):
            await decode(decoder, track)
        assert len(ours()) == 1


async def test_a_child_that_answers_nonsense_is_ended(track: Path) -> None:
    """Nothing of it is believed, and nothing fills the memory of others."""
    async with decoding("babble") as decoder:
        with pytest.raises(Corrupt, match="crashed over the file"):
            await decode(decoder, track)


async def test_a_decoder_that_died_is_started_again_for_the_same_file(track: Path, tmp_path: Path) -> None:
    """Its death says nothing about the file; its child does not outlive it."""
    async with decoding("turn_on_parent", str(tmp_path / "marker")) as decoder:
        assert (await decode(decoder, track)).samples == 3 * 44_100
        (process,) = ours()
        os.kill(process, signal.SIGKILL)
        assert (await decode(decoder, track)).samples == 3 * 44_100


async def test_a_decoder_that_dies_again_and_again_is_no_fault_of_the_file(track: Path) -> None:
    """It is ours, and may pass."""
    async with decoding("turn_on_parent") as decoder:
        with pytest.raises(DecoderFailed, match="died again and again") as caught:
            await decode(decoder, track)
        assert caught.value.retryable


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ((sys.executable, "-P", "-m", "tests.support.strange_decoder", "refuse"), "ImportError: no such library"),
        ((sys.executable, "-c", "pass"), "it ended, or was too slow"),
        (("/nowhere/python",), "No such file"),
    ],
)
async def test_a_decoder_that_cannot_start_says_why(track: Path, program: tuple[str, ...], why: str) -> None:
    """A library that is missing, a broken installation."""
    decoder = Decoder(program)
    with pytest.raises(DecoderFailed, match=why):
        await decode(decoder, track)
    await decoder.close()
    assert ours() == []


async def test_an_idle_decoder_gives_its_memory_back_and_comes_again(track: Path) -> None:
    """Nobody keeps a process for a file an hour."""
    async with decoding(idle_seconds=0.2) as decoder:
        for _ in range(2):
            assert (await decode(decoder, track)).samples == 3 * 44_100
            await until("the process is gone", lambda: not ours(), seconds=5)


KEEPER = """
import asyncio, socket, sys
from pathlib import Path
from tests.faults.library.test_decoder import ORDER
from tonearm.library import Decoder
from tonearm.library.worklock import WorkLock

async def main(track, stage):
    lock = WorkLock.take(Path(stage), "worker-1", make=True)
    listener = socket.create_server(("127.0.0.1", 0))
    decoder = Decoder((sys.executable, "-P", "-m", "tests.support.strange_decoder", "spin"))
    with open(track, "rb") as file:
        print(listener.getsockname()[1], flush=True)
        await decoder.decode(file.fileno(), ORDER, 100)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def keeper(track: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker in the middle of a decode, which holds a lock and a port; it prints the port."""
    surroundings = {**os.environ, "SECRET_OF_OURS": "word"}
    command = [sys.executable, "-c", KEEPER, str(track), str(tmp_path)]
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


async def test_a_killed_worker_takes_its_decoder_along_and_its_lock_is_free(
    keeper: subprocess.Popen[str], tmp_path: Path
) -> None:
    """The child in the middle of a file, the process behind it, the lock of the stage, and the port."""
    assert keeper.stdout is not None
    port = int(keeper.stdout.readline())
    (process,) = await until("the decoder runs", lambda: children(keeper.pid))
    (child,) = await until("a child decodes", lambda: children(process))
    for pid in (process, child):
        assert not [name for name in held(pid) if "lock" in name]
        assert b"word" not in environment(pid)
    assert WorkLock.take(tmp_path, "worker-1", make=False) is None

    keeper.kill()
    keeper.wait()

    lock = WorkLock.take(tmp_path, "worker-1", make=False)
    assert lock is not None
    lock.release()
    await until("all are gone", lambda: not alive(process) and not alive(child), seconds=5)
    socket.create_server(("127.0.0.1", port)).close()


async def test_a_signal_for_the_whole_group_ends_no_decode(track: Path) -> None:
    """Ctrl-C and a service manager's SIGTERM let the server stop in good order, and it may still need the decoder."""
    async with decoding() as decoder:
        await decode(decoder, track)
        (process,) = ours()
        assert os.getpgid(process) == process
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(process, number)
        assert (await decode(decoder, track)).samples == 3 * 44_100
        assert ours() == [process]
