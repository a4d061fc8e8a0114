"""Logs: one event is one line on stderr, for people or as JSON, with the context it happened in and without secrets.

A text line reads `2026-01-02T03:04:05.678Z [Queue] [job-…] [info] [worker.transfer] message key=value`; an event
outside any job has `[-]`. What the standard library's loggers say (uvicorn, aiohttp, warnings), and what nobody caught,
takes the same way. Context is bound with `structlog.contextvars`: job, task, epoch, client, attempt; in requests
client, request_id and the job that they are about. Where the lines go from stderr is not our business. The form and all
events stand in docs/reference/logs.md.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

from tonearm.clock import iso
from tonearm.ops.journal import is_journal, with_urgency
from tonearm.ops.lines import json_line, named, text_line
from tonearm.ops.redact import hide
from tonearm.settings import Settings, secrets_of
from tonearm.settings.loglevels import WHOLE, read_levels

_QUIET = ("uvicorn.error", "asyncio", "aiohttp.access")
"""These tell at `info` what our own events tell better."""

_LEAST = {"apprise": logging.WARNING}
"""Below this they tell addresses and messages whole, so nobody can have more of them."""

log = structlog.get_logger("server")


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that a second `configure` finds and replaces it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """A line that cannot be written is not shown raw: what is in it was not looked at for secrets."""
        error = sys.exc_info()[0] or Exception
        said = {"time": iso(int(record.created * 1_000)), "level": "error", "logger": record.name}
        with suppress(OSError, ValueError):  # stderr itself is gone, or closed
            self.stream.write(text_line({**said, "event": "A line could not be written", "error": error.__name__}))
            self.stream.write(self.terminator)


class _Parts:
    """The loggers whose level was set, so that a second `configure` can take that back."""

    set_before: Final[set[str]] = set()


def set_up(settings: Settings) -> None:
    """Log as *settings* say, and mask every secret that is among them."""
    hide(secrets_of(settings))
    configure(settings.log_format, settings.log_level)


def configure(format: str = "text", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002 - LOG_FORMAT
    """Send events to *stream* (stderr), as `text` or `json`; *level* is as LOG_LEVEL. Called again, it replaces."""
    thresholds = {part: logging.getLevelNamesMapping()[word.upper()] for part, word in read_levels(level).items()}
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _named,
        _stamp,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(min(thresholds.values())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    write = _writer(format, handler.stream)
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, lambda _logger, _method, event: write(event)],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    _set_levels(thresholds)
    logging.captureWarnings(capture=True)


def _writer(form: str, stream: TextIO) -> Callable[[EventDict], str]:
    """What makes a line of an event."""
    write = json_line if form == "json" else text_line
    if not is_journal(stream):
        return write
    return lambda event: with_urgency(write(event), event.get("level"))


def _set_levels(thresholds: dict[str, int]) -> None:
    """Give each part its level; what had one before follows the whole again."""
    whole = thresholds[WHOLE]
    levels = {part: threshold for part, threshold in thresholds.items() if part != WHOLE}
    quieter = whole if whole <= logging.DEBUG else max(whole, logging.WARNING)
    levels |= {name: quieter for name in _QUIET if not any(f"{name}.".startswith(f"{part}.") for part in levels)}
    levels |= {name: max(levels.get(name, whole), least) for name, least in _LEAST.items()}
    for name in _Parts.set_before - levels.keys():
        logging.getLogger(name).setLevel(logging.NOTSET)
    _Parts.set_before.clear()
    _Parts.set_before.update(levels)
    logging.getLogger().setLevel(whole)
    for name, threshold in levels.items():
        logging.getLogger(name).setLevel(threshold)


def catch_the_uncaught() -> None:
    """From now on an error that nobody caught, in whatever thread, is a line too, with its stack and no secrets."""

    def tell(kind: type[BaseException], error: BaseException | None, stack: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("An error that nobody caught", exc_info=(kind, error or kind(), stack))

    sys.excepthook = tell
    threading.excepthook = lambda args: tell(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: tell(args.exc_type, args.exc_value, args.exc_traceback)


def _named(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return named(event)


def _stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord | None = event.get("_record")
    event["time"] = iso(int((record.created if record else time.time()) * 1_000))
    return event
