"""The asynchronous client: the methods of `Client`, to be awaited, and its iterators, to be iterated with `async for`.

    async with AsyncClient("http://127.0.0.1:8080") as client:
        receipt = await client.submit(JobType.ALBUM, 5, Quality.LOSSLESS)
        job = await client.wait(receipt.job_id)

What a call is and what answers it is described in `calls`; what a call, a job or a stream waits for in `asking`,
`following` and `events`. Both clients share that, and differ in who waits and who reads.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import closing
from types import TracebackType
from typing import Self, TypeVar

from tonearm.client import calls
from tonearm.client.asking import Asked, Waiting
from tonearm.client.async_transport import AsyncDownload, AsyncStream, AsyncTransport
from tonearm.client.blocking import Client
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
T = TypeVar("T")


def _told_as(other: type) -> Callable[[type[T]], type[T]]:
    """A decorator: a method without words of its own has those of the method of *other* by its name."""

    def tell(kind: type[T]) -> type[T]:
        for name, method in vars(kind).items():
            if callable(method) and method.__doc__ is None and not name.startswith("_"):
                method.__doc__ = getattr(other, name).__doc__
        return kind

    return tell


@_told_as(Client)
class AsyncClient:
    """A client of one server, for one event loop, on which many tasks may call it at the same time.

    Every method, its errors and its repetitions are those of `Client`, and so are the parameters here. A call that is
    cancelled is given up, its connection closed; whether the server did what it asked for is then not known.

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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.address = ServerAddress.parse(base_url)
        credentials = authorization(api_key)
        self._transport = AsyncTransport(self.address, timeout=timeout, sleep=sleep, credentials=credentials)
        self._patience = patience
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection, those in use as well; a call after that is a RuntimeError."""
        await self._transport.close()

    async def submit(
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
        wanted = Submission(
            job_type=job_type,
            catalog_id=catalog_id,
            quality=quality,
            priority=priority,
            max_retries=max_retries,
            check_duplicate=check_duplicate,
            start_paused=start_paused,
        )
        return await self._ask(calls.submit(wanted), math.inf if wait else self._patience, on_wait)

    async def job(self, job_id: str) -> Job:
        return (await self._ask(calls.job(job_id))).job

    async def jobs(
        self,
        *,
        status: Status | None = None,
        outcome: AlbumOutcome | None = None,
        job_type: JobType | None = None,
        text: str | None = None,
        client: str | None = None,
        order: JobOrder = JobOrder.QUEUE,
        page_size: int = 200,
    ) -> AsyncIterator[Job]:
        asked = calls.jobs(
            status=status,
            outcome=outcome,
            job_type=job_type,
            text=text,
            client=client,
            order=order,
            page_size=page_size,
        )
        async for page in self._pages(asked):
            for job in page.jobs:
                yield job

    async def tracks(self, job_id: str, *, page_size: int = 200) -> AsyncIterator[Track]:
        async for page in self._pages(calls.tracks(job_id, page_size=page_size)):
            for track in page.tracks:
                yield track

    async def archive(self, job_id: str) -> AsyncDownload:
        """The files of a finished job as one ZIP: save it, or iterate over its pieces; other calls go on beside it.

            await (await client.archive(job_id)).save(Path("music.zip"))

        Both raise `CutOff` when it ends early: a file was changed while it was read, or the connection broke.

        Raises:
            NotFound: no such job.
            WrongState: it is not finished, or brought no files.
            Refused: FILE_UNAVAILABLE, a file is not in the library any more.
        """
        answer = await self._transport.download(calls.archive(job_id), calls.ARCHIVE_TYPE)
        if isinstance(answer, AsyncDownload):
            return answer
        raise refused(answer, self.address, job_id)

    async def act(self, job_id: str, action: Action, *, priority: Priority | None = None) -> str:
        return (await self._ask(calls.act(job_id, action, priority))).message

    async def delete(self, job_id: str, *, files: bool = False) -> Deleted:
        return await self._ask(calls.delete(job_id, files=files))

    async def stats(self) -> Stats:
        return await self._ask(calls.stats())

    async def search(self, words: str, *, job_type: JobType | None = None, limit: int = 50) -> tuple[Hit, ...]:
        return (await self._ask(calls.search(words, job_type, limit))).results

    async def submit_batch(self, wanted: Iterable[Submission]) -> Outcomes:
        return await self._ask(calls.submit_batch(wanted))

    async def act_many(
        self,
        action: Action,
        job_ids: Iterable[str] | None = None,
        *,
        status: Status | None = None,
        priority: Priority | None = None,
    ) -> Outcomes:
        return await self._ask(calls.act_many(action, job_ids, status, priority))

    async def clear(self, status: Status) -> Cleared:
        return await self._ask(calls.clear(status))

    async def dashboard(self) -> Dashboard:
        return await self._ask(calls.dashboard())

    async def metrics(self) -> Metrics:
        return await self._ask(calls.metrics())

    async def health(self) -> Health:
        return await self._ask(calls.health())

    async def workers(self) -> Workers:
        return await self._ask(calls.workers())

    async def control(self) -> Control:
        return await self._ask(calls.control())

    async def steer(
        self,
        *,
        paused: bool | Unchanged = UNCHANGED,
        bandwidth_limit: int | Unchanged | None = UNCHANGED,
        max_concurrent: int | Unchanged | None = UNCHANGED,
    ) -> Control:
        return await self._ask(calls.steer(paused, bandwidth_limit, max_concurrent))

    async def webhooks(self) -> Webhooks:
        return await self._ask(calls.webhooks())

    async def test_webhooks(self) -> tuple[str, ...]:
        return (await self._ask(calls.test_webhooks())).delivery_ids

    async def create_key(self, name: str, scope: Scope, limits: KeyLimits) -> str:
        return (await self._ask(calls.create_key(name, scope, limits))).key

    async def keys(self) -> tuple[Key, ...]:
        return (await self._ask(calls.keys())).keys

    async def revoke_key(self, name: str) -> None:
        await self._ask(calls.revoke_key(name))

    async def events(self, after: str | None = None, *, outage: float = math.inf) -> AsyncIterator[Event]:
        feed = Feed(self.address, calls.EVENTS, after, outage)
        while True:
            try:
                stream = await self._transport.stream(feed.request(), STREAM_TYPE, feed.silence)
                if isinstance(stream, AsyncStream):
                    feed.opened()
                    with closing(stream):
                        async for piece in stream:
                            for event in feed.take(piece):
                                yield event
                            if feed.stale:
                                break
                    delay = feed.ended()
                else:
                    delay = feed.refused(stream)
            except ServerUnreachable as error:
                delay = feed.failed(error)
            await self._sleep(delay)

    async def watch(
        self,
        job_ids: Iterable[str],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as `Client` has it, and its error names the jobs
    ) -> AsyncIterator[tuple[str, Job | None]]:
        followed = Followed(job_ids, timeout)
        while followed.left:
            for job_id in followed.round():
                try:
                    job = await self.job(job_id)
                except NotFound:
                    job = None
                except (ServerUnreachable, StoreUnavailable) as error:
                    followed.away(error)
                    break
                if followed.changed(job_id, job):
                    yield job_id, job
            if followed.left:
                await self._sleep(followed.pause)

    async def wait(
        self,
        job_id: str,
        on_change: Callable[[Job], None] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> Job:
        last: Job | None = None
        async for _, last in self.watch([job_id], timeout=timeout):
            if last is not None and on_change is not None:
                on_change(last)
        if last is None:
            raise NotFound(job_id)
        return last

    async def _ask(self, call: Call[R], patience: float | None = None, on_wait: Waiting | None = None) -> R:
        asked = Asked(call, self.address, self._patience if patience is None else patience, on_wait)
        while (naps := asked.naps(answer := await self._transport.send(call.request))) is not None:
            for nap in naps:
                await self._sleep(nap)
        return call.read(answer, self.address)

    async def _pages(self, asked: Callable[[str | None], Call[P]]) -> AsyncIterator[P]:
        page = await self._ask(asked(None))
        yield page
        while page.next_cursor is not None:
            page = await self._ask(asked(page.next_cursor))
            yield page
