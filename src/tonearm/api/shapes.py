"""Shapes: what goes in and comes out, as JSON Schema with examples; the parts from which the OpenAPI document is made.

The record of a job is not described here but derived from the types that make it (`tonearm.api.records`).
"""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from tonearm.api.bulk import MAX_JOBS
from tonearm.api.control import KNOWN
from tonearm.api.health import Health
from tonearm.api.jobs import Action
from tonearm.api.records import WireJob, WireTrack
from tonearm.api.search import WireHit
from tonearm.api.submissions import MAX_RETRIES
from tonearm.api.webhooks import WireDelivery
from tonearm.api.workers import WireWorker
from tonearm.errors import FailureCode, LimitName, RefusalCode
from tonearm.model import (
    LIMIT_RANGES,
    MAX_BANDWIDTH,
    MAX_CATALOG_ID,
    MAX_CONCURRENT,
    JobType,
    Priority,
    Quality,
    Scope,
    Status,
)
from tonearm.ops.pressure import Level
from tonearm.store.base import LONG_LIST, SOURCES
from tonearm.store.batches import BATCH

Schema = dict[str, Any]

JOB_ID_EXAMPLE = "job-1763900000000-k3v9x0q2ab"
_TEXT: Schema = {"type": "string"}
_TITLE: Schema = {"type": ["string", "null"]}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SOURCE: Schema = {"enum": list(SOURCES)}
_STATUS_COUNTS = ("queued", "processing", "paused", "completed", "failed", "cancelled")


def schemas() -> Schema:
    """All component schemas by name."""
    return _records() | _of_jobs() | _of_the_queue() | _keys() | {"Refusal": _refusal()}


def ref(name: str) -> Schema:
    """A reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _of_jobs() -> Schema:
    """What is said and answered about jobs, one and many."""
    return {
        "Submission": _submission(),
        "Command": _command(),
        "Submitted": _success(
            {
                "jobId": {**_TEXT, "example": JOB_ID_EXAMPLE},
                "message": {**_TEXT, "example": "track job queued successfully"},
                "queueSource": _SOURCE,
            },
            {"duplicate": _FLAG, "warning": _TEXT},
        ),
        "Batch": _object(
            {"jobs": {"type": "array", "minItems": 1, "maxItems": BATCH, "items": ref("Submission")}},
            example={"jobs": [{"job": {"type": "track", "trackId": 11, "quality": "LOSSLESS"}}]},
        ),
        "BatchAnswer": _success(
            {
                "results": {"type": "array", "items": {"oneOf": [_accepted(), ref("Refusal")]}},
                "queueSource": _SOURCE,
            },
            {"warning": _TEXT},
        ),
        "JobList": _success({"jobs": _list_of("Job"), "count": _COUNT}, {"nextCursor": _TEXT, "warning": _TEXT}),
        "JobAnswer": _success({"job": ref("Job")}, {"warning": _TEXT}),
        "TrackList": _success({"tracks": _list_of("Track"), "count": _COUNT}, {"nextCursor": _TEXT}),
        "Done": _success({"message": _TEXT, "jobId": _TEXT}, {"warning": _TEXT}),
        "Removed": _success({"message": _TEXT, "jobId": _TEXT}, {**_removed_files(), "warning": _TEXT}),
        "Commands": _commands(),
        "Results": _success({"results": {"type": "array", "items": _result()}}, {"more": _FLAG, "warning": _TEXT}),
        "Cleared": _success({"message": _TEXT, "removed": _COUNT}, {"more": _FLAG}),
    }


def _of_the_queue() -> Schema:
    """What is said and answered about the queue as a whole."""
    return {
        "WorkerList": _success(
            {"workers": _list_of("Worker"), "queueSource": _SOURCE, "timestamp": _COUNT}, {"warning": _TEXT}
        ),
        "Health": _success({"status": {"enum": ["ok", "ready"]}}),
        "Found": _success({"results": _list_of("Hit"), "count": _COUNT}),
        "Control": _object({}, _steered(nullable=True), example={"paused": True}),
        "ControlAnswer": _success(
            {
                **_steered(nullable=False),
                "overrides": {"type": "array", "items": {"enum": list(KNOWN)}, "description": "What people set."},
                "workers": {**_COUNT, "description": "Worker processes for which this holds now."},
            },
            {"warning": _TEXT},
        ),
        "QueueHealth": _success(_health(), {**_waits(), "warning": _TEXT}),
        "QueueHealthRefusal": _object(
            {"success": {"const": False}, "error": _TEXT, "code": {"enum": list(RefusalCode)}},
            {**_health(), **_waits(), "warning": _TEXT, "status": {}},
        ),
        "Webhooks": _success(
            {
                "addresses": {"type": "array", "items": {**_TEXT, "example": "https://hooks.example"}},
                "signed": _FLAG,
                "waiting": {**_COUNT, "description": "Deliveries that are not over."},
                "deliveries": _list_of("Delivery"),
                "timestamp": _COUNT,
            }
        ),
        "WebhookTest": _success({"message": _TEXT, "deliveryIds": {"type": "array", "items": _TEXT}}),
        "Stats": _success(_figures(), {"warning": _TEXT}),
        "StatsRefusal": _object(
            {"success": {"const": False}, "error": _TEXT, "code": {"enum": list(RefusalCode)}},
            {**_figures(), "warning": _TEXT},
        ),
        "Dashboard": _success({**_figures(), **_first_jobs()}, {"warning": _TEXT}),
        "DashboardRefusal": _object(
            {"success": {"const": False}, "error": _TEXT, "code": {"enum": list(RefusalCode)}},
            {**_figures(), **_first_jobs(), "warning": _TEXT},
        ),
        "Metrics": _success(
            {
                **{name: _figures()[name] for name in ("queue", "metrics")},
                "generatedAt": {**_TEXT, "format": "date-time"},
                "source": _figures()["queueSource"],
            }
        ),
    }


def _records() -> Schema:
    """The records as `msgspec` describes them, without the prefix of their class names."""
    _, components = msgspec.json.schema_components(
        (WireJob, WireTrack, WireWorker, WireHit, WireDelivery), ref_template="#/components/schemas/{name}"
    )
    plain: Schema = msgspec.json.decode(msgspec.json.encode(components).replace(b"schemas/Wire", b"schemas/"))
    return {name.removeprefix("Wire"): schema for name, schema in plain.items()}


def _submission() -> Schema:
    return _object(
        {"job": {"oneOf": [_wanted(kind) for kind in JobType]}},
        {
            "priority": {"enum": [*Priority, None], "default": Priority.NORMAL},
            "maxRetries": {"type": ["integer", "null"], "minimum": 0, "maximum": MAX_RETRIES},
            "checkDuplicate": {"type": ["boolean", "null"], "default": True},
            "startPaused": {"type": ["boolean", "null"], "default": False},
        },
        example={"job": {"type": "track", "trackId": 11, "quality": "LOSSLESS"}},
    )


def _accepted() -> Schema:
    return _success({"jobId": {**_TEXT, "example": JOB_ID_EXAMPLE}}, {"duplicate": _FLAG, "warning": _TEXT})


def _wanted(kind: JobType) -> Schema:
    return _object(
        {
            "type": {"const": kind},
            f"{kind}Id": {"type": "integer", "minimum": 1, "maximum": MAX_CATALOG_ID},
            "quality": {"enum": list(Quality)},
        },
        {"trackTitle": _TITLE, "albumTitle": _TITLE, "artistName": _TITLE},
        title=f"{kind.capitalize()} job",
    )


def _command() -> Schema:
    return _object(
        {"action": {"enum": list(Action)}},
        {"priority": {"enum": [*Priority, None], "description": "For prioritize; high when it is left out."}},
        example={"action": "cancel"},
    )


def _removed_files() -> Schema:
    """What became of the files of a job that was removed with them."""
    kept = _object({"path": _TEXT, "reason": _TEXT})
    some = {"type": "array", "maxItems": LONG_LIST}
    return {
        "removedFiles": {**some, "items": _TEXT, "description": "Those that are gone now; the first 1,000."},
        "removedCount": _COUNT,
        "keptFiles": {**some, "items": kept, "description": "Those that stayed; the first 1,000."},
        "keptCount": _COUNT,
        "missingCount": {**_COUNT, "description": "Those that were not there any more."},
    }


def _commands() -> Schema:
    one = _command()
    ids = {"type": ["array", "null"], "maxItems": MAX_JOBS, "items": {**_TEXT, "example": JOB_ID_EXAMPLE}}
    more = {"jobIds": ids, "status": {"enum": [*Status, None], "description": "Instead of jobIds."}}
    either = [
        {"required": [said], "properties": {said: {"not": {"type": "null"}}, unsaid: {"type": "null"}}}
        for said, unsaid in (("jobIds", "status"), ("status", "jobIds"))
    ]
    example = {"action": "retry", "status": "failed"}
    return {**one, "properties": one["properties"] | more, "oneOf": either, "example": example}


def _result() -> Schema:
    return _object({"jobId": _TEXT, "success": _FLAG}, {"code": {"enum": list(RefusalCode)}, "error": _TEXT})


def _steered(*, nullable: bool) -> Schema:
    """The fields of control; where they are *nullable*, null goes back to the settings."""
    number, flag = ("integer", "boolean") if not nullable else (["integer", "null"], ["boolean", "null"])
    return {
        "paused": {"type": flag, "description": "Nothing new is claimed; running transfers finish."},
        "bandwidthLimit": {
            "type": number,
            "minimum": 0,
            "maximum": MAX_BANDWIDTH,
            "description": "Bytes per second of each worker process; 0 is no limit.",
        },
        "maxConcurrent": {
            "type": number,
            "minimum": 1,
            **({"maximum": MAX_CONCURRENT} if nullable else {}),
            "description": "Transfers at a time of each worker process.",
        },
    }


def _figures() -> Schema:
    counts = dict.fromkeys(_STATUS_COUNTS, _COUNT)
    number = {"type": "number", "minimum": 0}
    return {
        "queue": _object({**counts, "total": _COUNT}),
        "worker": _object(
            {
                "running": _FLAG,
                "activeDownloads": _COUNT,
                "maxConcurrent": _COUNT,
                "lastHeartbeat": {"type": ["integer", "null"]},
            },
            _waits(),
        ),
        "metrics": _object(
            {
                "total_jobs": _COUNT,
                **counts,
                "avg_success_rate": {**number, "maximum": 100},
                "avg_retry_count": number,
                "total_download_time_ms": _COUNT,
                "avg_job_duration_ms": number,
                "failure_by_code": {
                    "type": "object",
                    "propertyNames": {"enum": list(FailureCode)},
                    "additionalProperties": _COUNT,
                },
            }
        ),
        "queueSource": _SOURCE,
        "timestamp": {"type": "integer", "description": "Epoch milliseconds."},
    }


def _first_jobs() -> Schema:
    return {"jobs": _list_of("Job"), "generatedAt": {**_TEXT, "format": "date-time"}}


def _health() -> Schema:
    counted = {"type": "object", "propertyNames": {"enum": list(FailureCode)}, "additionalProperties": _COUNT}
    unknown = {"type": ["integer", "null"], "minimum": 0}
    return {
        "status": {"enum": list(Health)},
        "worker": _object(
            {
                "running": _FLAG,
                "lastHeartbeat": unknown,
                "uptimeSeconds": {**_COUNT, "description": "Of the worker that has lived longest."},
                "jobsProcessed": {**_COUNT, "description": "Jobs that have a record and completed or failed."},
                "errorRate": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "How many failed of the newest 100 that completed or failed within the last hour.",
                },
            }
        ),
        "queue": _object({"level": {"enum": list(Level)}, "size": _COUNT, "oldestAgeSeconds": _COUNT}),
        "failures": _object({"count": _COUNT, "byCode": counted}),
        "store": _object(
            {
                "kind": _SOURCE,
                "reachable": _FLAG,
                "latencyMs": {"type": ["number", "null"], "minimum": 0},
            }
        ),
        "disk": _object({"freeBytes": unknown, "minBytes": _COUNT}),
    }


def _keys() -> Schema:
    """What goes in and comes out about keys and sessions."""
    limits = {
        "rate": {**_COUNT, "description": "Submissions a minute; 0 is no limit."},
        "size": {**_COUNT, "description": "Unfinished jobs."},
        "concurrent": {**_COUNT, "description": "Downloads at a time; 0 is no limit."},
        "bytes": {**_COUNT, "description": "Bytes received in 24 hours; 0 is no limit."},
    }
    key = {
        "name": {**_TEXT, "example": "ann"},
        "scope": {"enum": list(Scope)},
        "createdAt": _COUNT,
        "limits": _object({}, limits),
    }
    secret = {**_TEXT, "description": "The text of the key, shown this once."}
    number = {"type": ["integer", "null"]}
    wanted = {name: {**number, "minimum": least, "maximum": most} for name, (least, most) in LIMIT_RANGES.items()}
    return {
        "WantedKey": _object(
            {"name": {**_TEXT, "pattern": "^[a-z][a-z0-9._-]{0,31}$"}, "scope": {"enum": list(Scope)}},
            {"limits": {**_object({}, wanted), "type": ["object", "null"], "additionalProperties": False}},
            example={"name": "ann", "scope": "submit"},
        ),
        "NewKey": _success({**key, "key": secret}, {"warning": _TEXT}),
        "KeyList": _success({"keys": {"type": "array", "items": _object({**key, "sessions": _COUNT})}}),
        "Revoked": _success({"message": _TEXT, "name": _TEXT}),
        "Login": _object({"key": _TEXT}),
        "Session": _success({"name": _TEXT, "scope": {"enum": list(Scope)}, "expiresAt": _COUNT}),
        "LoggedOut": _success({"message": _TEXT}),
    }


def _waits() -> Schema:
    host = _object({"host": {**_TEXT, "example": "media.example:443"}, "until": _COUNT})
    return {
        "resting": {"type": "array", "items": host, "description": "Hosts that get no request until then."},
        "holding": {**_TEXT, "description": "Why nothing is claimed at present."},
    }


def _refusal() -> Schema:
    limit = {
        **_object({"name": {"enum": list(LimitName)}, "allowed": _COUNT}),
        "description": "Which limit is reached, and how much it allows: submissions, jobs, bytes, streams or tries.",
    }
    return _object(
        {"success": {"const": False}, "error": _TEXT, "code": {"enum": list(RefusalCode)}},
        {
            "field": {**_TEXT, "description": "The field or parameter that is wrong."},
            "limit": limit,
            "jobId": _TEXT,
            "reason": {**_TEXT, "description": "Why the job's state refuses the action."},
            "failureCode": {"enum": list(FailureCode), "description": "Why the catalog cannot be searched."},
        },
        example={"success": False, "error": "Job not found", "code": "NOT_FOUND"},
    )


def _success(required: Schema, optional: Schema | None = None) -> Schema:
    return _object({"success": {"const": True}, **required}, optional)


def _list_of(name: str) -> Schema:
    return {"type": "array", "items": ref(name)}


def _object(required: Schema, optional: Schema | None = None, **more: Any) -> Schema:
    properties = copy.deepcopy({**required, **(optional or {})})
    return {"type": "object", "required": list(required), "properties": properties, **more}
