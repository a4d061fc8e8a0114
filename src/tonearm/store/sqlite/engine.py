"""The engine: every call of `store.base` as one unit on the writer's or the reader's thread.

What a call does stands in the module of its subject; here it is only sent to the right thread. A record that turns out
to be unreadable is set aside and the call is said again, so it stops nothing but itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw
import structlog

from tonearm import metrics
from tonearm.clock import Clock
from tonearm.errors import SetupError, StoreUnavailable
from tonearm.metrics import Access
from tonearm.model import (
    AlbumInfo,
    AlbumTrack,
    Claim,
    Claimed,
    ClaimRequest,
    Control,
    ControlChange,
    Counts,
    Delivery,
    DeliveryLog,
    Feed,
    FilePage,
    Flags,
    Idempotency,
    JobDump,
    JobPage,
    JobQuery,
    JobRecord,
    KeyRecord,
    Mark,
    Metrics,
    NewDelivery,
    Outcome,
    Pending,
    Priority,
    Pruned,
    Publication,
    Reserved,
    Retention,
    Status,
    Submission,
    SubmitLimits,
    Submitted,
    Swept,
    TakenDeliveries,
    TakenIn,
    TrackPage,
    WorkerRecord,
    WorkerReport,
    job_of,
)
from tonearm.stopping import stoppable
from tonearm.store.base import PAGE
from tonearm.store.batches import Answers
from tonearm.store.overlay import Overlay
from tonearm.store.signal import Signal
from tonearm.store.sqlite import (
    actions,
    albums,
    answers,
    arriving,
    claims,
    copying,
    dumping,
    feed,
    file,
    keyring,
    leases,
    leaving,
    notices,
    outcomes,
    reading,
    slack,
    steering,
    submit,
    upkeep,
)
from tonearm.store.sqlite.audit import audit
from tonearm.store.sqlite.storetime import StoreTime
from tonearm.store.sqlite.threads import Reader, Writer, refusing
from tonearm.store.sqlite.unit import Row, Unit
from tonearm.store.story import SET_ASIDE
from tonearm.store.task import Unreadable

log = structlog.get_logger("store.sqlite")

T = TypeVar("T")


async def open_sqlite(database: Path | None, clock: Clock, *, worker_dead_ms: int = 120_000) -> SqliteStore:
    """Open the store in this file, making it and its folder where they are not; None: in memory, for throw-away use.

    *worker_dead_ms*: a worker that is silent for so long, in milliseconds, is dead.

    Raises:
        SetupError: the file is not ours, of a newer version, in use by another process, or cannot be written.
    """
    opened = await asyncio.to_thread(_open, database, clock)
    return SqliteStore(database, opened, Signal(), worker_dead_ms=worker_dead_ms)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The open files of a store, and its time."""

    writing: apsw.Connection
    reading: apsw.Connection | None
    lock: file.FileLock | None
    time: StoreTime


def _open(database: Path | None, clock: Clock) -> _Opened:
    if database is None:
        db = file.connect(None, writes=True)
        return _Opened(db, None, None, StoreTime(clock, db))
    file.check_ours(database)
    file.make_folder(database)
    with ExitStack() as undo:
        lock = file.FileLock(database)
        undo.callback(lock.release)
        try:
            file.prepare(database)
            writing = file.connect(database, writes=True)
            undo.callback(writing.close)
            time = StoreTime(clock, writing)
            with writing:
                time.keep(writing)
            reading = file.connect(database, writes=False)
        except (apsw.Error, OSError) as error:
            raise SetupError(f"The database {database} {file.trouble_of(error, 'cannot be opened')}") from error
        undo.pop_all()
        return _Opened(writing, reading, lock, time)


def _copy(database: Path, target: Path) -> None:
    """Copy on a connection of its own: it reads for long, and nobody else should wait for it."""
    with refusing(), closing(file.connect(database, writes=False)) as db:
        copying.copy(db, target)


class SqliteStore:
    """A store in one SQLite file, or in memory. Made by `open_sqlite`."""

    def __init__(self, database: Path | None, opened: _Opened, signal: Signal, *, worker_dead_ms: int) -> None:
        self._database = database
        self._lock = opened.lock
        self._time = opened.time
        self._signal = signal
        self._overlay = Overlay()
        self._lists = reading.Lists()
        self._worker_dead_ms = worker_dead_ms
        self._writer = Writer(opened.writing, opened.time, "store-writer", signal.bump)
        self._reader: Writer | Reader = self._writer
        if opened.reading is not None:
            self._reader = Reader(opened.reading, opened.time, "store-reader")

    @property
    def source(self) -> str:
        return "memory" if self._database is None else "sqlite"

    @property
    def warning(self) -> str | None:
        return None

    async def _write(self, work: Callable[[Unit], T]) -> T:
        with metrics.STORE_SECONDS[Access.WRITE].time():
            return await self._mending(self._writer, work)

    async def _read(self, work: Callable[[Unit], T]) -> T:
        with metrics.STORE_SECONDS[Access.READ].time():
            return await self._mending(self._reader, work)

    async def _mending(self, desk: Writer | Reader, work: Callable[[Unit], T]) -> T:
        mended: set[int] = set()
        while True:
            try:
                return await desk.do(work)
            except Unreadable as error:
                seq, reason = error.seq, error.reason
            if seq in mended:
                raise StoreUnavailable(f"A record cannot be read and cannot be set aside: {reason}")
            mended.add(seq)
            task = await self._writer.do(partial(upkeep.set_aside, seq=seq, reason=reason))
            log.warning(SET_ASIDE, job=job_of(task or "") or None, task=task, reason=reason)

    # clients

    async def submit(self, submission: Submission, limits: SubmitLimits) -> Submitted:
        return await self._write(lambda unit: submit.submit(unit, submission, limits))

    async def submit_many(
        self, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None = None
    ) -> Answers:
        return await self._write(lambda unit: submit.submit_many(unit, submissions, limits, idempotency))

    async def cancel(self, job_id: str) -> None:
        await self._write(lambda unit: actions.cancel(unit, job_id))

    async def pause(self, job_id: str) -> None:
        await self._write(lambda unit: actions.pause(unit, job_id))

    async def resume(self, job_id: str) -> None:
        await self._write(lambda unit: actions.resume(unit, job_id))

    async def retry(self, job_id: str) -> None:
        await self._write(lambda unit: actions.retry(unit, job_id))

    async def prioritize(self, job_id: str, priority: Priority) -> None:
        await self._write(lambda unit: actions.prioritize(unit, job_id, priority))

    async def delete(self, job_id: str, *, keep_ms: int = 0, only: Status | None = None) -> bool:
        return await self._write(lambda unit: actions.delete(unit, self._overlay, job_id, keep_ms, only))

    async def steer(self, change: ControlChange) -> Control:
        return await self._write(lambda unit: steering.steer(unit, change))

    # readers

    async def job(self, job_id: str, *, whole: bool = True) -> JobRecord:
        return await self._read(lambda unit: reading.job(unit, self._overlay, job_id, whole=whole))

    async def jobs(self, query: JobQuery) -> JobPage:
        return await self._read(lambda unit: self._lists.page(unit, self._overlay, query))

    async def tracks(self, job_id: str, *, limit: int, cursor: str | None = None) -> TrackPage:
        return await self._read(lambda unit: reading.tracks(unit, self._overlay, job_id, limit, cursor))

    async def files(self, job_id: str, *, cursor: str | None = None) -> FilePage:
        return await self._read(lambda unit: reading.files(unit, job_id, cursor))

    async def named_elsewhere(self, job_id: str, paths: Sequence[str]) -> frozenset[str]:
        return await self._read(lambda unit: reading.named_elsewhere(unit, job_id, paths))

    async def counts(self) -> Counts:
        return await self._read(reading.counts)

    async def oldest(self) -> int | None:
        return await self._read(reading.oldest)

    async def metrics(self) -> Metrics:
        return await self._read(reading.metrics)

    async def workers(self) -> tuple[WorkerRecord, ...]:
        return await self._read(lambda unit: reading.workers(unit, self._overlay, self._worker_dead_ms))

    async def control(self) -> Control:
        return await self._read(steering.control)

    async def events(self, after: str | None, *, limit: int = PAGE) -> Feed:
        return await self._read(lambda unit: feed.read(unit, after, limit))

    async def changed(self, seen: int, timeout_ms: int) -> int:
        return await self._signal.wait(seen, timeout_ms)

    # workers

    async def claim(self, request: ClaimRequest) -> Claimed:
        return await self._write(lambda unit: claims.claim(unit, request))

    async def renew(self, worker: str, marks: Mapping[str, Mark], lease_ms: int) -> frozenset[str]:
        return await self._write(lambda unit: leases.renew(unit, worker, marks, lease_ms))

    async def poll(self, worker: str, tokens: Sequence[str]) -> Flags:
        return await self._read(lambda unit: leases.poll(unit, worker, tokens, self._worker_dead_ms))

    async def discarded(
        self,
        worker: str,  # noqa: ARG002 - who removed a stage makes no difference here
        stages: Sequence[tuple[str, int]],
    ) -> None:
        await self._write(lambda unit: leases.discarded(unit, stages))

    async def report(self, report: WorkerReport) -> None:
        self._overlay.put(report, self._time.now())

    async def heartbeat(self, worker: str, host: str, max_concurrent: int) -> None:
        await self._write(lambda unit: upkeep.heartbeat(unit, worker, host, max_concurrent, self._worker_dead_ms))

    async def expand(
        self, claim: Claim, album: AlbumInfo, start: int, tracks: Sequence[AlbumTrack], *, last: bool
    ) -> None:
        await self._write(lambda unit: albums.expand(unit, claim, album, start, tracks, last=last))

    async def describe(self, claim: Claim, *, title: str, artist: str, album: str) -> None:
        await self._write(lambda unit: outcomes.describe(unit, claim, title=title, artist=artist, album=album))

    async def reserve(self, claim: Claim, name: str, key: str) -> Reserved:
        return await self._write(lambda unit: outcomes.reserve(unit, claim, name, key))

    async def commit(self, claim: Claim, publication: Publication) -> None:
        await self._write(lambda unit: outcomes.commit(unit, claim, publication))

    async def retract(self, claim: Claim) -> None:
        await self._write(lambda unit: outcomes.retract(unit, claim))

    async def settle(self, claim: Claim, outcome: Outcome, mark: Mark | None = None) -> None:
        await self._write(lambda unit: outcomes.settle(unit, claim, outcome, mark))

    async def recover(self, worker: str, marks: Mapping[str, Mark], *, charge: bool) -> int:
        return await self._write(lambda unit: leases.recover(unit, worker, marks, charge=charge))

    async def living(self, tasks: Sequence[str]) -> dict[str, int]:
        return await self._read(lambda unit: leases.living(unit, tasks))

    # moving

    async def dump(self, job_id: str, *, start: int = 1) -> JobDump:
        return await self._read(lambda unit: dumping.dump(unit, job_id, start))

    async def take_in(self, dump: JobDump) -> TakenIn:
        return await self._write(lambda unit: arriving.take_in(unit, dump))

    async def submit_marked(self, submission: Submission, limits: SubmitLimits) -> Submitted:
        return await self._write(lambda unit: leaving.submit_marked(unit, submission, limits))

    async def submit_many_marked(
        self, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None
    ) -> Answers:
        return await self._write(lambda unit: leaving.submit_many_marked(unit, submissions, limits, idempotency))

    async def answered_many(self, client: str, idempotency: Idempotency) -> Answers | None:
        return await self._read(lambda unit: answers.recall_many(unit, client, idempotency))

    async def answered(self, client: str, idempotency: Idempotency) -> Submitted | None:
        return await self._read(lambda unit: answers.recall(unit, client, idempotency))

    async def begin_move(self, job_id: str) -> bool:
        return await self._write(lambda unit: leaving.begin(unit, job_id))

    async def abandon_move(self, job_id: str) -> None:
        await self._write(lambda unit: leaving.abandon(unit, job_id))

    async def finish_move(self, job_id: str) -> None:
        await self._write(lambda unit: leaving.finish(unit, job_id))

    async def moving(self, after: str | None = None) -> tuple[str, ...]:
        return await self._read(lambda unit: leaving.moving(unit, after))

    # keys

    async def keys(self) -> tuple[KeyRecord, ...]:
        return await self._read(keyring.keys)

    async def add_key(self, record: KeyRecord) -> bool:
        return await self._write(lambda unit: keyring.add(unit, record))

    async def remove_key(self, name: str) -> bool:
        return await self._write(lambda unit: keyring.remove(unit, name))

    # notices

    async def listen(self, ms: int) -> None:
        await self._write(lambda unit: notices.listen(unit, ms))

    async def pending(self) -> Pending:
        return await self._read(notices.pending)

    async def tell(
        self, deliveries: Sequence[NewDelivery], *, from_round: str | None = None, upto: int = 0, memory: str = ""
    ) -> int:
        return await self._write(lambda unit: notices.tell(unit, deliveries, from_round, upto, memory))

    async def take_deliveries(self, targets: Sequence[str], most: int, hold_ms: int) -> TakenDeliveries:
        return await self._write(lambda unit: notices.take(unit, targets, most, hold_ms))

    async def settle_delivery(
        self, delivery: Delivery, answer: str, *, received: bool, delay_ms: int | None = None
    ) -> None:
        await self._write(lambda unit: notices.settle(unit, delivery, answer, received=received, delay_ms=delay_ms))

    async def deliveries(self, limit: int) -> DeliveryLog:
        return await self._read(lambda unit: notices.log(unit, limit))

    # upkeep

    async def sweep(self) -> Swept:
        return await self._write(upkeep.sweep)

    async def prune(self, retention: Retention) -> Pruned:
        return await self._write(lambda unit: upkeep.prune(unit, retention))

    async def prunable(self, retention: Retention) -> Pruned:
        return await self._read(lambda unit: upkeep.prunable(unit, retention))

    async def give_back(self) -> bool:
        return await self._writer.do_alone(lambda unit: slack.give_back(unit.db))

    async def copy(self, target: Path) -> None:
        if self._database is None:
            raise SetupError("The queue lies in memory: there is no file to copy. `tonearm export` writes its jobs.")
        unwanted = threading.Event()
        working = asyncio.create_task(asyncio.to_thread(stoppable(unwanted, _copy, self._database, target)))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            unwanted.set()
            await asyncio.wait([working])  # nothing goes on writing behind the back of whoever stopped it
            raise

    async def audit(self) -> tuple[str, ...]:
        if self._database is None:
            return await self._writer.do(audit)
        return await asyncio.to_thread(self._audit, self._database)

    def _audit(self, database: Path) -> tuple[str, ...]:
        """Audit on a connection of its own: it reads for long, and nobody else should wait for it."""
        with refusing(), closing(file.connect(database, writes=False)) as db:
            db.execute("BEGIN")
            return audit(Unit(db, self._time.now(), self._time.shift()))

    async def rows(self) -> dict[str, list[Row]]:
        """Return the rows of every table but those that outlive all jobs; for tests."""
        return await self._read(upkeep.rows)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        if self._reader is not self._writer:
            self._reader.close()
        self._writer.close()
        if self._lock is not None:
            self._lock.release()
