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

from collections.abc import Mapping, Sequence
from typing import Protocol

from tonearm.model import (
    AlbumInfo,
    AlbumTrack,
    Claim,
    Claimed,
    ClaimRequest,
    Control,
    ControlChange,
    Counts,
    Feed,
    FilePage,
    Flags,
    JobPage,
    JobQuery,
    JobRecord,
    Mark,
    Metrics,
    Outcome,
    Priority,
    Pruned,
    Publication,
    Reserved,
    Retention,
    Submission,
    SubmitLimits,
    Submitted,
    Swept,
    TrackPage,
    WorkerRecord,
    WorkerReport,
)
from tonearm.store.moving import Leaving, Moving

PAGE = 200
"""The most items that one call touches."""

RATE_WINDOW_MS = 60_000
"""The sliding window of the submission rate, milliseconds."""

FEED_LIMIT = 10_000
"""Events the feed keeps; a reader further behind gets `resync`."""

FEED_AGE_MS = 3_600_000
"""Events older than this leave the feed at a sweep, milliseconds."""

WORKER_AGE_MS = 24 * 3_600_000
"""Workers without a sign of life for so long are forgotten, milliseconds."""

GONE_MS = 24 * 3_600_000
"""How long the id of a job that was deleted or pruned is remembered, so that no late call brings it back,
milliseconds."""

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

        Raises:
            RateLimited: the client's submissions of the last 60 s of store time reached `rate_per_minute`.
            QuotaExceeded: CLIENT_QUEUE_FULL or QUEUE_FULL.

        Cost: O(log n).
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

    async def delete(self, job_id: str, *, keep_ms: int = 0) -> bool:
        """Remove a job in any state: hidden from every read, count and duplicate check when this returns.

        A claim of it or of its tracks is cancelled: `poll` says so, and from now on it can be renewed and settled, and
        nothing else. Until it is settled or its lease ends, nobody else gets a library name that it had committed.
        Where nobody works, the stage stands among `Flags.discard`. The tracks of an album go in pages by `sweep`.
        For *keep_ms* milliseconds `job` alone still answers it, in its short form with its history, as cancelled. True
        when the job was unfinished ("cancelled").

        Raises:
            NotFound: no such job (also: deleted before).
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

    async def job(self, job_id: str) -> JobRecord:
        """One job, with history, and with up to `LONG_LIST` tracks, files and failed tracks; also a deleted one for as
        long as its deletion said.

        Raises:
            NotFound: no such job.
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


class Working(Protocol):
    """What workers say while they hold tasks."""

    async def claim(self, request: ClaimRequest) -> Claimed:
        """Hand out up to `request.tracks` transfer tasks and `request.albums` albums to resolve, as leases.

        Each pick is fair between clients: start-time fair queuing (Goyal, Vin, Cheng 1996) with one unit a task, so a
        client that just arrived waits for at most one task of each of the others. Inside a client: by priority, then
        single tracks before tracks of albums, then by age (the order of submission); tracks of an album in its order.
        A client has at most `OPEN_ALBUMS` albums active or waiting; a further one is not resolved. One that has
        `request.client_max` transfer tasks active is passed over, and has saved nothing up. Delayed tasks that are due
        count as ready, at most `PAGE` promoted per call.

        A suspect is handed out only to a worker that holds nothing, with nothing beside it, and only while no other
        suspect is active; a worker that holds one gets nothing more. When the next pick is a suspect and the worker
        still holds tasks, nothing more is handed out to it (it drains). While a suspect is active, the other suspects
        are passed over.

        While people hold the queue (`Control.paused`) the answer is empty and knows no next due time; a waiting worker
        learns of the end by `changed`.

        A lost reply is harmless: the leases run out, or `recover` frees them.

        Cost: O(log n) per pick.
        """
        ...

    async def renew(self, worker: str, marks: Mapping[str, Mark], lease_ms: int) -> frozenset[str]:
        """Prolong the leases of these claims (by token) to *lease_ms* from now and record how far they have come.

        Returns the tokens that are not current any more. At most `PAGE` tokens.

        Raises:
            PartlyRenewed: this store is made of several, and one of them is away.
        """
        ...

    async def poll(self, worker: str, tokens: Sequence[str]) -> Flags:
        """Read what is wanted of these claims: cancel (also of what is deleted), pause, lost (task ids, an album's will
        included).

        Also stages that lost their task while nobody worked on it, at most `PAGE`: those of *worker*, and those of
        workers that are not alive, which may have come up again under another name. Any worker may remove these.
        And how people steer the queue now.
        """
        ...

    async def discarded(self, worker: str, stages: Sequence[tuple[str, int]]) -> None:
        """Confirm that these stages of `Flags.discard` are gone from disk, whoever had them. Again is harmless."""
        ...

    async def report(self, report: WorkerReport) -> None:
        """Say what this worker is doing, for people. May be lost; replaces the report before; costs no commit."""
        ...

    async def heartbeat(self, worker: str, host: str, max_concurrent: int) -> None:
        """Give a sign of life; the first one of a worker says when it started."""
        ...

    async def expand(
        self, claim: Claim, album: AlbumInfo, start: int, tracks: Sequence[AlbumTrack], *, last: bool
    ) -> None:
        """Enter tracks of an album that is being resolved: *tracks* are those from position *start* (from 1) on.

        At most `PAGE` tracks a call; each page may be said again. With *last* the list is fixed, tracks of an
        earlier, unfinished resolving beyond it are gone, and the album moves active → waiting (or paused, or
        cancelled, where that was requested); the claim has ended. Titles that the submission left out are filled in.
        An album without tracks fails with `not_found`, "Album has no tracks". Where `album.track_count` says that there
        are more than were entered, the album remembers how many are unlisted, and cannot end as whole.

        An album that is resolved again (`retry`) keeps each track whose place has the same catalog id; another id at a
        place begins anew. If its list cannot be had (this call without tracks, or a claim that fails), it goes on with
        the one that it had.

        Raises:
            LeaseLost: the claim is not current.
        """
        ...

    async def describe(self, claim: Claim, *, title: str, artist: str, album: str) -> None:
        """Fill in the titles of a track job that its submission left out. Nothing else changes.

        Raises:
            LeaseLost: the claim is not current.
        """
        ...

    async def reserve(self, claim: Claim, name: str, key: str) -> Reserved:
        """Reserve the library name *name* (relative, without extension) for this task, and say whose it is.

        *key* is the name folded for comparison (`library.naming`): two names with one key are the same file to some
        file systems. A task has one reservation; another one replaces it. A track job holds it until it is final, a
        track of an album until the album is (no two of its tracks get one name). What a task of a cancelled album or a
        deleted job had committed may still be published: until its claim has ended its name is leaving, and then it is
        free. A retried album has the names again that nobody took meanwhile.

        Raises:
            LeaseLost: the claim is not current.
        """
        ...

    async def commit(self, claim: Claim, publication: Publication) -> None:
        """The commit point: record what is about to be published. From here on cancel and pause answer "too late".

        Again with the same publication is harmless.

        Raises:
            LeaseLost: the claim is not current, or a cancel or pause of the job (or its album) came first.
        """
        ...

    async def retract(self, claim: Claim) -> None:
        """Take back a publication that nobody can make any more (the stage was taken over and the file is not in the
        library): from here on cancel and pause work again. Again is harmless.

        Raises:
            LeaseLost: the claim is not current.
        """
        ...

    async def settle(self, claim: Claim, outcome: Outcome, mark: Mark | None = None) -> None:
        """End the claim: completed, failed, delayed for a retry, released, cancelled or paused. *mark*: how far it
        came.

        Again with the same claim is harmless, as long as there was no other. The claim of a deleted task just ends.
        `Completed` needs a commit before it. `Retry` counts up `retry_count`, and `corrupt_count` where the failure is
        `integrity`; `Released` does not. While a cancel is wanted, everything but `Completed` becomes cancelled; while
        a pause is wanted, `Retry` and `Released` become paused. `Cancelled` and `Paused` that nobody wants any more
        become ready. A track of a paused album goes back to ready, where the album's pause holds it. The last track of
        an album to become final settles the album: failed when all failed ("All tracks failed"), else completed,
        outcome partial where any is missing or unlisted. How an attempt came to nothing stands in the history with its
        number and code, and as last error (of a track, in its album too); a `Released` without delay is no reason to
        tell people. Tracks that are released one after the other are one line of their album's history, and so
        are the waits of a job in which nothing else happened.

        Any mark beyond what the claims before had reached clears the count of stalls; a regular end clears it too.

        Raises:
            LeaseLost: the claim is not current; nothing changed.
        """
        ...

    async def recover(self, worker: str, marks: Mapping[str, Mark], *, charge: bool) -> int:
        """Free every lease of a worker that is known to be dead (the caller holds the lock of its stage folder).

        *marks* (by task id): what the dead process left on disk. A claim that is beyond what the claims before it had
        reached made progress, and its stalls are cleared; another one is charged a stall if *charge* (a power cut is
        nobody's fault). Tasks go back to ready with "Recovered from crash" in the history, or fail as `crashed`.
        Claims with a commit keep it. Frees at most `PAGE` leases a call; returns how many, call again until 0.
        """
        ...

    async def living(self, tasks: Sequence[str]) -> dict[str, int]:
        """Of these task ids (at most `PAGE`) those that are unfinished, with their newest epoch. For the janitor."""
        ...


class Keeping(Protocol):
    """What keeps a store tidy; called by a loop of any process, several at once are harmless."""

    async def sweep(self) -> Swept:
        """One bounded step: free leases that ran out (as `recover` does, charging stalls), carry on what albums began
        (tracks of cancelled, deleted or retried albums), drop events, windows and discards that are too old.
        """
        ...

    async def prune(self, retention: Retention) -> Pruned:
        """Remove at most `PAGE` finished jobs that finished longer ago than *retention*, in store time. Partial
        albums count as failed. The records of tracks, but for as many again, are removed by sweeps.
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


class Store(Submitting, Reading, Working, Keeping, Moving, Protocol):
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
