"""Logs: one event is one line on stderr, for people or as JSON, with the context it happened in and without secrets.

A text line reads `2026-01-02T03:04:05.678Z [Queue] [job-…] [info] [worker.transfer] message key=value`; an event
outside any job has `[-]`. What the standard library's loggers say (uvicorn, aiohttp, warnings) takes the same way.
Context is bound with `structlog.contextvars`: job, task, epoch, client, attempt. Where the lines go from stderr is not
our business.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

from tonearm.ops.redact import redact_value

_LEADING = ("time", "job", "level", "logger", "event")
_UNSAFE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")
_BARE = re.compile(r"[^\s\"'=\\]+")
_QUIET = ("uvicorn.error", "asyncio", "aiohttp.access")


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that a second `configure` finds and replaces it."""


def configure(format: str = "text", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002 - LOG_FORMAT
    """Send every event of at least *level* to *stream* (stderr), as `text` or `json`. Called again, it replaces."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _stamp,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    render = _render_json if format == "json" else _render_text
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, _redact, render], foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(threshold)
    for name in _QUIET:  # these tell at `info` what our own events tell better
        logging.getLogger(name).setLevel(threshold if threshold <= logging.DEBUG else max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)


def _stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord | None = event.get("_record")
    at = datetime.fromtimestamp(record.created, UTC) if record else datetime.now(UTC)
    event["time"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: redact_value(name, value) for name, value in event.items()}


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    leading = {name: event.get(name) for name in _LEADING}
    return json.dumps({**leading, **event}, ensure_ascii=True, allow_nan=True, default=str)


def _render_text(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    head = (
        f"{event['time']} [Queue] [{event.get('job') or '-'}] [{event['level']}] [{event['logger']}] {event['event']}"
    )
    pairs = (f"{name}={_text(value)}" for name, value in event.items() if name not in _LEADING)
    return _UNSAFE.sub(_escape, " ".join([head, *pairs]))


def _text(value: Any) -> str:
    """A value as one word, or in quotes."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    text = str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    short = {10: "\\n", 13: "\\r", 9: "\\t"}.get(code)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
