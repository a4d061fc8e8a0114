"""The synchronous client: every call of the HTTP API as a method, typed.

    with Client("http://127.0.0.1:8080") as client:
        receipt = client.submit(JobType.ALBUM, 5, Quality.LOSSLESS)
        job = client.wait(receipt.job_id)

A refusal is raised as the error that `tonearm.errors` names for it. What a call is and what answers it is described in
`calls`. Not for several threads at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from types import TracebackType
from typing import Self, TypeVar

from tonearm.client import calls
from tonearm.client.asking import Asked, Waiting
from tonearm.client.calls import Action, Call, Submission
from tonearm.client.events import STREAM_TYPE, Event, Feed
from tonearm.client.exchange import ServerAddress, authorization
from tonearm.client.following import Followed
from tonearm.client.reading import refused
from tonearm.client.records import (
    Cleared,
    Control,
    Dashboard,
    Deleted,
    Health,
    Hit,
    Job,
    Key,
    Metrics,
    Outcomes,
    Page,
    Receipt,
    Stats,
    Track,
    Webhooks,
    Wire,
    Workers,
)
from tonearm.client.transport import Download, Stream, Transport
from tonearm.errors import NotFound, ServerUnreachable, StoreUnavailable
from tonearm.model import (
    UNCHANGED,
    AlbumOutcome,
    JobOrder,
    JobType,
    KeyLimits,
    Priority,
    Quality,
    Scope,
    Status,
    Unchanged,
)

R = TypeVar("R", bound=Wire)
P = TypeVar("P", bound=Page)


class Client:
    """A client of one server; *timeout* in seconds for each step of a call. *sleep* is for tests.

    *api_key*: sent to this server with every request. *patience*: seconds that one call may wait in all where the
    server answers 429 or 503 and says when to come again; a longer wait is the error at once.

    Every call may raise `ServerUnreachable` (no answer, or not one of ours) and `StoreUnavailable` (503: say it again).

    Raises:
        ValueError: the address or the key is none.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8080",
        *,
        api_key: str | None = None,
        timeout: float = 10.0,
        patience: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = ServerAddress.parse(base_url)
        credentials = authorization(api_key)
        self._transport = Transport(self.address, timeout=timeout, sleep=sleep, credentials=credentials)
        self._patience = patience
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def submit(
        self,
        job_type: JobType,
        catalog_id: int,
        quality: Quality,
        *,
        priority: Priority = Priority.NORMAL,
        max_retries: int | None = None,
        check_duplicate: bool = True,
        start_paused: bool = False,
        wait: bool = False,
        on_wait: Waiting | None = None,
    ) -> Receipt:
        """Queue a track or an album. With *wait* a limit is waited out for as long as it takes.

        A submission whose answer was lost is repeated under its `Idempotency-Key`, by which the server knows it again.

        Raises:
            Invalid: a field is wrong.
            RateLimited, QuotaExceeded: a limit is reached.
        """
        wanted = Submission(
            job_type=job_type,
            catalog_id=catalog_id,
            quality=quality,
            priority=priority,
            max_retries=max_retries,
            check_duplicate=check_duplicate,
            start_paused=start_paused,
        )
        return self._ask(calls.submit(wanted), math.inf if wait else self._patience, on_wait)

    def job(self, job_id: str) -> Job:
        """One job, whole.

        Raises:
            NotFound: no such job.
        """
        return self._ask(calls.job(job_id)).job

    def jobs(
        self,
        *,
        status: Status | None = None,
        outcome: AlbumOutcome | None = None,
        job_type: JobType | None = None,
        text: str | None = None,
        client: str | None = None,
        order: JobOrder = JobOrder.QUEUE,
        page_size: int = 200,
    ) -> Iterator[Job]:
        """Jobs in their short form, page by page as they are taken."""
        asked = calls.jobs(
            status=status,
            outcome=outcome,
            job_type=job_type,
            text=text,
            client=client,
            order=order,
            page_size=page_size,
        )
        for page in self._pages(asked):
            yield from page.jobs

    def tracks(self, job_id: str, *, page_size: int = 200) -> Iterator[Track]:
        """The tracks of an album in its order, page by page.

        Raises:
            NotFound: no such job.
        """
        for page in self._pages(calls.tracks(job_id, page_size=page_size)):
            yield from page.tracks

    def archive(self, job_id: str) -> Download:
        """The files of a finished job as one ZIP: save it, or iterate over its pieces, before anything else is asked.

            client.archive(job_id).save(Path("music.zip"))

        Both raise `CutOff` when it ends early: a file was changed while it was read, or the connection broke.

        Raises:
            NotFound: no such job.
            WrongState: it is not finished, or brought no files.
            Refused: FILE_UNAVAILABLE, a file is not in the library any more.
        """
        answer = self._transport.download(calls.archive(job_id), calls.ARCHIVE_TYPE)
        if isinstance(answer, Download):
            return answer
        raise refused(answer, self.address, job_id)

    def act(self, job_id: str, action: Action, *, priority: Priority | None = None) -> str:
        """Ask something of a job; *priority* belongs to prioritize. Returns the server's words.

        All but retry are repeated when the connection fails: a second retry would be refused.

        Raises:
            NotFound: no such job.
            WrongState: its state does not allow it.
        """
        return self._ask(calls.act(job_id, action, priority)).message

    def delete(self, job_id: str, *, files: bool = False) -> Deleted:
        """Remove a job; a running one is cancelled first.

        With *files* go those in the library that it published itself, that nobody changed, and that no other job names.
        It is not repeated when its answer is lost: the second would not find the job.

        Raises:
            NotFound: no such job.
            Refused: the server does not have the library; the key does not reach so far.
        """
        return self._ask(calls.delete(job_id, files=files))

    def stats(self) -> Stats:
        """The figures of the queue; with `success` False while no worker lives."""
        return self._ask(calls.stats())

    def search(self, words: str, *, job_type: JobType | None = None, limit: int = 50) -> tuple[Hit, ...]:
        """At most *limit* (to 100) tracks and albums of the catalog that *words* describe, the best first.

        Raises:
            CannotSearch: the catalog has no search.
            CatalogUnavailable: it gave no answer; says why.
            Invalid: no words, too many of them, or the limit is out of range.
        """
        return self._ask(calls.search(words, job_type, limit)).results

    def submit_batch(self, wanted: Iterable[Submission]) -> Outcomes:
        """Queue up to 100 tracks and albums at once; one that is refused does not stop the others.

        Raises:
            Invalid: there are too many.
            RateLimited: a limit is reached.
        """
        return self._ask(calls.submit_batch(wanted))

    def act_many(
        self,
        action: Action,
        job_ids: Iterable[str] | None = None,
        *,
        status: Status | None = None,
        priority: Priority | None = None,
    ) -> Outcomes:
        """Ask something of up to 1,000 jobs, or of all in a state; all but retry are repeated when the answer is lost.

        *priority* belongs to prioritize.

        Raises:
            ValueError: neither jobs nor a state, or both.
        """
        return self._ask(calls.act_many(action, job_ids, status, priority))

    def clear(self, status: Status) -> Cleared:
        """Remove up to 10,000 finished jobs in this state; their files stay.

        Raises:
            Invalid: jobs in this state are not finished.
        """
        return self._ask(calls.clear(status))

    def dashboard(self) -> Dashboard:
        """The figures and the first 200 jobs; with `success` False while no worker lives."""
        return self._ask(calls.dashboard())

    def metrics(self) -> Metrics:
        """The metrics of the queue by their names on the wire."""
        return self._ask(calls.metrics())

    def health(self) -> Health:
        """How the queue is, also while it is down."""
        return self._ask(calls.health())

    def workers(self) -> Workers:
        """The workers of the last 24 hours, and what each that lives works on."""
        return self._ask(calls.workers())

    def control(self) -> Control:
        """How the whole queue is steered now."""
        return self._ask(calls.control())

    def steer(
        self,
        *,
        paused: bool | Unchanged = UNCHANGED,
        bandwidth_limit: int | Unchanged | None = UNCHANGED,
        max_concurrent: int | Unchanged | None = UNCHANGED,
    ) -> Control:
        """Steer the whole queue, and return what holds then; None goes back to the settings.

        *paused*: nothing new is started, what runs goes on. *bandwidth_limit*, bytes per second and 0 for none, and
        *max_concurrent*, transfers, are for each worker process.

        Raises:
            Invalid: a number is out of range.
        """
        return self._ask(calls.steer(paused, bandwidth_limit, max_concurrent))

    def webhooks(self) -> Webhooks:
        """Who is told what happens, and what became of the newest webhooks."""
        return self._ask(calls.webhooks())

    def test_webhooks(self) -> tuple[str, ...]:
        """Tell every address that this is a test; the ids of the deliveries, one for each.

        Raises:
            WrongState: there is nobody to tell.
        """
        return self._ask(calls.test_webhooks()).delivery_ids

    def create_key(self, name: str, scope: Scope, limits: KeyLimits) -> str:
        """Make a key; its text, which is told this once.

        Raises:
            Invalid: the name is taken or no name, or the first key is not an admin's.
        """
        return self._ask(calls.create_key(name, scope, limits)).key

    def keys(self) -> tuple[Key, ...]:
        """The keys, without their texts."""
        return self._ask(calls.keys()).keys

    def revoke_key(self, name: str) -> None:
        """Revoke a key, and end its sessions."""
        self._ask(calls.revoke_key(name))

    def events(self, after: str | None = None, *, outage: float = math.inf) -> Iterator[Event]:
        """What the server pushes, for as long as it is taken: a snapshot first, or what came behind the event *after*.

        A stream that breaks, or says nothing for 45 s, is opened again behind the last event; after a `Resync` a new
        snapshot follows. *outage*: seconds that the server may be away without a break.

        Raises:
            ServerUnreachable: it did not answer at first, or was away for longer.
            Refused: it does not let this client listen.
        """
        feed = Feed(self.address, calls.EVENTS, after, outage)
        while True:
            try:
                stream = self._transport.stream(feed.request(), STREAM_TYPE, feed.silence)
                if isinstance(stream, Stream):
                    feed.opened()
                    with closing(stream):
                        for piece in stream:
                            yield from feed.take(piece)
                            if feed.stale:
                                break
                    delay = feed.ended()
                else:
                    delay = feed.refused(stream)
            except ServerUnreachable as error:
                delay = feed.failed(error)
            self._sleep(delay)

    def watch(self, job_ids: Iterable[str], *, timeout: float | None = None) -> Iterator[tuple[str, Job | None]]:
        """Each of these jobs as it is now and again at every change, None when it is removed, until all are finished.

        A server that is away for less than `OUTAGE_SECONDS` is waited for. *timeout*: seconds for the whole.

        Raises:
            TimeoutError: the time is over and a job is not finished.
        """
        followed = Followed(job_ids, timeout)
        while followed.left:
            for job_id in followed.round():
                try:
                    job = self.job(job_id)
                except NotFound:
                    job = None
                except (ServerUnreachable, StoreUnavailable) as error:
                    followed.away(error)
                    break
                if followed.changed(job_id, job):
                    yield job_id, job
            if followed.left:
                self._sleep(followed.pause)

    def wait(self, job_id: str, on_change: Callable[[Job], None] | None = None, *, timeout: float | None = None) -> Job:
        """Follow a job until it is finished, and return it. *timeout* in seconds.

        Raises:
            NotFound: no such job, or it was removed meanwhile.
            TimeoutError: it is not finished yet.
        """
        last: Job | None = None
        for _, last in self.watch([job_id], timeout=timeout):
            if last is not None and on_change is not None:
                on_change(last)
        if last is None:
            raise NotFound(job_id)
        return last

    def _ask(self, call: Call[R], patience: float | None = None, on_wait: Waiting | None = None) -> R:
        asked = Asked(call, self.address, self._patience if patience is None else patience, on_wait)
        while (naps := asked.naps(answer := self._transport.send(call.request))) is not None:
            for nap in naps:
                self._sleep(nap)
        return call.read(answer, self.address)

    def _pages(self, asked: Callable[[str | None], Call[P]]) -> Iterator[P]:
        page = self._ask(asked(None))
        yield page
        while page.next_cursor is not None:
            page = self._ask(asked(page.next_cursor))
            yield page
