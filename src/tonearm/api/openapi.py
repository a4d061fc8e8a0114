"""The OpenAPI document: every route with what it takes, what it answers and which codes it refuses with.

It is written out, not derived, since bodies are read by our own strict code; tests/api/test_openapi.py holds it against
the routes and against their answers.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from tonearm.api import search
from tonearm.api.answers import STATUSES
from tonearm.api.idempotency import HEADER, MAX_KEY
from tonearm.api.links import LINKS
from tonearm.api.paths import (
    ACTIONS,
    BATCH,
    CONTROL,
    DASHBOARD,
    EVENTS,
    HEALTH,
    KEYS,
    LOGIN,
    LOGOUT,
    METRICS,
    PREFIX,
    SEARCH,
    STATS,
    WEBHOOKS,
    WORKERS,
)
from tonearm.api.queries import DEFAULT_LIMIT, MAX_LIMIT
from tonearm.api.shapes import JOB_ID_EXAMPLE, ref, schemas
from tonearm.errors import RefusalCode as Code
from tonearm.model import FINISHED, AlbumOutcome, JobOrder, JobType, Status

Part = dict[str, Any]

_KEYS = (Code.UNAUTHORIZED, Code.FORBIDDEN, Code.RATE_LIMITED)
_EVERY = (*_KEYS, Code.WRONG_HOST, Code.STORE_UNAVAILABLE, Code.INTERNAL)
_BODY = (Code.INVALID_JSON, Code.UNSUPPORTED_MEDIA_TYPE, Code.PAYLOAD_TOO_LARGE, Code.REQUEST_TIMEOUT, Code.FORBIDDEN)
_FIELDS = (*_BODY, Code.INVALID_FIELD)
_SUBMIT = (Code.INVALID_JOB, Code.INVALID_ID, Code.INVALID_QUALITY, Code.INVALID_FIELD)
_LIMITS = (Code.RATE_LIMITED, Code.CLIENT_QUEUE_FULL, Code.CLIENT_BYTES_EXCEEDED, Code.QUEUE_FULL)
_WAITS = (429, 503)


def document(base_path: str) -> Part:
    """The whole document for a server that is reached below *base_path*."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tonearm",
            "version": version("tonearm"),
            "description": "A download queue server for music libraries.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base_path or "/"}],
        "paths": _of_jobs() | _of_the_queue() | _of_keys() | _of_the_server(),
        "components": {"schemas": schemas()},
    }


def _of_jobs() -> Part:
    """The paths of jobs, one and many."""
    return {
        PREFIX: {"post": _submit(), "get": _browse(), "delete": _clear()},
        ACTIONS: {"post": _act_on_many()},
        BATCH: {"post": _submit_many()},
        f"{PREFIX}/{{jobId}}": {
            "parameters": [_job_id()],
            "get": _operation("showJob", "One job, whole", {200: "JobAnswer"}, (Code.NOT_FOUND,)),
            "patch": _act(),
            "delete": _delete(),
        },
        f"{PREFIX}/{{jobId}}/tracks": {"parameters": [_job_id()], "get": _tracks()},
        f"{PREFIX}/{{jobId}}/archive": {"parameters": [_job_id()], "get": _archive()},
        f"{PREFIX}/{{jobId}}/cover": {"parameters": [_job_id()], "get": _cover()},
    }


def _of_the_queue() -> Part:
    """The paths of the queue as a whole."""
    return {
        STATS: {"get": _tagged(_with_figures("stats", "The figures of the queue", "Stats", Code.WORKER_DOWN))},
        DASHBOARD: {
            "get": _tagged(
                _with_figures("dashboard", "The figures and the first 200 jobs", "Dashboard", Code.WORKER_DOWN)
            )
        },
        EVENTS: {"get": _events()},
        METRICS: {"get": _metrics()},
        HEALTH: {"get": _with_figures("health", "How the queue is", "QueueHealth", Code.WORKER_DOWN)},
        WORKERS: {"get": _operation("listWorkers", "The workers, and what each does", {200: "WorkerList"}, ())},
        SEARCH: {"get": _search()},
        CONTROL: {
            "get": _operation("showControl", "How the whole queue is steered", {200: "ControlAnswer"}, ()),
            "patch": _steer(),
        },
        WEBHOOKS: {
            "get": _operation("listWebhooks", "Who is told, and the newest deliveries", {200: "Webhooks"}, ()),
            "post": _operation(
                "testWebhooks",
                "Tell every address that this is a test",
                {202: "WebhookTest"},
                (Code.WRONG_STATE, Code.FORBIDDEN),
            ),
        },
    }


def _of_keys() -> Part:
    """The paths of keys and sessions."""
    return {
        KEYS: {
            "get": _operation("listKeys", "The keys, without their texts", {200: "KeyList"}, ()),
            "post": {
                **_operation("createKey", "Make a key; its text is shown this once", {201: "NewKey"}, _FIELDS),
                "requestBody": _body("WantedKey"),
            },
        },
        f"{KEYS}/{{name}}": {
            "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
            "delete": _operation("revokeKey", "Revoke a key and end its sessions", {200: "Revoked"}, (Code.NOT_FOUND,)),
        },
        LOGIN: {
            "post": {
                **_operation("login", "Open a session with a key, in a cookie", {200: "Session"}, _FIELDS),
                "requestBody": _body("Login"),
            }
        },
        LOGOUT: {"post": _operation("logout", "End the session of this request", {200: "LoggedOut"}, ())},
    }


def _of_the_server() -> Part:
    """The paths for whoever watches the server."""
    return {
        "/healthz": {"get": _operation("healthz", "Whether the process answers", {200: "Health"}, ())},
        "/metrics": {"get": _exposition()},
        "/readyz": {
            "get": _operation("readyz", "Whether jobs are accepted and worked on", {200: "Health"}, (Code.WORKER_DOWN,))
        },
    }


def _submit() -> Part:
    operation = _operation(
        "submitJob",
        "Submit a job; an unfinished one for the same thing by the same client is answered instead",
        {201: "Submitted", 200: "Submitted"},
        (*_BODY, *_SUBMIT, Code.IDEMPOTENCY_MISMATCH, *_LIMITS),
    )
    for status in ("200", "201"):
        operation["responses"][status]["headers"] = {
            "Location": {"description": "The path of the job.", "schema": {"type": "string"}}
        }
    return {**operation, "parameters": [_idempotency_key()], "requestBody": _body("Submission")}


def _submit_many() -> Part:
    operation = _operation(
        "submitBatch",
        "Submit up to 100 jobs; each is answered by itself, and where the rate has no room for all of it none is added",
        {200: "BatchAnswer"},
        (*_BODY, Code.INVALID_FIELD, Code.IDEMPOTENCY_MISMATCH, Code.RATE_LIMITED),
    )
    return {**operation, "parameters": [_idempotency_key()], "requestBody": _body("Batch")}


def _browse() -> Part:
    operation = _tagged(
        _operation("listJobs", "Jobs, page by page", {200: "JobList"}, (Code.INVALID_FIELD, Code.INVALID_CURSOR))
    )
    return {
        **operation,
        "parameters": [
            _query("status", "Only jobs of this status.", enum=list(Status)),
            _query("outcome", "Only completed jobs: that miss nothing, or that miss tracks.", enum=list(AlbumOutcome)),
            _query("type", "Only jobs of this type.", enum=list(JobType)),
            _query("q", "Only jobs with this text in titles, artist or id."),
            _query("client", "Only jobs of this client."),
            _query("sort", "The order.", enum=list(JobOrder), default=JobOrder.QUEUE),
            *_window(),
        ],
    }


def _act() -> Part:
    operation = _operation(
        "changeJob",
        "Cancel, pause, resume, retry or prioritize a job",
        {200: "Done"},
        (*_BODY, Code.INVALID_JOB, Code.INVALID_FIELD, Code.WRONG_STATE),
    )
    return {**operation, "requestBody": _body("Command")}


def _delete() -> Part:
    operation = _operation(
        "deleteJob",
        "Remove a job in any state; a running one is cancelled first",
        {200: "Removed"},
        (Code.NOT_FOUND, Code.FORBIDDEN, Code.INVALID_FIELD, Code.FILE_UNAVAILABLE),
    )
    files = "With `true`, what it brought into the library goes too, where nobody touched it and no other job names it."
    return {**operation, "parameters": [_query("files", files, enum=["true", "false"], default="false")]}


def _act_on_many() -> Part:
    refusals = (*_BODY, Code.INVALID_JOB, Code.INVALID_FIELD)
    operation = _operation("changeJobs", "Do one thing to many jobs", {200: "Results"}, refusals)
    return {**operation, "requestBody": _body("Commands")}


def _clear() -> Part:
    operation = _operation(
        "clearHistory",
        "Remove the finished jobs of one status; files in the library stay",
        {200: "Cleared"},
        (Code.INVALID_FIELD, Code.FORBIDDEN),
    )
    status = _query("status", "Which jobs.", enum=list(FINISHED)) | {"required": True, "allowEmptyValue": False}
    which = "Of the completed ones only those that miss nothing, or that miss tracks."
    outcome = _query("outcome", which, enum=list(AlbumOutcome)) | {"allowEmptyValue": False}
    return {**operation, "parameters": [status, outcome]}


def _steer() -> Part:
    operation = _operation(
        "steerQueue",
        "Pause or resume the whole queue, or set its limits",
        {200: "ControlAnswer"},
        (*_BODY, Code.INVALID_FIELD),
    )
    return {**operation, "requestBody": _body("Control")}


def _search() -> Part:
    refusals = (Code.INVALID_FIELD, Code.NOT_IMPLEMENTED, Code.CATALOG_UNAVAILABLE)
    words = _query("q", "What to search for.", minLength=1, maxLength=search.MOST_WORDS)
    del words["allowEmptyValue"]
    return {
        **_operation("searchCatalog", "What the catalog has, by words", {200: "Found"}, refusals),
        "parameters": [
            words | {"required": True, "example": "blue"},
            _query("type", "Only tracks or only albums.", enum=list(JobType)),
            _limit(search.DEFAULT_LIMIT, search.MAX_LIMIT),
        ],
    }


def _tracks() -> Part:
    refusals = (Code.NOT_FOUND, Code.INVALID_FIELD, Code.INVALID_CURSOR)
    return {
        **_operation("listTracks", "The tracks of an album, in its order", {200: "TrackList"}, refusals),
        "parameters": _window(),
    }


def _archive() -> Part:
    refusals = (Code.NOT_FOUND, Code.WRONG_STATE, Code.FILE_UNAVAILABLE)
    operation = _operation("archiveJob", "The files of a finished job as one stored ZIP", {}, refusals)
    text = {"schema": {"type": "string"}}
    operation["responses"]["200"] = {
        "description": "Success",
        "headers": {
            "Content-Length": {"description": "Bytes of the whole ZIP.", **text},
            "Content-Disposition": {"description": "A name for the file.", **text},
        },
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
    return operation


def _cover() -> Part:
    operation = _operation("showCover", "The cover beside the files of a job", {}, (Code.NOT_FOUND,))
    picture = {"schema": {"type": "string", "format": "binary"}}
    operation["responses"]["200"] = {
        "description": "Success",
        "headers": {"ETag": {"schema": {"type": "string"}}},
        "content": {"image/jpeg": picture, "image/png": picture},
    }
    operation["responses"]["204"] = {"description": "The job has no cover"}
    operation["responses"]["304"] = {"description": "It is the one of `If-None-Match`"}
    return operation


def _with_figures(name: str, summary: str, schema: str, refused: Code) -> Part:
    """An operation whose refusal carries the figures too."""
    operation = _operation(name, summary, {200: schema}, (refused,))
    unavailable = operation["responses"]["503"]["content"]
    for content in unavailable.values():
        content["schema"] = {"anyOf": [ref(f"{schema}Refusal"), ref("Refusal")]}
    return operation


def _events() -> Part:
    operation = _operation("events", "What happens, as it happens", {}, (Code.TOO_MANY_STREAMS,))
    content = {"text/event-stream": {"schema": {"type": "string"}}}
    operation["responses"]["200"] = {"description": "A stream of events that does not end", "content": content}
    resume = {"name": "Last-Event-ID", "in": "header", "description": "The event to go on after."}
    return {**operation, "parameters": [{**resume, "schema": {"type": "string"}}]}


def _metrics() -> Part:
    operation = _operation("metrics", "The figures of the queue for machines", {200: "Metrics"}, ())
    text = {"schema": {"type": "string"}}
    operation["responses"]["200"]["content"] |= {"text/plain": text, "application/openmetrics-text": text}
    return operation


def _exposition() -> Part:
    operation = _operation("exposition", "The figures of the queue for Prometheus", {}, ())
    content = {"text/plain": {"schema": {"type": "string"}}}
    operation["responses"]["200"] = {"description": "Success", "content": content}
    return operation


def _tagged(operation: Part) -> Part:
    """The operation with its weak `ETag`, and 304 for who sends it back in `If-None-Match`."""
    tag = {"ETag": {"description": "Stays as long as nothing changes.", "schema": {"type": "string"}}}
    responses = operation["responses"]
    responses["200"]["headers"] = tag
    responses["304"] = {"description": "Nothing changed since", "headers": tag}
    return operation


def _operation(name: str, summary: str, answers: dict[int, str], refusals: tuple[Code, ...]) -> Part:
    links = {"links": dict(LINKS[name])} if name in LINKS else {}
    responses = {
        str(status): {"description": "Success", "content": {"application/json": {"schema": ref(schema)}}} | links
        for status, schema in answers.items()
    }
    by_status: dict[int, list[Code]] = {}
    for code in dict.fromkeys((*refusals, *_EVERY)):
        by_status.setdefault(STATUSES[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _refused(status, codes)
    return {"operationId": name, "summary": summary, "tags": ["queue"], "responses": responses}


def _refused(status: int, codes: list[Code]) -> Part:
    content = {"schema": ref("Refusal")}
    answer: Part = {
        "description": "Refused: " + ", ".join(codes),
        "content": {"application/json": content, "application/problem+json": dict(content)},
    }
    if status in _WAITS and Code.WORKER_DOWN not in codes:
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
    return answer


def _body(schema: str) -> Part:
    return {"required": True, "content": {"application/json": {"schema": ref(schema)}}}


def _idempotency_key() -> Part:
    return {
        "name": HEADER,
        "in": "header",
        "description": "With the same key the same request is answered as before, for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[ -~]+$"},
    }


def _job_id() -> Part:
    return {
        "name": "jobId",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^job-[0-9]+-[a-z0-9]+$"},
        "example": JOB_ID_EXAMPLE,
    }


def _query(name: str, description: str, **schema: Any) -> Part:
    schema = {"type": "string", **schema}
    return {"name": name, "in": "query", "description": description, "allowEmptyValue": True, "schema": schema}


def _window() -> list[Part]:
    return [_limit(DEFAULT_LIMIT, MAX_LIMIT), _query("cursor", "The `nextCursor` of the page before.")]


def _limit(default: int, most: int) -> Part:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return {"name": "limit", "in": "query", "description": "The most items of one answer.", "schema": schema}
