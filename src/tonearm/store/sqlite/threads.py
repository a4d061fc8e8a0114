"""Threads: one writes, one reads, and the event loop waits for neither.

The writer takes what is queued, runs each call in a savepoint of its own, commits once, and answers only then. A call
that is refused rolls back alone; a commit that fails fails all its calls, and nothing of them is there. What cannot be
part of a transaction, such as emptying the log, is done behind the commit. Whoever waits can be cancelled; the call
itself is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import apsw

from tonearm.errors import StoreDamaged, StoreUnavailable
from tonearm.store import story
from tonearm.store.sqlite import feed
from tonearm.store.sqlite.file import damage_of
from tonearm.store.sqlite.storetime import StoreTime
from tonearm.store.sqlite.unit import Unit

BATCH = 100
"""The most calls that one commit answers."""

T = TypeVar("T")


@dataclass(slots=True)
class _Call(Generic[T]):
    work: Callable[[Unit], T]
    future: asyncio.Future[T]
    loop: asyncio.AbstractEventLoop
    context: Context
    alone: bool = False
    """Whether it is no part of a transaction."""
    answer: T | None = None
    error: BaseException | None = None
    happened: list[story.Entry] = field(default_factory=list[story.Entry])

    def deliver(self) -> None:
        """Answer the caller, on its loop; before that the log tells what happened, as the caller's."""
        try:
            if self.error is None and self.happened:
                self.context.run(story.tell, self.happened)
        finally:  # whoever waits is answered, whatever becomes of the log
            self._answer()

    def _answer(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.answer)  # type: ignore[arg-type]  # set together with the absence of an error


class _Desk(ABC):
    """A thread with the connection that only it uses, and the calls that wait for it."""

    def __init__(self, db: apsw.Connection, time: StoreTime, name: str) -> None:
        self.db = db
        self._time = time
        self._calls: queue.SimpleQueue[_Call[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[Unit], T]) -> T:
        """Run *work* on the thread, as one unit, and return its answer.

        Raises:
            StoreUnavailable: the database refused; nothing of the work is there.
        """
        return await self._ask(work)

    async def _ask(self, work: Callable[[Unit], T], *, alone: bool = False) -> T:
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._calls.put(_Call(work, future, loop, copy_context(), alone))
        return await asyncio.shield(future)

    def close(self) -> None:
        """Finish what is queued and end the thread; blocks, so it is called on another thread."""
        self._closed = True
        self._calls.put(None)
        self._thread.join()
        self.db.close()

    @abstractmethod
    def _run(self) -> None:
        """Answer calls until there is None in the queue."""

    def _unit_now(self) -> Unit:
        return Unit(self.db, self._time.now(), self._time.shift())


class Writer(_Desk):
    """The one thread that changes the database. *on_commit* runs on it after a commit that changed what people see."""

    def __init__(self, db: apsw.Connection, time: StoreTime, name: str, on_commit: Callable[[], None]) -> None:
        self._on_commit = on_commit
        super().__init__(db, time, name)

    async def do_alone(self, work: Callable[[Unit], T]) -> T:
        """Run *work*, which is no part of a transaction, between two of them, and return its answer.

        Raises:
            StoreUnavailable: the database refused.
        """
        return await self._ask(work, alone=True)

    def _run(self) -> None:
        going = True
        while going:
            batch: list[_Call[Any]] = []
            for call in self._take():
                if call is None:
                    going = False
                else:
                    batch.append(call)
            self._answer([call for call in batch if not call.alone])
            for call in batch:
                if call.alone:
                    _run_alone(call, self._unit_now())

    def _take(self) -> Iterator[_Call[Any] | None]:
        yield self._calls.get()
        with contextlib.suppress(queue.Empty):
            for _ in range(BATCH - 1):
                yield self._calls.get_nowait()

    def _answer(self, batch: list[_Call[Any]]) -> None:
        if not batch:
            return
        try:
            if self._commit(batch):
                self._on_commit()
        except apsw.Error as error:
            for call in batch:
                call.error = refusal(error)
        loops = {call.loop for call in batch}
        for loop in loops:
            with contextlib.suppress(RuntimeError):  # the loop is closed; nobody waits any more
                loop.call_soon_threadsafe(_deliver, [call for call in batch if call.loop is loop])

    def _commit(self, batch: list[_Call[Any]]) -> bool:
        """Run the calls and commit; True when there is something new to see.

        Raises:
            apsw.Error: the transaction as a whole failed, and is rolled back.
        """
        self.db.execute("BEGIN IMMEDIATE")
        try:
            before = self.db.total_changes()
            news = [self._unit(call) for call in batch]
            if self.db.total_changes() != before and self._time.keep_due():
                self._time.keep(self.db)
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        return any(news)

    def _unit(self, call: _Call[Any]) -> bool:
        """Run one call in a savepoint; True when there is something new to see.

        Raises:
            apsw.Error: the database ended the transaction under us (disk full, an I/O error).
        """
        unit = self._unit_now()
        self.db.execute("SAVEPOINT call")
        try:
            call.answer = call.work(unit)
            feed.write(unit)
        except BaseException as error:  # whatever it is, it is the caller's to see
            if not self.db.in_transaction:
                if damage_of(error) is not None:
                    raise
                raise apsw.AbortError(str(error)) from error
            self.db.execute("ROLLBACK TO call")
            self.db.execute("RELEASE call")
            call.error = _told(error)
            return False
        self.db.execute("RELEASE call")
        call.happened = unit.happened
        return bool(unit.told) or unit.woke


class Reader(_Desk):
    """A thread that reads, each call in one snapshot."""

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                self.db.execute("BEGIN")
                try:
                    call.answer = call.work(self._unit_now())
                finally:
                    if self.db.in_transaction:  # an I/O error ends it
                        self.db.execute("ROLLBACK")
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's to see
                call.error = _told(error)
            with contextlib.suppress(RuntimeError):
                call.loop.call_soon_threadsafe(call.deliver)


def _run_alone(call: _Call[Any], unit: Unit) -> None:
    try:
        call.answer = call.work(unit)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's to see
        call.error = _told(error)
    with contextlib.suppress(RuntimeError):  # the loop is closed; nobody waits any more
        call.loop.call_soon_threadsafe(call.deliver)


def _deliver(calls: list[_Call[Any]]) -> None:
    with contextlib.ExitStack() as each:  # what goes wrong with one is told at the end, and keeps none from its answer
        for call in reversed(calls):
            each.callback(call.deliver)


def refusal(error: apsw.Error) -> StoreUnavailable:
    """Return what the caller is to see where the database itself refused: nobody knows the outcome."""
    damage = damage_of(error)
    if damage is not None:
        return StoreDamaged(f"The database is damaged: {damage}")
    return StoreUnavailable(f"The database refused: {error}")


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Let the caller see a refusal of the database by what is done in here as `refusal` has it."""
    try:
        yield
    except apsw.Error as error:
        raise refusal(error) from error


def _told(error: BaseException) -> BaseException:
    """Return what the caller is to see of the end of a call; that a statement is wrong stays what it is."""
    if isinstance(error, apsw.Error) and not isinstance(error, apsw.ConstraintError | apsw.SQLError):
        return refusal(error)
    return error
