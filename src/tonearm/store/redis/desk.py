"""The desk: says a script to Redis with what it needs to know of the time, and turns what it refuses into errors.

The server's clock decides (queue.lua). What is added here is what it should say by our own monotonic clock, so that a
script notices when somebody set the server's clock, and store time keeps its pace.

Who waits for a script can be cancelled; the script is not, and what it did is told when it answers.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from redis.exceptions import RedisError, ResponseError

from tonearm import metrics
from tonearm.clock import Clock
from tonearm.errors import StoreUnavailable
from tonearm.metrics import Access
from tonearm.model import job_of
from tonearm.store import counting, story
from tonearm.store.redis.batch import Batch, Call
from tonearm.store.redis.line import Hear
from tonearm.store.redis.link import Link
from tonearm.store.redis.refusals import Emptied, refused
from tonearm.store.redis.scripts import load
from tonearm.store.redis.version import OURS, Version
from tonearm.store.story import SET_ASIDE, Happened
from tonearm.store.task import Unreadable

log = structlog.get_logger("store.redis")

PROMPT_MS = 1_000
"""What the server's clock said is believed if it was heard so soon after the question, milliseconds."""

TRIES = 2
"""How often a record is set aside until it is given up: first it is made readable, then it is taken out."""

LAST_WORDS_S = 1.0
"""How long a desk that closes waits for answers that are under way, seconds."""

Word = str | bytes | int
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a script ran: store time *now*, and *shift*, to be added to show a stored time as wall time (ms)."""

    now: int
    shift: int


class Desk:
    """The scripts of one queue over one link; belongs to one event loop.

    *server_time* answers milliseconds instead of the server's own clock, for tests that move it; *version* is that of
    the program, for tests with another one.
    """

    def __init__(
        self,
        link: Link,
        clock: Clock,
        queue: str,
        server_time: Callable[[], int] | None = None,
        version: Version = OURS,
    ) -> None:
        self.link = link
        self.version = version
        self.prefix = f"{{{queue}}}:"
        self._clock = clock
        self._server_time = server_time
        self._wall: int | None = None
        self._elapsed = 0
        self._offset = 0
        self._batches: dict[str, Batch] = {}
        self.was_emptied = False
        """Whether the queue was gone once, since this process opened it."""
        self._alive: dict[str, tuple[int, tuple[Word, ...]]] = {}
        """By worker of this process: until when its last sign of life holds (elapsed ms), and what was said."""

    async def run(self, name: str, *args: Word) -> Any:
        """Run a script; a record that turns out to be unreadable is set aside and the script is run again.

        Raises:
            StoreUnavailable: outcome unknown, safe to repeat.
            OtherVersion: the queue has become one that is not for this program; nothing changed.
            Refusal, or the error that it means: nothing changed.
        """
        return await self.read(lambda answer, _: answer, name, *args)

    async def run_timed(self, name: str, *args: Word) -> tuple[Any, Moment]:
        """Like `run`, with the time at which it ran."""
        return await self.read(lambda answer, moment: (answer, moment), name, *args)

    async def read(self, reading: Callable[[Any, Moment], T], name: str, *args: Word) -> T:
        """Like `run`, with an answer as *reading* reads it; what turns out to be unreadable there is set aside too."""

        async def work() -> T:
            return reading(*await self._run(name, args))

        return await self.mending(work)

    async def run_together(self, name: str, *words: Word) -> Any:
        """Like `run`, for a script that carries out many calls: those that are made meanwhile go together."""
        batch = self._batches.get(name)
        if batch is None:
            batch = self._batches[name] = Batch(lambda calls: self._run_each(name, calls))
        return await self.mending(lambda: batch.run(*words))

    async def _run_each(self, name: str, calls: Sequence[Call]) -> list[Any]:
        contexts = [call.context for call in calls]
        words = [word for call in calls for word in call.words]
        answers, _ = await self._run(name, words, lambda reply: _tell_each(reply, contexts))
        return [_answered(*answer) for answer in answers]

    async def mending(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do *work* until nothing stands in its way that can be mended: a record that is unreadable, an emptied Redis.

        Raises:
            StoreUnavailable: a record cannot even be set aside.
        """
        met: Counter[tuple[int, str]] = Counter()
        while True:
            try:
                return await work()
            except Emptied:
                log.critical("The queue in Redis is gone: somebody emptied it, and the jobs that it had are lost")
                self.was_emptied = True
                await self.open()
                with suppress(Emptied):  # again; then the work meets it too
                    await self._say_who_lives()
            except Unreadable as error:
                what = (error.seq, error.line)  # what was taken out may still stand in a line
                met[what] += 1
                if met[what] > TRIES:
                    raise StoreUnavailable(f"A record cannot be read and cannot be set aside: {error}") from error
                await self._set_aside(error, whole=met[what] == TRIES)

    async def open(self) -> None:
        """Enter the queue, making it where there is none.

        Raises:
            OtherVersion: it is not for a program of this version.
        """
        await self._run("open", (secrets.token_hex(4),))

    async def heartbeat(self, worker: str, host: str, max_concurrent: int, dead_ms: int) -> None:
        """Give a worker's sign of life, which is said to a queue that is made anew as well, as long as it holds."""
        words = (worker, host, max_concurrent, dead_ms)
        self._alive[worker] = (self._clock.elapsed_ms() + dead_ms, words)
        await self.run("heartbeat", *words)

    async def _say_who_lives(self) -> None:
        for holds_until, words in list(self._alive.values()):
            if self._clock.elapsed_ms() < holds_until:
                await self._run("heartbeat", words)

    async def _set_aside(self, error: Unreadable, *, whole: bool) -> None:
        """Make a record readable that is not, or take it out *whole*, where that was no help."""
        (answer, _) = await self._run("set_aside", (error.seq, error.reason, error.line, "1" if whole else ""))
        log.warning(SET_ASIDE, job=job_of(answer[0]) or None, task=answer[0], reason=error.reason)

    async def close(self) -> None:
        """Close the link, when all that was said is answered and told, or `LAST_WORDS_S` later."""
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                for batch in list(self._batches.values()):  # a late caller may make one meanwhile
                    await batch.sent()
                if not self.link.idle:
                    await self.link.call("PING")  # answered behind all the others
        except (TimeoutError, StoreUnavailable, RedisError):
            pass  # what was not answered cannot be told
        finally:
            await self.link.close()

    async def _run(self, name: str, args: Sequence[Word], tell: Hear | None = None) -> tuple[Any, Moment]:
        """Run a script once; *tell* tells of what it did, if not `_tell`."""
        script = load(name, self.version)
        asked = self._clock.elapsed_ms()
        with metrics.STORE_SECONDS[Access.WRITE if script.writes else Access.READ].time():
            reply = await self.link.run(script, [f"{self.prefix}meta"], [*self._times(), *args], tell or _tell)
        wall, offset, heard = int(reply[0]), int(reply[1]), self._clock.elapsed_ms()
        # What only reads does not keep the step of a clock that it noticed; an answer that came late says little.
        if script.writes and heard - asked <= PROMPT_MS:
            self._wall, self._offset, self._elapsed = wall, offset, heard
        if reply[3] == "refused":
            raise refused(reply[4], reply[5:])
        return reply[4], Moment(wall + offset, -offset)

    def _times(self) -> tuple[Word, Word, Word]:
        given = "" if self._server_time is None else self._server_time()
        elapsed = self._clock.elapsed_ms()
        own = f"{elapsed} {self._clock.boot_id()}"
        if self._wall is None:
            return given, "", own
        return given, f"{self._wall + elapsed - self._elapsed} {self._offset}", own


def _answered(kind: str, told: Any, *details: Any) -> Any:
    """What one of many calls is answered, or why it has no answer."""
    if kind == "failed":
        return ResponseError(told)
    return told if kind == "done" else refused(told, details)


def _tell(reply: Any) -> None:
    """Tell what a script did."""
    story.tell(_happened(reply[2], -int(reply[1])))


def _tell_each(reply: Any, contexts: Sequence[Context]) -> None:
    """Tell what a script did for many callers, each in its own context."""
    _tell(reply)
    if reply[3] == "done":
        for context, (kind, _, *details) in zip(contexts, reply[4], strict=True):
            if kind == "done":
                context.run(story.tell, _happened(details[0], -int(reply[1])))


def _happened(reply: Sequence[str | Sequence[str]], shift: int) -> list[story.Entry]:
    """Read what a script did: lines for the log, with store times shown as wall time, and turns to be counted."""
    return [counting.read(entry) if isinstance(entry, str) else _line(entry, shift) for entry in reply]


def _line(entry: Sequence[str], shift: int) -> Happened:
    task, epoch, client, attempt, at, word, *said = entry
    message, code, worker = (text or None for text in said)
    return Happened(task, int(epoch), client, int(attempt), int(at) + shift, word, message, code, worker)
