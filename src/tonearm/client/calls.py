"""Calls: every question and command of the HTTP API as a request and the record that answers it.

One description for all clients, whatever carries it. Nothing is sent here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tonearm.client.exchange import Answer, Request, ServerAddress
from tonearm.client.reading import read
from tonearm.client.records import (
    Cleared,
    Control,
    Dashboard,
    Deleted,
    Done,
    Found,
    Health,
    JobAnswer,
    JobPage,
    KeyList,
    Metrics,
    NewKey,
    Outcomes,
    Receipt,
    Stats,
    TrackPage,
    Webhooks,
    WebhookTest,
    Wire,
    Workers,
)
from tonearm.errors import NotFound
from tonearm.model import (
    JOB_ID,
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

PATH = "/api/download-queue"
EVENTS = f"{PATH}/events"

R = TypeVar("R", bound=Wire)


class Action(StrEnum):
    """What can be asked of a job."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    PRIORITIZE = "prioritize"


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """A request and the *kind* of record that answers it; *job_id* is the job that it is about.

    *figures*: a name that makes a 503 which carries it an answer and no refusal.
    """

    request: Request
    kind: type[R]
    job_id: str | None = None
    figures: bytes | None = None

    def answered_by(self, answer: Answer) -> bool:
        """Whether a 503 is an answer all the same."""
        return self.figures is not None and answer.status == 503 and self.figures in answer.body

    def read(self, answer: Answer, address: ServerAddress) -> R:
        """The record in *answer*.

        Raises:
            TonearmError: the refusal that it is.
            ServerUnreachable: it is not an answer of our server.
        """
        return read(answer, self.kind, address, self.job_id, whole=self.answered_by(answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A track or an album that is wanted, by the catalog's id; *max_retries* None leaves the number to the server.

    With *check_duplicate* an unfinished job for the same thing is found instead of another one made.
    """

    job_type: JobType
    catalog_id: int
    quality: Quality
    priority: Priority = Priority.NORMAL
    max_retries: int | None = None
    check_duplicate: bool = True
    start_paused: bool = False

    def as_json(self) -> dict[str, Any]:
        """As it stands on the wire."""
        job = {"type": self.job_type, f"{self.job_type}Id": self.catalog_id, "quality": self.quality}
        body: dict[str, Any] = {"job": job, "priority": self.priority, "checkDuplicate": self.check_duplicate}
        if self.max_retries is not None:
            body["maxRetries"] = self.max_retries
        if self.start_paused:
            body["startPaused"] = True
        return body


def submit(wanted: Submission) -> Call[Receipt]:
    """Queue one job. The key that is drawn for it makes a repetition harmless."""
    return Call(_request("POST", "", wanted.as_json(), key=secrets.token_hex(16)), Receipt)


def job(job_id: str) -> Call[JobAnswer]:
    """One job, whole."""
    return Call(_request("GET", _path(job_id)), JobAnswer, job_id)


def jobs(
    *,
    status: Status | None,
    outcome: AlbumOutcome | None,
    job_type: JobType | None,
    text: str | None,
    client: str | None,
    order: JobOrder,
    page_size: int,
) -> Callable[[str | None], Call[JobPage]]:
    """Jobs: the call for the page at a cursor, None for the first. What is None is not asked for."""
    filters = {"status": status, "outcome": outcome, "type": job_type, "q": text, "client": client}
    asked = filters | {"sort": order, "limit": page_size}
    given = {name: value for name, value in asked.items() if value is not None}
    return lambda cursor: Call(_page("", given, cursor), JobPage)


def tracks(job_id: str, *, page_size: int) -> Callable[[str | None], Call[TrackPage]]:
    """An album's tracks: the call for the page at a cursor, None for the first."""
    path = f"{_path(job_id)}/tracks"
    return lambda cursor: Call(_page(path, {"limit": page_size}, cursor), TrackPage, job_id)


def archive(job_id: str) -> Request:
    """The files of a job; what answers is no record."""
    return Request("GET", f"{PATH}{_path(job_id)}/archive", accept=f"{ARCHIVE_TYPE}, application/json")


ARCHIVE_TYPE = "application/zip"

REMOVAL_SECONDS = 600.0
"""How long the files of a long album may take to go, one by one and each from the disk."""


def act(job_id: str, action: Action, priority: Priority | None) -> Call[Done]:
    """Ask something of a job; a second retry would be refused, all else has the same effect twice."""
    repeatable = action is not Action.RETRY
    return Call(_request("PATCH", _path(job_id), _command(action, priority), repeatable=repeatable), Done, job_id)


def delete(job_id: str, *, files: bool) -> Call[Deleted]:
    """Remove a job, and with *files* what it brought; a second removal would not find it."""
    if files:
        request = _request("DELETE", f"{_path(job_id)}?files=true", repeatable=False)
        return Call(replace(request, patience=REMOVAL_SECONDS), Deleted, job_id)
    return Call(_request("DELETE", _path(job_id), repeatable=False), Deleted, job_id)


def stats() -> Call[Stats]:
    """The figures of the queue."""
    return Call(_request("GET", "/stats"), Stats, figures=b'"queue"')


def workers() -> Call[Workers]:
    """The workers of the last 24 hours."""
    return Call(_request("GET", "/workers"), Workers)


def control() -> Call[Control]:
    """How the whole queue is steered."""
    return Call(_request("GET", "/control"), Control)


def search(words: str, job_type: JobType | None, limit: int) -> Call[Found]:
    """What the catalog has, by words."""
    asked = {"q": words, "limit": limit} | ({} if job_type is None else {"type": job_type})
    return Call(_request("GET", f"/search?{urlencode(asked)}"), Found)


def submit_batch(wanted: Iterable[Submission]) -> Call[Outcomes]:
    """Queue up to 100 jobs at once, under one key."""
    body = {"jobs": [one.as_json() for one in wanted]}
    return Call(_request("POST", "/batch", body, key=secrets.token_hex(16)), Outcomes)


def act_many(
    action: Action, job_ids: Iterable[str] | None, status: Status | None, priority: Priority | None
) -> Call[Outcomes]:
    """Ask something of these jobs, or of all in this state.

    Raises:
        ValueError: it is not one of the two.
    """
    if (job_ids is None) == (status is None):
        raise ValueError("name jobs or a status, one of the two")
    whom = {"status": status} if job_ids is None else {"jobIds": list(job_ids)}
    body = _command(action, priority) | whom
    return Call(_request("POST", "/actions", body, repeatable=action is not Action.RETRY), Outcomes)


def clear(status: Status) -> Call[Cleared]:
    """Remove the finished jobs in this state; a second time there are none left."""
    return Call(_request("DELETE", f"?{urlencode({'status': status})}"), Cleared)


def dashboard() -> Call[Dashboard]:
    """The figures and the first jobs."""
    return Call(_request("GET", "/dashboard"), Dashboard, figures=b'"queue"')


def metrics() -> Call[Metrics]:
    """The metrics as JSON."""
    return Call(_request("GET", "/metrics"), Metrics)


def health() -> Call[Health]:
    """How the queue is."""
    return Call(_request("GET", "/health"), Health, figures=b'"status"')


def create_key(name: str, scope: Scope, limits: KeyLimits) -> Call[NewKey]:
    """Make a key; a second one of the same name would be refused."""
    body = {"name": name, "scope": scope, "limits": limits.given()}
    return Call(_request("POST", "/keys", body, repeatable=False), NewKey)


def keys() -> Call[KeyList]:
    """The keys, without their texts."""
    return Call(_request("GET", "/keys"), KeyList)


def revoke_key(name: str) -> Call[Wire]:
    """Revoke a key; a second time there is none."""
    return Call(_request("DELETE", f"/keys/{quote(name, safe='')}", repeatable=False), Wire)


def webhooks() -> Call[Webhooks]:
    """Who is told what happens, and the newest deliveries."""
    return Call(_request("GET", "/webhooks"), Webhooks)


def test_webhooks() -> Call[WebhookTest]:
    """Tell every address a test; a second one would be another."""
    return Call(_request("POST", "/webhooks", repeatable=False), WebhookTest)


def steer(
    paused: bool | Unchanged,  # noqa: FBT001 - a value among others
    bandwidth_limit: int | Unchanged | None,
    max_concurrent: int | Unchanged | None,
) -> Call[Control]:
    """Steer the whole queue."""
    said = {"paused": paused, "bandwidthLimit": bandwidth_limit, "maxConcurrent": max_concurrent}
    body = {name: value for name, value in said.items() if value is not UNCHANGED}
    return Call(_request("PATCH", "/control", body), Control)


def _request(
    method: str, path: str, body: dict[str, Any] | None = None, *, repeatable: bool = True, key: str | None = None
) -> Request:
    data = None if body is None else msgspec.json.encode(body)
    return Request(method, PATH + path, data, repeatable=repeatable, key=key)


def _command(action: Action, priority: Priority | None) -> dict[str, Any]:
    return {"action": action} if priority is None else {"action": action, "priority": priority}


def _page(path: str, asked: dict[str, Any], cursor: str | None) -> Request:
    return _request("GET", f"{path}?{urlencode(asked if cursor is None else asked | {'cursor': cursor})}")


def _path(job_id: str) -> str:
    """The path of a job; one that cannot be a job's name is not asked for."""
    if not JOB_ID.fullmatch(job_id):
        raise NotFound(job_id)
    return "/" + quote(job_id, safe="")
