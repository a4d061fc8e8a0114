"""The engine: every call of `store.base` as one script on the server.

What a call does stands in `lua/`; here its arguments are written down, and its answer becomes what the protocol says.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from tonearm.clock import Clock
from tonearm.errors import NotFound, SetupError
from tonearm.model import (
    JOB_ID,
    UNCHANGED,
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
)
from tonearm.store import dumps, figures, keyring
from tonearm.store.base import PAGE
from tonearm.store.batches import Answers
from tonearm.store.cursors import read_tracks
from tonearm.store.overlay import RESTING_LIMIT
from tonearm.store.records import file_page, track_page
from tonearm.store.redis import batching, listing, moving, notices, wire
from tonearm.store.redis.audit import audit
from tonearm.store.redis.checks import require
from tonearm.store.redis.desk import Desk, Moment
from tonearm.store.redis.feed import FeedReader, read_feed
from tonearm.store.redis.link import connect
from tonearm.store.redis.reading import TrackView, handed_out, job_record, overlay_of, task_of
from tonearm.store.redis.refusals import OtherVersion, Refusal, limited
from tonearm.store.redis.version import OURS, Version
from tonearm.store.task import PRIORITIES

log = structlog.get_logger("store.redis")

NO_FILE = (
    "The queue lies in Redis, which makes backups of its own. All of its jobs are written into a file by "
    "`tonearm export FILE`."
)

EMPTIED = "Somebody emptied Redis while it was in use: the jobs that it had are lost."

T = TypeVar("T")


async def open_redis(
    url: str,
    clock: Clock,
    *,
    worker_dead_ms: int = 120_000,
    queue: str = "tonearm",
    server_time: Callable[[], int] | None = None,
    version: Version = OURS,
) -> RedisStore:
    """Open the queue of this name in the Redis at *url*, making it where there is none.

    *worker_dead_ms*: a worker that is silent for so long, in milliseconds, is dead. *server_time* answers the
    milliseconds that the server's clock shows, for tests that move it, and *version* is another one than ours for tests
    of releases that are still to come.

    Raises:
        SetupError: the address is wrong, the server refuses us or throws keys away, or the queue is of another version.
        StoreUnavailable: the server is not there.
    """
    link = await connect(url, tag=queue)
    desk = Desk(link, clock, queue, server_time, version)
    try:
        warnings = await require(link, queue, version)
        for warning in warnings:
            log.warning("Redis is not as a queue needs it", reason=warning)
        await desk.open()
    except OtherVersion as error:  # it came between the look and the opening
        await link.close()
        raise SetupError(str(error)) from error
    except BaseException:
        await link.close()
        raise
    return RedisStore(desk, warnings, worker_dead_ms=worker_dead_ms)


class RedisStore:
    """A store in one Redis, which any number of processes share. Made by `open_redis`."""

    def __init__(self, desk: Desk, warnings: Sequence[str], *, worker_dead_ms: int) -> None:
        self._desk = desk
        self._lists = listing.Lists(desk)
        self._warnings = tuple(warnings)
        self._worker_dead_ms = worker_dead_ms
        self._feed = FeedReader(desk)
        self._unanswered: dict[str, str] = {}

    @property
    def source(self) -> str:
        return "redis"

    @property
    def warning(self) -> str | None:
        said = (*self._warnings, EMPTIED) if self._desk.was_emptied else self._warnings
        return " ".join(said) or None

    # clients

    async def submit(self, submission: Submission, limits: SubmitLimits) -> Submitted:
        try:
            job_id, duplicate = await self._desk.run_together(
                "submit",
                wire.new_task(submission),
                wire.flag(submission.check_duplicate),
                limits.rate_per_minute,
                limits.client_unfinished,
                limits.queue_unfinished,
                limits.client_bytes,
                *wire.answer_name(submission.client, submission.idempotency),
            )
        except Refusal as refusal:
            raise limited(refusal, limits, submission.idempotency) from None
        return Submitted(job_id, duplicate=duplicate == "1")

    async def submit_many(
        self, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None = None
    ) -> Answers:
        return await batching.submit_many(self._desk, submissions, limits, idempotency)

    async def _act(self, action: str, job_id: str, detail: int = 0, only: str = "") -> bool:
        if not JOB_ID.fullmatch(job_id):
            raise NotFound(job_id)
        (unfinished,) = await self._desk.run("act", action, job_id, detail, only)
        return bool(unfinished == "1")

    async def cancel(self, job_id: str) -> None:
        await self._act("cancel", job_id)

    async def pause(self, job_id: str) -> None:
        await self._act("pause", job_id)

    async def resume(self, job_id: str) -> None:
        await self._act("resume", job_id)

    async def retry(self, job_id: str) -> None:
        await self._act("retry", job_id)

    async def prioritize(self, job_id: str, priority: Priority) -> None:
        await self._act("prioritize", job_id, PRIORITIES.index(priority))

    async def delete(self, job_id: str, *, keep_ms: int = 0, only: Status | None = None) -> bool:
        return await self._act("delete", job_id, keep_ms, only or "")

    async def steer(self, change: ControlChange) -> Control:
        wished = {
            "paused": wire.flag(bool(change.paused)) if change.paused is not UNCHANGED else UNCHANGED,
            "bandwidth_limit": change.bandwidth_limit,
            "max_concurrent": change.max_concurrent,
        }
        words = [
            word
            for name, value in wished.items()
            if value is not UNCHANGED
            for word in (name, "" if value is None else str(value))
        ]
        return wire.control(await self._desk.run("steer", *words))

    # readers

    async def job(self, job_id: str, *, whole: bool = True) -> JobRecord:
        if not JOB_ID.fullmatch(job_id):
            raise NotFound(job_id)
        form = "whole" if whole else "short"
        found = await self._desk.read(
            lambda reply, moment: job_record(reply, moment.shift, whole=whole), "job", job_id, form
        )
        if found is None:
            raise NotFound(job_id)
        return found

    async def jobs(self, query: JobQuery) -> JobPage:
        return await self._desk.mending(lambda: self._lists.page(query))

    async def tracks(self, job_id: str, *, limit: int, cursor: str | None = None) -> TrackPage:
        def reading(reply: Any, moment: Moment) -> TrackPage:
            view, overlay = TrackView(reply[1], moment.shift), overlay_of(reply[2])
            return track_page(view, overlay, task_of(reply[0]), cursor, limit)

        return await self._page_of(reading, job_id, "tracks", cursor, limit)

    async def files(self, job_id: str, *, cursor: str | None = None) -> FilePage:
        def reading(reply: Any, moment: Moment) -> FilePage:
            return file_page(TrackView(reply[1], moment.shift), task_of(reply[0]), cursor)

        return await self._page_of(reading, job_id, "files", cursor, PAGE)

    async def _page_of(
        self, reading: Callable[[Any, Moment], T], job_id: str, what: str, cursor: str | None, limit: int
    ) -> T:
        if not JOB_ID.fullmatch(job_id):
            raise NotFound(job_id)
        return await self._desk.read(reading, "tracks", job_id, what, read_tracks(cursor), limit)

    async def named_elsewhere(self, job_id: str, paths: Sequence[str]) -> frozenset[str]:
        return frozenset(await self._desk.run("shared", job_id, *paths))

    async def counts(self) -> Counts:
        return figures.counts(await self._counters())

    async def metrics(self) -> Metrics:
        return figures.metrics(await self._counters())

    async def _counters(self) -> dict[str, int]:
        return wire.numbers(await self._desk.run("figures", "counters"))

    async def oldest(self) -> int | None:
        reply, moment = await self._desk.run_timed("figures", "oldest")
        return int(reply[0]) + moment.shift if reply[0] else None

    async def workers(self) -> tuple[WorkerRecord, ...]:
        reply, moment = await self._desk.run_timed("figures", "workers")
        return wire.workers(reply, moment, self._worker_dead_ms)

    async def control(self) -> Control:
        return wire.control(await self._desk.run("figures", "control"))

    async def events(self, after: str | None, *, limit: int = PAGE) -> Feed:
        return await read_feed(self._desk, after, limit)

    async def changed(self, seen: int, timeout_ms: int) -> int:
        return await self._feed.changed(seen, timeout_ms)

    # workers

    async def claim(self, request: ClaimRequest) -> Claimed:
        # A request whose reply was lost is said again with its nonce, and gets the same claims.
        nonce = self._unanswered.pop(request.worker, None) or secrets.token_hex(8)
        try:
            return await self._desk.read(_claimed, "claim", *wire.claim_request(request, nonce))
        except BaseException:  # also where it is cancelled: it may have been carried out
            self._unanswered[request.worker] = nonce
            raise

    async def renew(self, worker: str, marks: Mapping[str, Mark], lease_ms: int) -> frozenset[str]:
        words = [word for token, mark in marks.items() for word in (token, *wire.mark(mark))]
        return frozenset(await self._desk.run("renew", worker, lease_ms, *words))

    async def poll(self, worker: str, tokens: Sequence[str]) -> Flags:
        cancel, pause, lost, stages, control = await self._desk.run("poll", worker, self._worker_dead_ms, *tokens)
        return Flags(
            frozenset(cancel),
            frozenset(pause),
            frozenset(lost),
            tuple(wire.stage(each) for each in stages),
            wire.control(control),
        )

    async def discarded(
        self,
        worker: str,  # noqa: ARG002 - who removed a stage makes no difference here
        stages: Sequence[tuple[str, int]],
    ) -> None:
        await self._desk.run("discarded", *(f"{task} {epoch}" for task, epoch in stages))

    async def report(self, report: WorkerReport) -> None:
        short = replace(report, resting=report.resting[:RESTING_LIMIT])
        await self._desk.run("report", report.worker, msgspec.json.encode(short))

    async def heartbeat(self, worker: str, host: str, max_concurrent: int) -> None:
        await self._desk.heartbeat(worker, host, max_concurrent, self._worker_dead_ms)

    async def expand(
        self, claim: Claim, album: AlbumInfo, start: int, tracks: Sequence[AlbumTrack], *, last: bool
    ) -> None:
        await self._desk.run(
            "expand", claim.task_id, claim.token, wire.album(album), start, wire.track_list(tracks), wire.flag(last)
        )

    async def describe(self, claim: Claim, *, title: str, artist: str, album: str) -> None:
        await self._hold("describe", claim, title, artist, album)

    async def reserve(self, claim: Claim, name: str, key: str) -> Reserved:
        (answer,) = await self._hold("reserve", claim, name, key)
        return Reserved(answer)

    async def commit(self, claim: Claim, publication: Publication) -> None:
        await self._hold("commit", claim, msgspec.json.encode(publication))

    async def retract(self, claim: Claim) -> None:
        await self._hold("retract", claim)

    async def _hold(
        self, what: str, claim: Claim, first: str | bytes = "", second: str = "", third: str = ""
    ) -> Sequence[str]:
        answer: Sequence[str] = await self._desk.run_together(
            "hold", what, claim.task_id, claim.token, first, second, third
        )
        return answer

    async def settle(self, claim: Claim, outcome: Outcome, mark: Mark | None = None) -> None:
        how_far = "" if mark is None else msgspec.json.encode(wire.mark(mark))
        await self._desk.run_together("settle", claim.task_id, claim.token, wire.outcome(outcome), how_far)

    async def recover(self, worker: str, marks: Mapping[str, Mark], *, charge: bool) -> int:
        left = msgspec.json.encode({task: wire.mark(mark) for task, mark in marks.items()})
        (freed,) = await self._desk.run("recover", worker, wire.flag(charge), left)
        return int(freed)

    async def living(self, tasks: Sequence[str]) -> dict[str, int]:
        return wire.numbers(await self._desk.run("living", *tasks))

    # moving

    async def dump(self, job_id: str, *, start: int = 1) -> JobDump:
        if not JOB_ID.fullmatch(job_id):
            raise NotFound(job_id)
        return await self._desk.read(lambda seen, moment: moving.dumped(seen, moment, start), "dump", job_id, start)

    async def take_in(self, dump: JobDump) -> TakenIn:
        dumps.check(dump)
        (answer,) = await self._desk.run("take_in", *moving.taken(dump))
        return TakenIn(answer)

    # keys

    async def keys(self) -> tuple[KeyRecord, ...]:
        kept = await self._desk.run("keys")
        return tuple(sorted(map(keyring.decode, kept[::2], kept[1::2]), key=lambda record: record.name))

    async def add_key(self, record: KeyRecord) -> bool:
        (kept,) = await self._desk.run("keyring", "add", *keyring.words(record))
        return bool(kept == "1")

    async def remove_key(self, name: str) -> bool:
        (removed,) = await self._desk.run("keyring", "remove", name)
        return bool(removed == "1")

    # notices

    async def listen(self, ms: int) -> None:
        await self._desk.run("notices", "listen", ms)

    async def pending(self) -> Pending:
        return await notices.pending(self._desk)

    async def tell(
        self, deliveries: Sequence[NewDelivery], *, from_round: str | None = None, upto: int = 0, memory: str = ""
    ) -> int:
        return await notices.tell(self._desk, deliveries, from_round, upto, memory)

    async def take_deliveries(self, targets: Sequence[str], most: int, hold_ms: int) -> TakenDeliveries:
        return await notices.take(self._desk, targets, most, hold_ms)

    async def settle_delivery(
        self, delivery: Delivery, answer: str, *, received: bool, delay_ms: int | None = None
    ) -> None:
        await notices.settle(self._desk, delivery, answer, received=received, delay_ms=delay_ms)

    async def deliveries(self, limit: int) -> DeliveryLog:
        return await notices.log(self._desk, limit)

    # upkeep

    async def sweep(self) -> Swept:
        recovered, crashed, children, more = await self._desk.run("sweep")
        return Swept(int(recovered), int(crashed), int(children), more=more == "1")

    async def prune(self, retention: Retention) -> Pruned:
        completed, failed, cancelled, more = await self._desk.run(
            "prune", retention.completed_ms, retention.failed_ms, retention.cancelled_ms
        )
        return Pruned(int(completed), int(failed), int(cancelled), more=more == "1")

    async def prunable(self, retention: Retention) -> Pruned:
        completed, failed, cancelled = await self._desk.run(
            "figures", "prunable", retention.completed_ms, retention.failed_ms, retention.cancelled_ms
        )
        return Pruned(int(completed), int(failed), int(cancelled))

    async def give_back(self) -> bool:
        return False

    async def copy(self, target: Path) -> None:  # noqa: ARG002 - there is nothing to copy
        raise SetupError(NO_FILE)

    async def audit(self) -> tuple[str, ...]:
        return await audit(self._desk)

    async def close(self) -> None:
        try:
            await self._feed.close()
        finally:
            await self._desk.close()


def _claimed(reply: Any, _: Moment) -> Claimed:
    return Claimed(tuple(handed_out(each) for each in reply[1:]), int(reply[0]) if reply[0] else None)
