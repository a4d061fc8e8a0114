"""The store: the one place that knows every job, and the only code that moves one from state to state.

A store is a protocol with several engines. Every engine keeps these rules, and one contract suite
(`tests/contract`) runs over all of them:

* **One unit.** Each call below that writes is one atomic unit: the record, its indexes, the client's place, the parent
  album, the counts and the event change together or not at all. A move names the states it starts from.
* **Tokens.** A claim carries a random token, and every write of a worker presents it. A token that is not the current
  one is refused with `LeaseLost`, and nothing changes.
* **Repeatable.** A reply can be lost. Every call can be said again with the same arguments; the second has no
  further effect and answers like the first.
* **Bounded.** A call touches at most `PAGE` items beside its arguments and costs O(log n) each. What is larger, such as
  removing an album of 10,000 tracks, is begun at once (the parent decides what its tracks mean) and finished by
  `sweep`.
* **Store time.** Leases, delays, windows and ages are measured in store time, which neither stops nor runs back
  when the wall clock is set, and which a forward step does not hurry. Times in answers are wall milliseconds.
* **What an album says wins.** A track of an album that is paused, cancelled or deleted cannot be claimed, committed or
  completed, whatever its own row says. Only one that had committed before the pause or cancel still completes: what is
  published stays, and the album counts it.

The states and the arrows between them are drawn in docs/explain/states.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tonearm.model import (
    Control,
    ControlChange,
    Counts,
    Feed,
    FilePage,
    Idempotency,
    JobPage,
    JobQuery,
    JobRecord,
    Metrics,
    Priority,
    Pruned,
    Retention,
    Status,
    Submission,
    SubmitLimits,
    Submitted,
    Swept,
    TrackPage,
    WorkerRecord,
)
from tonearm.store.batches import Answers
from tonearm.store.keyring import Keyring
from tonearm.store.moving import Leaving, Moving
from tonearm.store.notices import Notices
from tonearm.store.working import Working

SOURCES = ("sqlite", "redis", "local", "memory")
"""What `Store.source` may say: where new jobs lie."""

PAGE = 200
"""The most items that one call touches."""

RATE_WINDOW_MS = 60_000
"""The sliding window of the submission rate, milliseconds. What a client received in 24 hours has one of its own
(`store.allowance`). Neither belongs to a job, so deleting jobs takes nothing out of it. What has left its window, a
sweep removes: then a store whose jobs were all deleted equals an empty one.
"""

FEED_LIMIT = 10_000
"""Events the feed keeps; a reader further behind gets `resync`."""

FEED_AGE_MS = 3_600_000
"""Events older than this leave the feed at a sweep, milliseconds."""

WORKER_AGE_MS = 24 * 3_600_000
"""Workers without a sign of life for so long are forgotten, milliseconds."""

GONE_MS = 24 * 3_600_000
"""How long the id of a job that was deleted or pruned is remembered, so that no late call brings it back,
milliseconds."""

KEY_MS = 24 * 3_600_000
"""How long what was answered under an idempotency key is remembered, milliseconds of store time."""

KEYS_LIMIT = 100_000
"""Answers under idempotency keys that are remembered at most; beyond it the oldest are forgotten early."""

STALLS_TO_SUSPECT = 2
"""Stalls in a row after which a task is a suspect and runs alone."""

STALLS_TO_CRASH = 3
"""Stalls of a suspect, while it ran alone, after which it fails with code `crashed`."""

OPEN_ALBUMS = 2
"""Albums of one client that may be active or waiting at the same time."""

SHORT_LIST = 20
"""`files` and `failed_tracks` of a job in lists and events."""

LONG_LIST = 1_000
"""`files`, `failed_tracks` and `track_progress` of a job asked for by id."""


class Submitting(Protocol):
    """What clients say to the queue."""

    async def submit(self, submission: Submission, limits: SubmitLimits) -> Submitted:
        """Add a job; afterwards it survives whatever happens to the process or the machine.

        The same id again answers as the first time and adds nothing. With `check_duplicate`, an unfinished job of the
        same client, type, catalog id and quality is answered instead (`duplicate`). Neither costs anything of the rate.
        A paused start means state paused, coming from ready. The id of a job that was deleted or pruned is known for
        `GONE_MS`.

        An `idempotency` is looked at before all else: the same key of the same client answers for `KEY_MS` as it did
        the first time, whatever became of the job, and costs nothing of the rate. Only what was accepted is remembered.

        Raises:
            Refused: IDEMPOTENCY_MISMATCH, the key came with another digest.
            RateLimited: the client's submissions of the last 60 s of store time reached `rate_per_minute`.
            QuotaExceeded: CLIENT_QUEUE_FULL, QUEUE_FULL, or CLIENT_BYTES_EXCEEDED: the claims of the client's tasks
                received `client_bytes` or more in the last 24 hours of store time, to a quarter of an hour; it says
                when enough of that has left the window.

        Cost: O(log n).
        """
        ...

    async def submit_many(
        self, submissions: Sequence[Submission], limits: SubmitLimits, idempotency: Idempotency | None = None
    ) -> Answers:
        """Add 1 to `BATCH` jobs of one client as one unit, and answer each in order: what became of it, or why not.

        Each is treated as by `submit`, those before it counted in; one that finds no room is refused by itself. Of the
        rate, every `JOBS_A_TOKEN` new jobs or part of them are one submission. The *idempotency* is that of the whole,
        which is remembered when something of it was accepted; those of the single submissions are not looked at.

        Raises:
            Refused: IDEMPOTENCY_MISMATCH.
            RateLimited: there is no room for all of it in the rate; nothing was added.
            ValueError: too many, none, or of several clients.

        Cost: O(log n) each.
        """
        ...

    async def cancel(self, job_id: str) -> None:
        """Cancel: at once in ready, delayed, paused and waiting; an active task is flagged and stops at its next poll.

        Cancelling a job that is cancelled or already flagged is harmless. An album that is waiting is cancelled at
        once; its tracks follow in pages, the running ones at their next poll, and what is published stays.

        Raises:
            NotFound: no such job.
            WrongState: completed or failed, or a track past its commit point ("too late").
        """
        ...

    async def pause(self, job_id: str) -> None:
        """Pause: at once in ready, delayed and waiting; an active task is flagged. Again is harmless.

        Raises:
            NotFound: no such job.
            WrongState: final, or past the commit point, or a cancel was requested.
        """
        ...

    async def resume(self, job_id: str) -> None:
        """Bring a paused job back to where it came from (delayed keeps its due time; active came from ready).

        Takes back a pause that was only requested. Resuming a job that is neither final nor paused is harmless.

        Raises:
            NotFound: no such job.
            WrongState: the job is final.
        """
        ...

    async def retry(self, job_id: str) -> None:
        """Start a finished job again with all its retries, keeping its history.

        failed and cancelled go to ready, and so does an album that was never resolved, or of which the catalog had not
        listed all. Another resolved album (failed, cancelled or partial) goes to waiting. Its tracks that are not
        completed begin anew; those that are stay so. Counts of stalls, errors and `nextRetryAt` are cleared. Said
        again it is refused: the job is unfinished then.

        Raises:
            NotFound: no such job.
            WrongState: the job is unfinished, or completed without anything missing.
        """
        ...

    async def prioritize(self, job_id: str, priority: Priority) -> None:
        """Set the place among the client's own jobs. Harmless in any unfinished state, active ones included.

        Raises:
            NotFound: no such job.
            WrongState: the job is final.
        """
        ...

    async def delete(self, job_id: str, *, keep_ms: int = 0, only: Status | None = None) -> bool:
        """Remove a job in any state, or *only* one of this final status: hidden from every read, count and duplicate
        check when this returns.

        A claim of it or of its tracks is cancelled: `poll` says so, and from now on it can be renewed and settled, and
        nothing else. Until it is settled or its lease ends, nobody else gets a library name that it had committed.
        Where nobody works, the stage stands among `Flags.discard`. The tracks of an album go in pages by `sweep`.
        For *keep_ms* milliseconds `job` alone still answers it, in its short form with its history, as cancelled. True
        when the job was unfinished ("cancelled").

        Raises:
            NotFound: no such job (also: deleted before).
            WrongState: it is not of the status *only*; nothing was changed.
        """
        ...

    async def steer(self, change: ControlChange) -> Control:
        """Change how the whole queue runs, field by field, and answer what holds now; kept until the next change.

        A field that the change does not speak of is not touched, whoever sets it at the same time. Every worker learns
        of it at its next poll; a pause holds from this moment on for `claim`, and resuming moves `changed`. No job
        changes, and the feed tells nothing.
        """
        ...


class Reading(Protocol):
    """What readers ask. Nothing here changes anything, and every record is a consistent view of one moment."""

    async def job(self, job_id: str, *, whole: bool = True) -> JobRecord:
        """One job, with history, and with up to `LONG_LIST` tracks, files and failed tracks; also a deleted one for as
        long as its deletion said. Not *whole* it is as `jobs` lists it.

        Raises:
            NotFound: no such job.

        Cost: O(tracks, files and lines of history that are shown); not *whole* at most `SHORT_LIST` of each.
        """
        ...

    async def jobs(self, query: JobQuery) -> JobPage:
        """Jobs in the order asked for, by keyset: a page costs the same wherever it lies.

        Order `queue`: processing (oldest start first), then queued (by priority, then age), then paused (by age), then
        finished (latest first). Records carry at most `SHORT_LIST` files and failed tracks, and neither history nor
        track progress. A job that does not change while pages are read appears exactly once. A page that a filter
        makes rare can be short, or empty, and still have a next one: it looks at a bounded number of jobs.

        Raises:
            Invalid: INVALID_CURSOR, a cursor that this store did not give for this order.
        """
        ...

    async def tracks(self, job_id: str, *, limit: int, cursor: str | None = None) -> TrackPage:
        """The tracks of an album in its order, by keyset; of a track job, or an unresolved album, none.

        Raises:
            NotFound: no such job.
            Invalid: INVALID_CURSOR.
        """
        ...

    async def files(self, job_id: str, *, cursor: str | None = None) -> FilePage:
        """What a job has published, of an album in its order and at most `PAGE` files, by keyset.

        A publication says what its task committed. Where the library had the file already (`QUEUE_ON_CONFLICT`), size
        and inode are those of the copy that was not needed.

        Raises:
            NotFound: no such job.
            Invalid: INVALID_CURSOR.
        """
        ...

    async def named_elsewhere(self, job_id: str, paths: Sequence[str]) -> frozenset[str]:
        """Of these files of the library (at most `PAGE` paths) those that another job than this one names, or may name.

        A record names what its task has committed, be it that the library had the file already. The tracks of a deleted
        album name nothing.

        Cost: O(log n) a path.
        """
        ...

    async def counts(self) -> Counts:
        """Jobs (not tracks of albums) by status, without scanning."""
        ...

    async def oldest(self) -> int | None:
        """When the job that has been unfinished for longest was submitted, wall milliseconds; None: there is none."""
        ...

    async def metrics(self) -> Metrics:
        """Sums and averages over the jobs that have a record, without scanning."""
        ...

    async def workers(self) -> tuple[WorkerRecord, ...]:
        """Workers that gave a sign of life within 24 h of store time, which of them are alive, and what these do."""
        ...

    async def control(self) -> Control:
        """How people steer the queue now."""
        ...

    async def events(self, after: str | None, *, limit: int = PAGE) -> Feed:
        """Changes after the event with this id, oldest first; after None: no events, only where the feed ends now.

        A job's events are in the order of its changes. `resync` when *after* is unknown or has left the feed.
        """
        ...

    async def changed(self, seen: int, timeout_ms: int) -> int:
        """Wait until the change number differs from *seen*, at most *timeout_ms*; answer the number then.

        The number (any integer; start with 0) moves whenever the feed grew, something became claimable or the control
        changed, so a caller
        that gives back the last answer misses nothing that happened between two calls.
        """
        ...


class Keeping(Protocol):
    """What keeps a store tidy; called by a loop of any process, several at once are harmless."""

    async def sweep(self) -> Swept:
        """One bounded step: free leases that ran out (as `recover` does, charging stalls), carry on what albums began
        (tracks of cancelled, deleted or retried albums), drop events, windows and discards that are too old, and let
        clients go on whose bytes have left the window.
        """
        ...

    async def prune(self, retention: Retention) -> Pruned:
        """Remove at most `PAGE` finished jobs that finished longer ago than *retention*, in store time. Partial
        albums count as failed. The records of tracks, but for as many again, are removed by sweeps.
        """
        ...

    async def prunable(self, retention: Retention) -> Pruned:
        """How many jobs `prune` would remove by now, in all its steps. Changes nothing.

        Cost: O(log n), or of the number that it says.
        """
        ...

    async def give_back(self) -> bool:
        """Give the disk back a bounded part of the room that nothing needs any more; True: there is more to give back.

        What lies elsewhere than in a file of ours has nothing to give back.
        """
        ...

    async def copy(self, target: Path) -> None:
        """Write a copy of the whole store, as it stands at one moment, to *target*, for its owner only.

        It is on the disk and complete when this returns; nothing is left otherwise, and also of a call that is
        cancelled. Other calls go on meanwhile.

        Raises:
            SetupError: it cannot be written, or the store does not lie in a file of ours.
        """
        ...

    async def audit(self) -> tuple[str, ...]:
        """Derive every index and count from the records and say each difference in a sentence. For tests and
        `doctor`: it reads all.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun and free the files. No call may follow."""
        ...


class Store(Submitting, Reading, Working, Keeping, Moving, Keyring, Notices, Protocol):
    """A whole engine. *source* is the wire's `queueSource`."""

    @property
    def source(self) -> str:
        """`sqlite`, `memory`, `redis` or `local`."""
        ...

    @property
    def warning(self) -> str | None:
        """What people should know about where their jobs lie now, one or two sentences; None: nothing."""
        ...


class LocalStore(Store, Leaving, Protocol):
    """An engine that can also stand in for another one, as the spool does."""
