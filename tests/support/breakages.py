"""Breakages: faults put into the real server's own process, by name.

`TONEARM_BREAKAGE` holds one or more of these, with blanks between them:

    <phase>:kill[:<word>]            in that phase of a track whose title holds the word, the process ends by SIGKILL
    <phase>:raise[:<word>]           … an error is thrown that nobody expects
    <phase>:freeze[:<word>]          … it stops by SIGSTOP, the first time
    <phase>:hold:<folder>[:<word>]   … its thread stands until `<folder>/go` is there; `<folder>/<phase>.<task>` says so
    wall:<file>                      the wall clock runs ahead by the milliseconds that the file holds
    time:<file>                      … the wall clock and elapsed time do, as if so much time had passed
    decoder:<behaviour>[:<marker>]   a strange decoder in the place of the real one (tests.support.strange_decoder)
    shared:<file>                    the queue that processes share is the file of QUEUE_DATABASE, which one process
                                     has; while `<file>` is there the queue is away
    blocked:<file>                   while it is there the event loop is held up by something that does not give it back
    stubborn                         no lease of its own ever seems to have ended to it, as if its clocks stood still
                                     while it did
    writes:<file>                    what tasks write into the store is noted there (`Written`)
    cover:refuse                     the disk takes no cover beside the music
    patience:<ms>                    no fault but a shorter life: hosts are given up after so much rest, in milliseconds
                                     at a back-off of 1000
    searching:<s>                    no fault either: a search may take so many seconds

Most phases begin with the fault; `linking` is just before a file gets its name, the lease having been looked at,
`linked` between that and the sync of its folder, `published` after that, `beside` when the cover is about to be put
beside it, and `resolve` is an album's. A held thread stops as every long work does, at its next checkpoint.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from tonearm import policy
from tonearm.api import search
from tonearm.cli import working
from tonearm.clock import Clock, SystemClock
from tonearm.errors import DiskError, StoreUnavailable
from tonearm.library import Decoder, publishing
from tonearm.model import Claim
from tonearm.stopping import checkpoint
from tonearm.store.redis import RedisStore
from tonearm.store.sqlite import open_sqlite
from tonearm.store.sqlite.engine import SqliteStore
from tonearm.worker import attempt, journey
from tonearm.worker.held import Held, Stop
from tonearm.worker.leases import Leases
from tonearm.worker.threads import in_thread

PHASES = {
    "enter": "_take_over_stage",
    "begin": "_begin",
    "transfer": "_transfer",
    "verify": "_verify",
    "tag": "_tag",
    "cover": "_pictures",
    "decode": "_decode",
    "reserve": "_reserve",
    "commit": "_commit",
    "publish": "_publish",
}
"""Phases of a track, and the method of the journey that begins each."""

WRITES = ("describe", "reserve", "expand", "commit", "retract", "settle")
"""What the holder of a claim writes into the store."""

GO = "go"

Fault = Callable[[str], None]
"""What happens in the phase of the task with this id; it blocks a thread."""


@dataclass(frozen=True)
class Hold:
    """Where tasks are held, seen from the test: *folder* exists."""

    folder: Path

    def at(self, phase: str, word: str = "") -> str:
        """The breakage that holds in this phase, all tasks or those with *word* in their title."""
        return f"{phase}:hold:{self.folder}:{word}"

    def decoder(self) -> str:
        """The breakage that holds every decode, in its own process."""
        return f"decoder:hold:{self.folder / GO}"

    def stands(self, phase: str, task: str) -> bool:
        """Whether the thread of this task has come to stand in this phase."""
        return (self.folder / f"{phase}.{task}").exists()

    def let_go(self) -> None:
        """Let everything that stands go on, and hold nothing more."""
        (self.folder / GO).touch()

    def close(self) -> None:
        """Hold again what comes from now on."""
        (self.folder / GO).unlink()


@dataclass(frozen=True)
class Written:
    """One write of a task into the store: the how manyth of the process, and the error it met, if one."""

    number: int
    what: str
    task: str
    answer: str | None
    """`done`, or the name of the error; None: there is none yet."""

    @staticmethod
    def read(notes: Path) -> list[Written]:
        """What was noted so far, in the order in which it was said."""
        lines = notes.read_text("ascii").splitlines() if notes.exists() else []
        found = dict[int, Written]()
        for number, what, task, *answer in map(str.split, lines):
            found[int(number)] = Written(int(number), what, task, answer[0] if answer else None)
        return list(found.values())


class InjectedError(Exception):
    """Nobody expects this."""


def install() -> None:  # noqa: C901, PLR0912 - one branch a breakage
    """Put the breakages of the environment into this process, if there are any."""
    for breakage in os.environ.get("TONEARM_BREAKAGE", "").split():
        match breakage.split(":"):
            case ["wall", path]:
                _shift_clock(Path(path), "wall_ms")
            case ["time", path]:
                _shift_clock(Path(path), "wall_ms")
                _shift_clock(Path(path), "elapsed_ms")
            case ["searching", seconds]:
                vars(search)["SECONDS"] = float(seconds)
            case ["patience", ms]:
                vars(policy)["GIVE_UP_MS"] = int(ms)
            case ["decoder", *arguments]:
                _replace_decoder(arguments)
            case ["shared", path]:
                _share_file(Path(path))
            case ["cover", "refuse"]:
                _refuse_covers()
            case ["blocked", path]:
                _block_loop(Path(path))
            case ["stubborn"]:
                _trust_leases()
            case ["writes", path]:
                _note_writes(Path(path))
            case [phase, "freeze", *word]:
                _break(phase, _freezing(), "".join(word))
            case [phase, "hold", folder, *word]:
                _break(phase, _holding(phase, Path(folder)), "".join(word))
            case [phase, "kill", *word]:
                _break(phase, _killing, "".join(word))
            case [phase, "raise", *word]:
                _break(phase, _raising(phase), "".join(word))
            case _:
                raise ValueError(f"there is no breakage {breakage!r}")


def _shift_clock(path: Path, name: str) -> None:
    real: Callable[[SystemClock], int] = getattr(SystemClock, name)
    setattr(SystemClock, name, lambda self: real(self) + int(path.read_text() or "0"))


def _replace_decoder(arguments: list[str]) -> None:
    program = (sys.executable, "-P", "-m", "tests.support.strange_decoder", *arguments)
    vars(working)["Decoder"] = lambda: Decoder(program)


def _share_file(away: Path) -> None:
    """An engine of the name of the one in Redis, for what a process does around its queue."""
    engine = ModuleType("tonearm.store.redis")
    engine.__spec__ = ModuleSpec(engine.__name__, None)

    async def open_redis(_url: str, clock: Clock, *, worker_dead_ms: int) -> SqliteStore:
        if away.exists():  # noqa: ASYNC240 - one look at a local file
            raise StoreUnavailable("the shared queue is away")
        return await open_sqlite(Path(os.environ["QUEUE_DATABASE"]), clock, worker_dead_ms=worker_dead_ms)

    vars(engine)["open_redis"] = open_redis
    sys.modules[engine.__name__] = engine


def _killing(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _freezing() -> Fault:
    ahead = [True]

    def fault(_: str) -> None:
        if ahead:
            ahead.clear()
            # To this thread, which then does not take one more step before everything stands.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    return fault


def _trust_leases() -> None:
    halt = Held.halt
    vars_of_leases: Any = Leases
    vars_of_leases.trusted = lambda *_: True
    vars_of_held: Any = Held
    vars_of_held.halt = lambda self, why: why is not Stop.LOST and halt(self, why)


def _note_writes(path: Path) -> None:
    numbers = itertools.count(1)

    def noted(name: str, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def write(self: RedisStore, claim: Claim, *args: Any, **kwargs: Any) -> Any:
            note = f"{next(numbers)} {name} {claim.task_id}"
            _append(path, note)
            try:
                answer = await real(self, claim, *args, **kwargs)
            except BaseException as error:
                _append(path, f"{note} {type(error).__name__}")
                raise
            _append(path, f"{note} done")
            return answer

        return write

    for name in WRITES:
        setattr(RedisStore, name, noted(name, getattr(RedisStore, name)))


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="ascii") as notes:
        notes.write(f"{line}\n")


def _refuse_covers() -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise DiskError("Input/output error while publishing")

    vars(journey)["add_cover"] = broken


def _raising(phase: str) -> Fault:
    def fault(_: str) -> None:
        raise InjectedError(f"injected into {phase}")

    return fault


def _holding(phase: str, folder: Path) -> Fault:
    def fault(task_id: str) -> None:
        (folder / f"{phase}.{task_id}").touch()
        while not (folder / GO).exists():
            checkpoint()
            time.sleep(0.005)  # the held work itself

    return fault


def _break(phase: str, fault: Fault, word: str) -> None:
    match phase:
        case "resolve":
            _break_resolving(fault, word)
        case "linking":
            _break_linking(fault, word, before=True)
        case "linked":
            _break_linking(fault, word)
        case "beside":
            _break_method("_add_cover", fault, word)
        case "published":
            _break_method("_publish", fault, word, after=True)
        case _:
            _break_method(PHASES[phase], fault, word)


def _break_method(name: str, fault: Fault, word: str, *, after: bool = False) -> None:
    real: Callable[..., Any] = getattr(journey.Journey, name)

    async def broken(self: Any, *args: Any, **kwargs: Any) -> Any:
        if word not in (self._claim.spec.track_title or ""):
            return await real(self, *args, **kwargs)
        if not after:
            await in_thread(fault, self._claim.task_id)
        answer = await real(self, *args, **kwargs)
        if after:
            await in_thread(fault, self._claim.task_id)
        return answer

    setattr(journey.Journey, name, broken)


def _break_resolving(fault: Fault, word: str) -> None:
    real: Callable[..., Any] = vars(attempt)["resolve"]

    async def broken(held: Any, *args: Any) -> None:
        if word in (held.claim.spec.album_title or ""):
            await in_thread(fault, held.task_id)
        await real(held, *args)

    vars(attempt)["resolve"] = broken


def _break_linking(fault: Fault, word: str, *, before: bool = False) -> None:
    real: Callable[..., Any] = vars(publishing)["_place"]

    def broken(staged: Path, folder: int, name: str, **kwargs: Any) -> None:
        task_id = staged.parent.name.rpartition(".")[0] if word in name else None
        if before and task_id is not None:
            fault(task_id)
        real(staged, folder, name, **kwargs)
        if not before and task_id is not None:
            fault(task_id)

    vars(publishing)["_place"] = broken


def _block_loop(path: Path) -> None:
    """Something in a round of the polling loop that does not give the loop back."""
    real = Leases.poll

    async def blocking(self: Leases) -> None:
        while path.exists():  # noqa: ASYNC240 - what is not to be done is done here
            time.sleep(0.01)  # noqa: ASYNC251 - as above
        await real(self)

    leases: Any = Leases
    leases.poll = blocking
