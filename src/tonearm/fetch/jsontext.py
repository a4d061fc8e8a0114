"""JSON from strangers: strict, bounded in depth, and refused with a reason that names what came instead.

NaN, comments, trailing text, a BOM, lone surrogates and numbers out of range are refused by the decoder. What the
fields mean is the catalog's business. Decoding holds the interpreter, so what it may cost is bounded beforehand.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tonearm.errors import BadAnswer

DEPTH = 32
"""Levels of objects and arrays that an answer may have; the catalog contract needs five."""
CONTAINERS = 200_000
"""Objects and arrays that an answer may have: less than 0.1 s of decoding. (Brackets in texts count, too.)"""


def read_object(body: bytes, *, sender: str, content_type: str) -> dict[str, Any]:
    """Decode one JSON object.

    Raises:
        BadAnswer: anything else came; the text says what.
    """
    containers = body.count(b"{") + body.count(b"[")
    if containers > CONTAINERS:
        raise BadAnswer(f"{sender} sent JSON of more than {CONTAINERS:,} objects")
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswer(_describe(body, sender, content_type)) from error
    except RecursionError as error:
        raise BadAnswer(_too_deep(sender)) from error
    if not isinstance(value, dict):
        raise BadAnswer(f"{sender} sent a JSON {_kind(value)}, not an object")
    if containers > DEPTH:
        _check_depth(value, sender)
    return cast("dict[str, Any]", value)


def _check_depth(value: object, sender: str) -> None:
    level = [value]
    for _ in range(DEPTH):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
        if not level:
            return
    raise BadAnswer(_too_deep(sender))


def _children(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, dict) else cast("list[object]", value)


def _too_deep(sender: str) -> str:
    return f"{sender} sent JSON of more than {DEPTH} levels"


def _describe(body: bytes, sender: str, content_type: str) -> str:
    if not body:
        return f"{sender} sent an empty answer, not JSON"
    kind = content_type.partition(";")[0].strip().lower()
    if body.lstrip()[:1] == b"<":
        return f"{sender} sent a page ({kind or 'HTML or XML'}), not JSON"
    return f"{sender} sent something that is not JSON ({kind or 'no content type'}, {len(body)} bytes)"


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}.get(type(value), "value")
