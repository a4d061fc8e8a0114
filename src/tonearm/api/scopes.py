"""Scopes: what each route of the API asks of a key, in one table. A route without a row needs the widest scope."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import QueryParams
from starlette.routing import Match
from starlette.types import Scope as Connection

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
from tonearm.model import Scope

_JOB = f"{PREFIX}/{{job_id}}"

SCOPES: Mapping[tuple[str, str], Scope | None] = MappingProxyType(
    {
        ("GET", "/"): None,
        ("GET", "/web"): None,
        ("GET", "/healthz"): None,
        ("GET", "/readyz"): None,
        ("POST", LOGIN): None,
        ("POST", LOGOUT): Scope.READ,
        ("GET", "/docs"): Scope.READ,
        ("GET", "/docs-assets"): Scope.READ,
        ("GET", "/openapi.json"): Scope.READ,
        ("GET", "/metrics"): Scope.READ,
        ("GET", PREFIX): Scope.READ,
        ("GET", STATS): Scope.READ,
        ("GET", HEALTH): Scope.READ,
        ("GET", WORKERS): Scope.READ,
        ("GET", SEARCH): Scope.READ,
        ("GET", CONTROL): Scope.READ,
        ("GET", DASHBOARD): Scope.READ,
        ("GET", METRICS): Scope.READ,
        ("GET", EVENTS): Scope.READ,
        ("GET", _JOB): Scope.READ,
        ("GET", f"{_JOB}/tracks"): Scope.READ,
        ("GET", f"{_JOB}/archive"): Scope.READ,
        ("GET", f"{_JOB}/cover"): Scope.READ,
        ("POST", PREFIX): Scope.SUBMIT,
        ("POST", BATCH): Scope.SUBMIT,
        ("PATCH", _JOB): Scope.SUBMIT,
        ("DELETE", _JOB): Scope.SUBMIT,
        ("PATCH", CONTROL): Scope.CONTROL,
        ("POST", ACTIONS): Scope.CONTROL,
        ("GET", WEBHOOKS): Scope.CONTROL,
        ("POST", WEBHOOKS): Scope.CONTROL,
        ("DELETE", PREFIX): Scope.CONTROL,
        ("GET", KEYS): Scope.ADMIN,
        ("POST", KEYS): Scope.ADMIN,
        ("DELETE", f"{KEYS}/{{name}}"): Scope.ADMIN,
    }
)
"""By method and path of the route; HEAD counts as GET. None: open to everybody, also where keys are on."""

WITH_FILES: Mapping[tuple[str, str], Scope] = MappingProxyType({("DELETE", _JOB): Scope.CONTROL})
"""What such a route asks for where the query says `files=true`: it reaches into the library then."""


def needed(connection: Connection) -> Scope | None:
    """The scope that a request needs; None: none. Where there is no route for it, any key will do to hear that."""
    method = "GET" if connection["method"] == "HEAD" else connection["method"]
    for route in connection["app"].routes:
        if route.matches(connection)[0] is Match.FULL:
            row = (method, route.path)
            if row in WITH_FILES and "true" in QueryParams(connection["query_string"]).getlist("files"):
                return WITH_FILES[row]
            return SCOPES.get(row, Scope.ADMIN)
    return Scope.READ
