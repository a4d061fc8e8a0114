"""Log lines: their form, their context, one line an event, and no secrets in them."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tonearm.ops import logs

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[Queue\] \[(\S+)\] \[(\w+)\] \[(\S+)\] (.*)\n")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Where the lines go; what `configure` changed in this process is put back afterwards."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in ("uvicorn.error", "asyncio", "aiohttp.access")}
    yield io.StringIO()
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


def parts(line: str) -> tuple[str | Any, ...]:
    """Job, level, logger and the rest of a text line."""
    found = LINE.fullmatch(line)
    assert found, line
    return found.groups()


def test_a_text_line_has_time_job_level_logger_and_pairs(out: io.StringIO) -> None:
    """The documented form, with the bound context."""
    logs.configure("text", "info", out)
    with structlog.contextvars.bound_contextvars(job="job-1-a", attempt=2):
        structlog.get_logger("worker.transfer").info("Transfer begins", size=5, title="Blue Moon")

    assert parts(out.getvalue()) == (
        "job-1-a",
        "info",
        "worker.transfer",
        'Transfer begins size=5 title="Blue Moon" attempt=2',
    )


def test_an_event_outside_any_job_has_a_dash(out: io.StringIO) -> None:
    """`[-]` stands where a job would."""
    logs.configure("text", "info", out)
    structlog.get_logger("server").info("Ready")

    assert parts(out.getvalue()) == ("-", "info", "server", "Ready")


def test_json_lines_carry_the_same_fields(out: io.StringIO) -> None:
    """time, job, level, logger, event, and the pairs."""
    logs.configure("json", "info", out)
    structlog.get_logger("worker").warning("Stalled", job="job-1-a", epoch=3)
    line = json.loads(out.getvalue())

    assert line.pop("time").endswith("Z")
    assert line == {"job": "job-1-a", "level": "warning", "logger": "worker", "event": "Stalled", "epoch": 3}


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "nasty",
    ["a\nb", "a\r\nb", "a\x00b", "a\x1b[31mb", "a\u2028b", "a\u202eb", "a\u200fb", "a\u061cb", "a\x85b", "a\ud800b"],
)
def test_one_event_is_one_line_whatever_is_in_it(out: io.StringIO, form: str, nasty: str) -> None:
    """Nobody forges a line or colours the terminal by a title."""
    logs.configure(form, "info", out)
    structlog.get_logger("x").info(f"event {nasty}", value=nasty, nested={"key": [nasty]})
    text = out.getvalue()

    assert text.splitlines(keepends=True) == [text]
    assert nasty not in text
    text.encode("utf-8")


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_stack_of_an_error_is_on_its_line(out: io.StringIO, form: str) -> None:
    """The traceback is kept whole, escaped."""
    logs.configure(form, "info", out)
    try:
        int("broken\nhere")
    except ValueError:
        structlog.get_logger("worker").exception("A task failed")
    (line,) = out.getvalue().splitlines()

    assert "Traceback (most recent call last):\\n" in line
    assert "ValueError: invalid literal" in line


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("event", "pairs"),
    [
        ("calling http://user:hunter2@host/x", {}),
        ("calling http://hunter2@host/x", {}),
        ("GET /x?token=hunter2&a=1", {}),
        ("GET /x?a=1&access_token=hunter2", {}),
        ("Authorization: Bearer hunter2", {}),
        ("headers {'Authorization': 'Basic hunter2'}", {}),
        ("Cookie: a=hunter2; b=hunter2", {}),
        ("sent bearer hunter2", {}),
        ("password=hunter2", {}),
        ("x", {"token": "1:hunter2"}),
        ("x", {"headers": {"authorization": "hunter2", "X-Api-Key": "hunter2"}}),
        ("x", {"urls": ["redis://:hunter2@host"]}),
        ("x", {"error": OSError("cannot reach http://u:hunter2@h")}),
    ],
)
def test_secrets_are_masked(out: io.StringIO, form: str, event: str, pairs: dict[str, object]) -> None:
    """Credentials do not stand in any line, wherever they came from."""
    logs.configure(form, "info", out)
    structlog.get_logger("fetch").info(event, **pairs)
    logging.getLogger("aiohttp.client").warning(event)

    assert "hunter2" not in out.getvalue()
    assert "***" in out.getvalue()


def test_a_secret_in_a_stack_is_masked(out: io.StringIO) -> None:
    """The text of an exception goes the same way."""
    logs.configure("text", "info", out)
    try:
        int("http://user:hunter2@host")
    except ValueError:
        structlog.get_logger("fetch").exception("Failed")

    assert "hunter2" not in out.getvalue()


def test_the_standard_library_takes_the_same_way(out: io.StringIO) -> None:
    """Lines of libraries look like ours, with the context they happened in."""
    logs.configure("text", "info", out)
    with structlog.contextvars.bound_contextvars(job="job-1-a"):
        logging.getLogger("aiohttp.client").warning("slow %s", "host")

    assert parts(out.getvalue()) == ("job-1-a", "warning", "aiohttp.client", "slow host")


def test_warnings_of_python_are_lines_too(out: io.StringIO) -> None:
    """What would be two lines on stderr is one."""
    logs.configure("text", "info", out)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    (line,) = out.getvalue().splitlines(keepends=True)

    assert parts(line)[:3] == ("-", "warning", "py.warnings")


def test_less_severe_events_are_left_out(out: io.StringIO) -> None:
    """LOG_LEVEL holds for our events and for those of libraries."""
    logs.configure("text", "warning", out)
    structlog.get_logger("a").info("no")
    logging.getLogger("b").info("no")
    structlog.get_logger("a").error("yes")

    assert len(out.getvalue().splitlines()) == 1


def test_configuring_again_replaces(out: io.StringIO) -> None:
    """No line is written twice."""
    logs.configure("json", "info", out)
    logs.configure("text", "info", out)
    structlog.get_logger("a").info("once")

    assert parts(out.getvalue())[3] == "once"
