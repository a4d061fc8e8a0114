"""Conditional answers: an `ETag` beside what was answered, and 304 for who has it already (RFC 9110, 13.1.2).

What a tag is made of is the business of who answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from tonearm.api.answers import HEADERS


def weak(value: str) -> str:
    """A weak tag: the same value stands for answers that say the same, not for the same bytes."""
    return f'W/"{value}"'


def unchanged(scope: Scope, tag: str, headers: Mapping[str, str] = HEADERS) -> Response | None:
    """304 with *headers* where the request of *scope* says that it has what *tag* stands for, else None."""
    given = ",".join(Headers(scope=scope).getlist("if-none-match"))
    known = {part.strip().removeprefix("W/") for part in given.split(",")}
    if "*" in known or tag.removeprefix("W/") in known:
        return Response(status_code=304, headers={**headers, "ETag": tag})
    return None
