"""Lines: one event as one line, as text for people or as JSON, without secrets and whatever is in it.

An event is a mapping with `time`, `level`, `logger` and `event` at least, and `job` where it is about one. Both forms
have the same fields in the same order. Where lines go, and which, is the business of `tonearm.ops.logs`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from tonearm.ops.redact import redact_value

Event = MutableMapping[str, Any]

_LEADING = ("time", "job", "level", "logger", "event")
_UNSAFE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ud800-\\udfff\\ufeff"
    "\\ufff9-\\ufffb\\U000e0000-\\U000e007f]"
)
"""What would begin a line, turn the direction of the writing, move a cursor, or not be seen at all."""
_BARE = re.compile(rf"(?![\[{{])(?:(?!{_UNSAFE.pattern})[^\s\"'=\\])+")
"""A value that needs no quotes: nothing in it has to be escaped, and it does not look like a list or an object."""
_ODD = re.compile(r"[^\w.]+", re.ASCII)


def named(event: Event) -> Event:
    """Bring the names of foreign levels and loggers into the form of ours: letters, digits, `_`, dots in loggers."""
    event["level"] = _ODD.sub("_", str(event["level"])).replace(".", "_")
    event["logger"] = _ODD.sub("_", str(event["logger"])) or "root"
    return event


def text_line(event: Mapping[str, Any]) -> str:
    """Write `time [Queue] [job] [level] [logger] event key=value …`, without the end of the line."""
    safe = _redacted(named(dict(event)))
    head = f"{safe['time']} [Queue] [{safe.get('job') or '-'}] [{safe['level']}] [{safe['logger']}] {safe['event']}"
    pairs = (f"{_ODD.sub('_', name)}={_text(value)}" for name, value in safe.items() if name not in _LEADING)
    return _UNSAFE.sub(_escape, " ".join([head, *pairs]))


def json_line(event: Mapping[str, Any]) -> str:
    """Write the same as a JSON object in ASCII; `job` is null outside any."""
    safe = _redacted(named(dict(event)))
    leading = {name: safe.get(name) for name in _LEADING}
    text = json.dumps({**leading, **safe}, ensure_ascii=True, allow_nan=True, default=str)
    return text.replace("\x7f", "\\u007f")  # the one control character that JSON lets stand


def _redacted(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: redact_value(name, value) for name, value in event.items()}


def _text(value: Any) -> str:
    """A value as one word, or as JSON, whose escapes are those of JSON too."""
    plain = value if isinstance(value, list | dict) else str(value)
    if isinstance(plain, str) and _BARE.fullmatch(plain):
        return plain
    return _UNSAFE.sub(_json_escape, json.dumps(plain, ensure_ascii=False, default=str))


def _json_escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if ord(found[0]) != 0x7F else "\\u007f"  # JSON lets this one stand


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    short = {10: "\\n", 13: "\\r", 9: "\\t"}.get(code)
    if short or code < 0x100:
        return short or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
