"""The client: every question and command of the HTTP API as a method, typed and synchronous.

    with Client("http://127.0.0.1:8080") as client:
        receipt = client.submit(JobType.ALBUM, 5, Quality.LOSSLESS, wait=True)
        job = client.wait(receipt.job_id)

A refusal is raised as the error that `tonearm.errors` names for it. Calls whose effect is the same said twice are
repeated when the connection fails. Changes are learnt by asking again; nothing is pushed. Not for several threads at
once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tonearm.client import records
from tonearm.client.records import (
    Control,
    Done,
    Job,
    JobAnswer,
    JobPage,
    Receipt,
    Stats,
    Track,
    TrackPage,
    Wire,
    Workers,
)
from tonearm.client.refusals import is_ours, to_error
from tonearm.client.transport import Answer, Download, ServerAddress, Transport
from tonearm.errors import NotFound, ServerUnreachable, StoreUnavailable, TonearmError
from tonearm.model import JOB_ID, UNCHANGED, JobOrder, JobType, Priority, Quality, Status, Unchanged

PATH = "/api/download-queue"

LONGEST_WAIT_MS = 900_000
"""A `Retry-After` beyond this (a daily quota, say) is not waited out but raised, milliseconds."""

POLL_SECONDS = 0.5
"""Between two looks at a job that is followed; longer for many jobs, so that at most 20 are asked for in a second."""

OUTAGE_SECONDS = 30.0
"""How long a server may be away, for a restart, while its jobs are followed."""

Waiting = Callable[[float, str], None]
"""Told about once a second, while a submission waits: seconds left, and the server's reason."""

R = TypeVar("R", bound=Wire)


class Action(StrEnum):
    """What can be asked of a job."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    PRIORITIZE = "prioritize"


class Client:
    """A client of one server; *timeout* in seconds for each step of a call. *sleep* is for tests.

    Every call may raise `ServerUnreachable` (no answer, or not one of ours) and `StoreUnavailable` (503: say it again).
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8080",
        *,
        timeout: float = 10.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = ServerAddress.parse(base_url)
        self._transport = Transport(self.address, timeout=timeout, sleep=sleep)
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
        """Queue a track or an album. With *wait*, a 429 or 503 that says when to come again is waited out.

        With *check_duplicate* a submission whose answer was lost is repeated, for the second finds the first.

        Raises:
            Invalid: a field is wrong.
            RateLimited, QuotaExceeded: a limit is reached.
        """
        job = {"type": job_type, f"{job_type}Id": catalog_id, "quality": quality}
        body: dict[str, Any] = {"job": job, "priority": priority, "checkDuplicate": check_duplicate}
        if max_retries is not None:
            body["maxRetries"] = max_retries
        if start_paused:
            body["startPaused"] = True
        while True:
            answer = self._send("POST", "", body, repeatable=check_duplicate)
            delay_ms = answer.retry_after_ms
            if not wait or answer.status not in (429, 503) or delay_ms is None or delay_ms > LONGEST_WAIT_MS:
                return self._read(answer, Receipt)
            self._wait_out(max(1.0, delay_ms / 1000), str(to_error(answer.status, answer.body, None)), on_wait)

    def job(self, job_id: str) -> Job:
        """One job, whole.

        Raises:
            NotFound: no such job.
        """
        return self._read(self._send("GET", _path(job_id)), JobAnswer, job_id).job

    def jobs(
        self,
        *,
        status: Status | None = None,
        job_type: JobType | None = None,
        text: str | None = None,
        client: str | None = None,
        order: JobOrder = JobOrder.QUEUE,
        page_size: int = 200,
    ) -> Iterator[Job]:
        """Jobs in their short form, page by page as they are taken."""
        asked = {"status": status, "type": job_type, "q": text, "client": client, "sort": order, "limit": page_size}
        for page in self._pages("", {name: value for name, value in asked.items() if value is not None}, JobPage):
            yield from page.jobs

    def tracks(self, job_id: str, *, page_size: int = 200) -> Iterator[Track]:
        """The tracks of an album in its order, page by page.

        Raises:
            NotFound: no such job.
        """
        for page in self._pages(f"{_path(job_id)}/tracks", {"limit": page_size}, TrackPage, job_id):
            yield from page.tracks

    def archive(self, job_id: str) -> Download:
        """The files of a finished job as one ZIP: iterate over its pieces before anything else is asked.

            with open("music.zip", "wb") as file:
                file.writelines(client.archive(job_id))

        Iterating raises `CutOff` when it ends early: a file was changed while it was read, or the connection broke.

        Raises:
            NotFound: no such job.
            WrongState: it is not finished, or brought no files.
            Refused: FILE_UNAVAILABLE, a file is not in the library any more.
        """
        answer = self._transport.download(f"{PATH}{_path(job_id)}/archive", "application/zip")
        if isinstance(answer, Download):
            return answer
        raise self._refused(self._checked(answer), job_id)

    def act(self, job_id: str, action: Action, *, priority: Priority | None = None) -> str:
        """Ask something of a job; *priority* belongs to prioritize. Returns the server's words.

        All but retry are repeated when the connection fails: a second retry would be refused.

        Raises:
            NotFound: no such job.
            WrongState: its state does not allow it.
        """
        body = {"action": action} if priority is None else {"action": action, "priority": priority}
        answer = self._send("PATCH", _path(job_id), body, repeatable=action is not Action.RETRY)
        return self._read(answer, Done, job_id).message

    def delete(self, job_id: str) -> str:
        """Remove a job; a running one is cancelled first. Files in the library stay. Returns the server's words.

        It is not repeated when its answer is lost: the second would not find the job.

        Raises:
            NotFound: no such job.
        """
        return self._read(self._send("DELETE", _path(job_id), repeatable=False), Done, job_id).message

    def stats(self) -> Stats:
        """The figures of the queue; with `success` False while no worker lives."""
        answer = self._send("GET", "/stats")
        return self._decode(answer, Stats) if b'"queue"' in answer.body else self._read(answer, Stats)

    def workers(self) -> Workers:
        """The workers of the last 24 hours, and what each that lives works on."""
        return self._read(self._send("GET", "/workers"), Workers)

    def control(self) -> Control:
        """How the whole queue is steered now."""
        return self._read(self._send("GET", "/control"), Control)

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
        said = {"paused": paused, "bandwidthLimit": bandwidth_limit, "maxConcurrent": max_concurrent}
        body = {name: value for name, value in said.items() if value is not UNCHANGED}
        return self._read(self._send("PATCH", "/control", body), Control)

    def watch(self, job_ids: Iterable[str], *, timeout: float | None = None) -> Iterator[tuple[str, Job | None]]:
        """Each of these jobs as it is now and again at every change, None when it is removed, until all are finished.

        A server that is away for less than `OUTAGE_SECONDS` is waited for. *timeout*: seconds for the whole.

        Raises:
            TimeoutError: the time is over and a job is not finished.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        seen: dict[str, Job] = {}
        following = list(dict.fromkeys(job_ids))
        while following:
            if time.monotonic() > end:
                raise TimeoutError(f"not finished after {timeout:g} s: {', '.join(following)}")
            for job_id in following.copy():
                job = self._look(job_id)
                if job is None or job.finished:
                    following.remove(job_id)
                if job is None or job != seen.get(job_id):
                    yield job_id, job
                if job is not None:
                    seen[job_id] = job
            if following:
                self._sleep(max(POLL_SECONDS, len(following) / 20))

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

    def _look(self, job_id: str) -> Job | None:
        """The job, or None if it is gone, with patience for a server that restarts."""
        give_up = time.monotonic() + OUTAGE_SECONDS
        while True:
            try:
                return self.job(job_id)
            except NotFound:
                return None
            except (ServerUnreachable, StoreUnavailable):
                if time.monotonic() >= give_up:
                    raise
                self._sleep(POLL_SECONDS)

    def _wait_out(self, seconds: float, reason: str, on_wait: Waiting | None) -> None:
        while seconds > 0:
            if on_wait is not None:
                on_wait(seconds, reason)
            self._sleep(min(1.0, seconds))
            seconds -= 1.0

    def _pages(self, path: str, asked: dict[str, Any], kind: type[R], job_id: str | None = None) -> Iterator[R]:
        cursor: str | None = None
        while True:
            query = urlencode(asked if cursor is None else asked | {"cursor": cursor})
            page = self._read(self._send("GET", f"{path}?{query}"), kind, job_id)
            yield page
            cursor = getattr(page, "next_cursor", None)
            if cursor is None:
                return

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None, *, repeatable: bool = True) -> Answer:
        data = None if body is None else msgspec.json.encode(body)
        return self._checked(self._transport.send(method, PATH + path, data, repeatable=repeatable))

    def _checked(self, answer: Answer) -> Answer:
        """The answer, if it is one of our server's."""
        if answer.status == HTTPStatus.NOT_FOUND and not is_ours(answer.body):
            raise ServerUnreachable(f"{self.address} is not a Tonearm server; is it the catalog?")
        if not answer.content_type.startswith("application/") or "json" not in answer.content_type:
            raise self._foreign(f"HTTP {answer.status}, {answer.content_type or 'no content type'}")
        return answer

    def _read(self, answer: Answer, kind: type[R], job_id: str | None = None) -> R:
        """The record in a success; a refusal is raised."""
        if 200 <= answer.status <= 299:
            return self._decode(answer, kind)
        raise self._refused(answer, job_id)

    def _refused(self, answer: Answer, job_id: str | None) -> TonearmError:
        try:
            return to_error(answer.status, answer.body, answer.retry_after_ms, job_id)
        except (msgspec.MsgspecError, UnicodeError) as wrong:
            return self._foreign(str(wrong))

    def _decode(self, answer: Answer, kind: type[R]) -> R:
        try:
            return records.read(answer.body, kind)
        except (msgspec.MsgspecError, UnicodeError) as wrong:
            raise self._foreign(str(wrong)) from wrong

    def _foreign(self, found: str) -> ServerUnreachable:
        return ServerUnreachable(f"What answers at {self.address} is not a Tonearm server of this version ({found})")


def _path(job_id: str) -> str:
    """The path of a job; one that cannot be a job's name is not asked for."""
    if not JOB_ID.fullmatch(job_id):
        raise NotFound(job_id)
    return "/" + quote(job_id, safe="")
