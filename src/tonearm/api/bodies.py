"""Bodies: reading a JSON object from a request, bounded in size and time, and strictly.

Refused are: another content type, a compressed body, more bytes than allowed (counted while they come, whatever
Content-Length says), and whatever JSON readers disagree on: a byte order mark, duplicate keys, NaN and numbers out of
range, lone surrogates, deep nesting. What the members mean is not known here.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, Never

from starlette.requests import ClientDisconnect, Request

from tonearm.errors import Invalid, RefusalCode, Refused

DEPTH = 16
"""Deepest nesting of arrays and objects."""

READ_SECONDS = 10.0
"""Longest time for a body to arrive."""

Object = dict[str, Any]


async def read_object(request: Request, limit: int) -> Object:
    """The JSON object in the body of *request*, which is at most *limit* bytes long.

    Raises:
        Refused: UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, REQUEST_TIMEOUT, INVALID_JSON.
    """
    _check_type(request)
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await _read(request, limit)
    except TimeoutError as error:
        raise Refused(
            RefusalCode.REQUEST_TIMEOUT, f"The body did not arrive within {READ_SECONDS:g} seconds"
        ) from error
    return decode_object(body)


def decode_object(body: bytes) -> Object:
    """The JSON object that these bytes are, read strictly.

    Raises:
        Invalid: INVALID_JSON, with the reason.
    """
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_constant, parse_float=_finite
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be encoded
    except RecursionError as error:
        raise _invalid("nested too deeply") from error
    except UnicodeError as error:
        raise _invalid("not UTF-8 text") from error
    except ValueError as error:
        raise _invalid(str(error)) from error
    if not isinstance(value, dict):
        raise _invalid("the body is not an object")
    if _depth(value) > DEPTH:
        raise _invalid("nested too deeply")
    return value


def _check_type(request: Request) -> None:
    media_type, *parameters = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    if media_type != "application/json":
        raise Refused(RefusalCode.UNSUPPORTED_MEDIA_TYPE, "The content type must be application/json")
    if any(part.startswith("charset=") and part not in _CHARSETS for part in parameters):
        raise Refused(RefusalCode.UNSUPPORTED_MEDIA_TYPE, "The charset must be UTF-8")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(RefusalCode.UNSUPPORTED_MEDIA_TYPE, "A compressed body is not accepted")


_CHARSETS = frozenset({"charset=utf-8", 'charset="utf-8"', "charset=utf8"})


async def _read(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "")
    body = b""
    if announced.isdecimal() and (len(announced) > len(str(limit)) or int(announced) > limit):
        raise _too_large(limit)
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise _too_large(limit)
    return body


def _too_large(limit: int) -> Refused:
    return Refused(
        RefusalCode.PAYLOAD_TOO_LARGE, f"The body is larger than {limit} bytes (QUEUE_MAX_BODY_BYTES allows more)"
    )


def _invalid(reason: str) -> Invalid:
    return Invalid(RefusalCode.INVALID_JSON, f"Invalid JSON: {reason}")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Object:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return members


def _constant(word: str) -> Never:
    raise ValueError(f"{word} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number


def _depth(value: Any) -> int:
    """How deep arrays and objects are nested, counted without recursion and only as far as it matters."""
    depth = 0
    layer = [value]
    while layer and depth <= DEPTH:
        layer = [
            child
            for parent in layer
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        depth += 1
    return depth
