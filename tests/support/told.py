"""What the log tells, in this process: the lines of `tonearm.ops.logs`, and everything as it was before afterwards.

with telling("json", "debug") as told:
    …
    assert [line["event"] for line in told.of("job-1-a")] == ["Submitted"]
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from tonearm.ops import logs, redact


class Told(io.StringIO):
    """The lines so far."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Of a log as JSON, the fields of each line."""
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def of(self, job_id: str, logger: str = "jobs") -> list[dict[str, Any]]:
        """The lines of a job that this logger wrote, without the time of writing."""
        mine = [line for line in self.lines if (line["job"], line["logger"]) == (job_id, logger)]
        return [{name: value for name, value in line.items() if name != "time"} for line in mine]


@contextmanager
def telling(form: str = "json", level: str = "info") -> Iterator[Told]:
    """Log into what is given, as a process with these settings would."""
    root = logging.getLogger()
    handlers, before, configured = root.handlers[:], structlog.get_config(), structlog.is_configured()
    levels = {
        name: logger.level for name, logger in root.manager.loggerDict.items() if isinstance(logger, logging.Logger)
    }
    whole, hooks = root.level, (sys.excepthook, threading.excepthook, sys.unraisablehook)
    told = Told()
    logs.configure(form, level, told)
    try:
        yield told
    finally:
        structlog.configure(**before)
        if not configured:
            structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        redact.hide(())
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(whole)
        for name in root.manager.loggerDict:
            logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
