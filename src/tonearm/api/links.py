"""Links of the OpenAPI document: what the answer of one operation is good for in another.

A program that reads the document learns from them that the `jobId` of a submission is the one of `showJob`, and that
`nextCursor` is how a list goes on. They add nothing to the answers themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Link = dict[str, Any]

_OF_A_JOB = ("showJob", "changeJob", "deleteJob", "listTracks", "archiveJob", "showCover")
_FILTERS = ("status", "outcome", "type", "q", "client", "sort", "limit")


def _job(at: str, *operations: str) -> dict[str, Link]:
    """To *operations* of the job whose id stands *at* this pointer of the answer."""
    return {
        name: {"operationId": name, "parameters": {"path.jobId": f"$response.body#{at}"}}
        for name in operations or _OF_A_JOB
    }


def _next(name: str, **same: str) -> dict[str, Link]:
    """To the next page of the list itself, where what else was asked stays the *same*."""
    cursor = {"query.cursor": "$response.body#/nextCursor"}
    return {"nextPage": {"operationId": name, "parameters": same | cursor}}


_FILTERED = {f"query.{name}": f"$request.query.{name}" for name in _FILTERS}
_SAME_JOB = {"path.jobId": "$request.path.jobId"}

LINKS: Mapping[str, Mapping[str, Link]] = MappingProxyType(
    {
        "submitJob": _job("/jobId"),
        "submitBatch": _job("/results/0/jobId", "showJob", "deleteJob"),
        "listJobs": _next("listJobs", **_FILTERED) | _job("/jobs/0/id"),
        "dashboard": _job("/jobs/0/id", "showJob"),
        "showJob": _job("/job/id", "changeJob", "deleteJob", "listTracks", "archiveJob"),
        "changeJob": _job("/jobId", "showJob", "changeJob", "deleteJob"),
        "deleteJob": _job("/jobId", "showJob"),
        "listTracks": _next("listTracks", **_SAME_JOB, **{"query.limit": "$request.query.limit"}),
        "createKey": {"revokeKey": {"operationId": "revokeKey", "parameters": {"path.name": "$response.body#/name"}}},
    }
)
"""By the operation whose success they follow, and by their own name."""
