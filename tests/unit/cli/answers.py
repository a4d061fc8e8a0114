"""Answers of a scripted server, as the commands get them."""

from __future__ import annotations

from typing import Any

from tests.unit.client.playing import JOB_ID, Play, figures, job

OTHER = "job-1763900000001-zzzzzzzzzz"
RECEIPT = {"success": True, "jobId": JOB_ID, "message": "queued", "queueSource": "sqlite"}
MISSING = {"trackId": 3, "trackTitle": "Blue", "error": "Download timeout (30s)", "code": "timeout", "attempts": 4}
TRACK = {"trackId": 3, "trackTitle": "Blue", "status": "failed", "progress": 0, "error": "Download timeout (30s)"}
STATS = Play(200, figures())
RESTING = "The catalog media.example:443 is resting until 12:13:25 UTC: No connection to media.example:443"


def one(**changes: Any) -> Play:
    return Play(200, {"success": True, "job": job(**changes)})


def page(*jobs: dict[str, Any]) -> Play:
    return Play(200, {"success": True, "jobs": list(jobs), "count": len(jobs)})


def refused(status: int, code: str, words: str = "No", **headers: str) -> Play:
    return Play(
        status, {"success": False, "error": words, "code": code}, {k.replace("_", "-"): v for k, v in headers.items()}
    )
