"""The table of what is refused: row by row as the contract has it, with inputs and what each is answered with.

It is read by `test_refusals.py`, which asks all of it of a server. A path begins behind the prefix; `{job}` in it is a
queued job of the server, `{done}` a completed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TRACK = {"type": "track", "trackId": 11, "quality": "LOSSLESS"}
ALBUM = {"type": "album", "albumId": 5, "quality": "LOSSLESS"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Asked:
    """A request: a submission unless it says otherwise. *json* is written as JSON, *data* is sent as it stands."""

    method: str = "POST"
    path: str = ""
    json: Any = None
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Row:
    """Inputs that are refused in the same way, and with what.

    *error* is the words, where the contract has any; *members* stand in the answer beside them, and *waits* says that
    it has Retry-After. *settings* are the server's. Where it is *keyed*, keys are on, and `{reader}` in a header is
    one that may only read.
    """

    name: str
    status: int
    code: str
    inputs: Mapping[str, Asked]
    error: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    waits: bool = False
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    keyed: bool = False


def _could_not(action: str) -> str:
    """The words for an action that is refused."""
    return f"Could not {action} job (not found or {'not finished' if action == 'retry' else 'already completed'})"


def _bodies(*bodies: Any, path: str = "", method: str = "POST") -> dict[str, Asked]:
    """Each of *bodies* as JSON, by its text."""
    return {str(body)[:60]: Asked(method, path, body) for body in bodies}


def _tracks(member: str, *values: Any) -> dict[str, Asked]:
    """Tracks in which *member* has each of these values."""
    return {repr(value): Asked(json={"job": {**TRACK, member: value}}) for value in values}


def _beside(member: str, *values: Any) -> dict[str, Asked]:
    """Submissions in which *member* beside the job has each of these values."""
    return {repr(value): Asked(json={"job": TRACK, member: value}) for value in values}


def _headers(*headers: Mapping[str, str], method: str = "POST", path: str = "", json: Any = None) -> dict[str, Asked]:
    """The same request with each of *headers*."""
    return {str(dict(each)): Asked(method, path, json, headers=each) for each in headers}


def _queries(*queries: str, method: str = "GET") -> dict[str, Asked]:
    """Requests for these addresses."""
    return {query: Asked(method, query) for query in queries}


NOT_JSON = {
    "nothing": b"",
    "no JSON": b"hello",
    "cut off": b'{"job": {"type": "tr',
    "an array": b"[]",
    "a text": b'"job"',
    "null": b"null",
    "a key twice": b'{"job": {"type": "track", "type": "album", "trackId": 1, "quality": "LOW"}}',
    "NaN": b'{"job": {"type": "track", "trackId": NaN, "quality": "LOW"}}',
    "Infinity": b'{"job": 1, "priority": -Infinity}',
    "out of range": b'{"job": {"type": "track", "trackId": 1e999, "quality": "LOW"}}',
    "long number": b'{"job": ' + b"9" * 900 + b"e1}",
    "deep": b'{"job": ' + b"[" * 400 + b"]" * 400 + b"}",
    "deeper than allowed": b'{"job": ' + b"[" * 17 + b"]" * 17 + b"}",
    "lone surrogate": b'{"job": {"type": "track", "trackId": 1, "quality": "LOW", "trackTitle": "\\ud800"}}',
    "lone surrogate in a key": b'{"job": {"\\udfff": 1}}',
    "byte order mark": b'\xef\xbb\xbf{"job": {"type": "track", "trackId": 1, "quality": "LOW"}}',
    "not UTF-8": b'{"job": "\xff"}',
    "UTF-16": '{"job": {}}'.encode("utf-16"),
    "trailing": b'{"job": {}} {}',
    "comment": b'{"job": {} /* x */}',
    "control character": b'{"job": "\x01"}',
}
FOREIGN_HOSTS = ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1].evil", "1", "")
FOREIGN_ORIGINS = ("http://evil.example", "https://localhost.evil.example", "null", "http://localhost:9", "file://")

ROWS = (
    Row(
        "not JSON, not an object, duplicate keys, NaN, depth, lone surrogates, BOM",
        400,
        "INVALID_JSON",
        {name: Asked(data=body, headers=JSON) for name, body in NOT_JSON.items()},
    ),
    Row(
        "type missing or unknown",
        400,
        "INVALID_JOB",
        _bodies({}, {"job": "track"}, {"job": [TRACK]}, {"job": None}),
        error="Invalid job format",
        members={"field": "job"},
    ),
    Row(
        "type missing or unknown, in a job",
        400,
        "INVALID_JOB",
        _tracks("type", None, "playlist", "Track", 1, ["track"]),
        error="Invalid job format",
        members={"field": "type"},
    ),
    Row(
        "a track without its id or quality",
        400,
        "INVALID_JOB",
        _bodies({"job": {"type": "track", "quality": "LOW"}}, {"job": {"type": "track", "trackId": 1}}),
        error="Track job requires trackId and quality",
    ),
    Row(
        "an album without its id or quality",
        400,
        "INVALID_JOB",
        _bodies(
            {"job": {"type": "album", "quality": "LOW"}},
            {"job": {"type": "album", "albumId": 5}},
            {"job": {"type": "album", "trackId": 1, "quality": "LOW"}},
        ),
        error="Album job requires albumId and quality",
    ),
    Row(
        "unknown action",
        400,
        "INVALID_JOB",
        {
            f"{name} {path}": asked
            for method, path in (("PATCH", "/{job}"), ("PATCH", "/job-1-a"), ("POST", "/actions"))
            for name, asked in _bodies(
                *({}, {"action": "explode"}, {"action": "delete"}, {"action": 1}, {"action": ["cancel"]}),
                method=method,
                path=path,
            ).items()
        },
        error="Unknown action",
        members={"field": "action"},
    ),
    Row(
        "id not an integer 1 … 2^31-1, of a track",
        400,
        "INVALID_ID",
        _tracks("trackId", 0, -1, 2**31, 10**30, 1.5, 1.0, "5", "", True, False, [1], {"a": 1}),
        error="trackId must be a whole number from 1 to 2147483647",
        members={"field": "trackId"},
    ),
    Row(
        "id not an integer 1 … 2^31-1, of an album",
        400,
        "INVALID_ID",
        {repr(wrong): Asked(json={"job": {**ALBUM, "albumId": wrong}}) for wrong in (0, -1, 2**31, 1.5, "5", True)},
        error="albumId must be a whole number from 1 to 2147483647",
        members={"field": "albumId"},
    ),
    Row(
        "quality not LOW, HIGH, LOSSLESS",
        400,
        "INVALID_QUALITY",
        _tracks("quality", "HI_RES_LOSSLESS", "lossless", "", 1, True, ["LOW"], {"a": 1}),
        error="quality must be one of LOW, HIGH, LOSSLESS (QUEUE_QUALITY_ALIASES can map other words to these)",
        members={"field": "quality"},
    ),
    Row(
        "content type other than JSON, or a compressed body",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        {
            str(headers): Asked(data=b'{"job": 1}', headers=headers)
            for headers in (
                {"Content-Type": "text/plain"},
                {"Content-Type": "application/x-www-form-urlencoded"},
                {"Content-Type": "application/json; charset=latin-1"},
                {"Content-Type": "application/jsonp"},
                {"Content-Type": ""},
                {**JSON, "Content-Encoding": "gzip"},
                {**JSON, "Content-Encoding": "br"},
            )
        },
    ),
    Row(
        "more than 1,024 bytes per job",
        413,
        "PAYLOAD_TOO_LARGE",
        {
            "one more": Asked(data=b'{"job": {}}'.ljust(1_025), headers=JSON),
            "many more": Asked(data=b'{"job": {}}'.ljust(100_000), headers=JSON),
            "of an action": Asked("PATCH", "/{job}", data=b'{"action": "cancel"}'.ljust(1_025), headers=JSON),
            "of a batch": Asked(path="/batch", data=b'{"jobs": []}'.ljust(102_401), headers=JSON),
        },
    ),
    Row(
        "more than 10 submissions in 60 s by one client",
        429,
        "RATE_LIMITED",
        {
            "the eleventh": Asked(json={"job": {**TRACK, "trackId": 99}}),
            "in a batch": Asked(path="/batch", json={"jobs": [{"job": {**TRACK, "trackId": 99}}]}),
        },
        waits=True,
        settings={"QUEUE_RATE_LIMIT_PER_MIN": "2"},
    ),
    Row(
        "more than QUEUE_MAX_SIZE unfinished of one client",
        429,
        "CLIENT_QUEUE_FULL",
        _tracks("trackId", 99),
        members={"limit": {"name": "size", "allowed": 1}},
        waits=True,
        settings={"QUEUE_MAX_SIZE": "1"},
    ),
    Row(
        "QUEUE_CRITICAL_SIZE unfinished in all",
        503,
        "QUEUE_FULL",
        _tracks("trackId", 99),
        members={"limit": {"name": "queue", "allowed": 1}},
        waits=True,
        settings={"QUEUE_CRITICAL_SIZE": "1"},
    ),
    Row(
        "foreign Host",
        421,
        "WRONG_HOST",
        _headers(*({"Host": host} for host in FOREIGN_HOSTS), method="GET", path="/stats"),
    ),
    Row(
        "cross-site Origin on an unsafe method",
        403,
        "FORBIDDEN",
        {
            f"{method} {origin}": Asked(method, path, {"job": TRACK}, headers={"Origin": origin, "Host": "localhost"})
            for method, path in (("POST", ""), ("PATCH", "/{job}"), ("DELETE", "/{job}"))
            for origin in FOREIGN_ORIGINS
        },
    ),
    Row(
        "no or wrong key where keys are on",
        401,
        "UNAUTHORIZED",
        {
            f"{method} {path} {headers}": Asked(method, path, headers=headers)
            for method, path in (("POST", ""), ("GET", ""), ("GET", "/stats"), ("DELETE", "/{job}"), ("GET", "/keys"))
            for headers in ({}, {"Authorization": "Bearer tonearm_x"}, {"X-Api-Key": "tonearm_x"})
        },
        keyed=True,
    ),
    Row(
        "a key without the scope",
        403,
        "FORBIDDEN",
        {
            f"{method} {path}": Asked(method, path, {}, headers={"Authorization": "Bearer {reader}"})
            for method, path in (
                *(("POST", ""), ("POST", "/batch"), ("PATCH", "/{job}"), ("DELETE", "/{job}"), ("DELETE", "")),
                *(("POST", "/actions"), ("PATCH", "/control"), ("GET", "/keys"), ("POST", "/keys")),
            )
        },
        keyed=True,
    ),
    Row(
        "priority out of range",
        400,
        "INVALID_FIELD",
        _beside("priority", "urgent", "HIGH", "", 1, True, ["high"]),
        error="priority must be one of high, normal, low",
        members={"field": "priority"},
    ),
    Row(
        "maxRetries out of range",
        400,
        "INVALID_FIELD",
        _beside("maxRetries", -1, 21, 1.5, "3", True),
        error="maxRetries must be a whole number from 0 to 20",
        members={"field": "maxRetries"},
    ),
    *(
        Row(
            f"another known field out of range: {name}",
            400,
            "INVALID_FIELD",
            _beside(name, "yes", 1, "true", []),
            error=f"{name} must be true or false",
            members={"field": name},
        )
        for name in ("checkDuplicate", "startPaused")
    ),
    *(
        Row(
            f"another known field out of range: {name}",
            400,
            "INVALID_FIELD",
            _tracks(name, 5, True, ["x"]),
            error=f"{name} must be a text",
            members={"field": name},
        )
        for name in ("trackTitle", "albumTitle", "artistName")
    ),
    Row(
        "another known field out of range: the priority of an action",
        400,
        "INVALID_FIELD",
        _bodies(
            {"action": "prioritize", "priority": "top"},
            {"action": "pause", "priority": ""},
            method="PATCH",
            path="/{job}",
        ),
        error="priority must be one of high, normal, low",
        members={"field": "priority"},
    ),
    Row(
        "another known field out of range: limit",
        400,
        "INVALID_FIELD",
        _queries(
            *("?limit=0", "?limit=1001", "?limit=ten", "?limit=-1", "?limit=1.5", "?limit=%D9%A3"),
            *("?limit=99999999999999999999", "/{job}/tracks?limit=0"),
        ),
        error="limit must be a whole number from 1 to 1000",
        members={"field": "limit"},
    ),
    *(
        Row(f"another known field out of range: {name}", 400, "INVALID_FIELD", _queries(query), members={"field": name})
        for name, query in (("status", "?status=done"), ("type", "?type=playlist"), ("sort", "?sort=size"))
    ),
    Row(
        "another known field out of range: the status of what is cleared",
        400,
        "INVALID_FIELD",
        _queries("", "?status=", "?status=queued", "?status=all", method="DELETE"),
        error="status must be one of completed, failed, cancelled",
        members={"field": "status"},
    ),
    Row(
        "another known field out of range: the outcome of what is cleared",
        400,
        "INVALID_FIELD",
        _queries("?status=completed&outcome=", "?status=completed&outcome=whole", method="DELETE"),
        error="outcome must be one of ok, partial",
        members={"field": "outcome"},
    ),
    Row("a test of webhooks where nobody is told", 400, "WRONG_STATE", _queries("/webhooks", method="POST")),
    Row(
        "a bad cursor",
        400,
        "INVALID_CURSOR",
        _queries("?cursor=x", "?cursor=%00", "?sort=created&cursor=%F0%9F%92%99", "/{job}/tracks?cursor=x"),
        members={"field": "cursor"},
    ),
    *(
        Row(
            f"an action that the state refuses: {action}",
            400,
            "WRONG_STATE",
            _bodies({"action": action}, method="PATCH", path="/{job}" if action == "retry" else "/{done}"),
            error=_could_not(action),
        )
        for action in ("cancel", "pause", "resume", "retry", "prioritize")
    ),
    *(
        Row(
            f"an action on a job that there is not: {action}",
            400,
            "NOT_FOUND",
            {
                **_bodies({"action": action}, method="PATCH", path="/job-1-a"),
                "malformed": Asked("PATCH", "/nonsense", {"action": action}),
            },
            error=_could_not(action),
        )
        for action in ("cancel", "pause", "resume", "retry", "prioritize")
    ),
    Row(
        "unknown or malformed id",
        404,
        "NOT_FOUND",
        {
            f"{method} {job_id}{rest}": Asked(method, f"/{job_id}{rest}")
            for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/tracks"), ("GET", "/archive"))
            for job_id in ("job-1-a", "job-1-A", "job-x", "x", "%00", "job-1-a%0A", "💙")
        },
        error="Job not found",
    ),
    Row(
        "a path that there is not",
        404,
        "NOT_FOUND",
        _queries(
            *("/job-1-a/nothing", "/job-1-a/tracks/1", "/..%2Fx", "//api/download-queue//"),
            *("//api", "//nothing", "//docs/x"),
        ),
    ),
)
"""Each row of the contract's table, split where words or fields differ."""
