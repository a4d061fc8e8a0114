"""Queries: what a request asks for or says in the query of its address. Empty counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tonearm.api import fields
from tonearm.model import AlbumOutcome, JobOrder, JobQuery, JobType, Status

DEFAULT_LIMIT = 200
MAX_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a list: at most *limit* items from *cursor* on."""

    limit: int
    cursor: str | None


def read_window(query: Mapping[str, str]) -> Window:
    """*limit* and *cursor* of a query.

    Raises:
        Invalid: INVALID_FIELD, limit.
    """
    return Window(read_limit(query, DEFAULT_LIMIT, MAX_LIMIT), query.get("cursor") or None)


def read_limit(query: Mapping[str, str], default: int, most: int) -> int:
    """*limit* of a query, from 1 to *most*.

    Raises:
        Invalid: INVALID_FIELD, limit.
    """
    given = query.get("limit", "")
    number = int(given) if given.isascii() and given.isdecimal() and len(given) <= 4 else given or None
    return fields.integer({"limit": number}, "limit", default, least=1, most=most)


def read_flag(query: Mapping[str, str], name: str) -> bool:
    """Whether *name* is true; absent is false.

    Raises:
        Invalid: INVALID_FIELD, it is neither true nor false.
    """
    value = query.get(name) or "false"
    if value not in ("true", "false"):
        raise fields.invalid(name, f"{name} must be true or false")
    return value == "true"


def read_word(query: Mapping[str, str], name: str, words: type[fields.Word]) -> fields.Word | None:
    """One of *words*; None when *name* is absent or empty, as a form sends it.

    Raises:
        Invalid: INVALID_FIELD, naming the parameter.
    """
    return fields.word(query, name, words) if query.get(name) else None


def read_job_query(query: Mapping[str, str]) -> JobQuery:
    """Which jobs, in which order, from where.

    Raises:
        Invalid: INVALID_FIELD, naming the parameter.
    """
    window = read_window(query)
    return JobQuery(
        status=read_word(query, "status", Status),
        outcome=read_word(query, "outcome", AlbumOutcome),
        type=read_word(query, "type", JobType),
        client=fields.text(query, "client"),
        text=fields.text(query, "q"),
        order=read_word(query, "sort", JobOrder) or JobOrder.QUEUE,
        limit=window.limit,
        cursor=window.cursor,
    )
