"""Log lines: their form, their context, one line an event, and no secrets in them."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import secrets
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.support.told import telling

from tonearm.ops import logs
from tonearm.ops.redact import redact
from tonearm.settings import Settings

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[Queue\] \[(\S+)\] \[(\w+)\] \[(\S+)\] (.*)\n")


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Where the lines go; what `configure` changes in this process is put back afterwards."""
    with telling():
        yield io.StringIO()


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
    [
        *(
            "a\nb",
            "a\r\nb",
            "a\x00b",
            "a\x1b[31mb",
            "a\u2028b",
            "a\u202eb",
            "a\u200fb",
            "a\u061cb",
            "a\x85b",
            "a\ud800b",
        ),
        *("a\x7fb", "a\u200bb", "a\ufeffb", "a\u2060b", "a\U000e0041b"),
    ],
)
def test_one_event_is_one_line_whatever_is_in_it(out: io.StringIO, form: str, nasty: str) -> None:
    """Nobody forges a line or colours the terminal by a title."""
    logs.configure(form, "info", out)
    structlog.get_logger("x").info(f"event {nasty}", value=nasty, nested={"key": [nasty]})
    text = out.getvalue()

    assert text.splitlines(keepends=True) == [text]
    assert nasty not in text
    text.encode("utf-8")


@pytest.mark.parametrize(
    "nasty", ["a\x7fb", "a b\x9fc", "a\u202eb", "a \U000e0041", "a\ud800b", "[Live]", "{x}", "", "\\"]
)
def test_a_quoted_value_of_a_text_line_reads_as_json(out: io.StringIO, nasty: str) -> None:
    """Whatever is escaped in it comes back as it was, and nothing but a list or an object begins like one."""
    logs.configure("text", "info", out)
    structlog.get_logger("x").info("Said", value=nasty, nested=[nasty])
    value, _, nested = parts(out.getvalue())[3].removeprefix("Said value=").partition(" nested=")

    assert (json.loads(value), json.loads(nested)) == (nasty, [nasty])


def test_a_long_word_is_looked_through_in_one_go() -> None:
    """Nobody stops the server by a title or an address: looking for secrets takes no square of the length (it hung)."""
    word = "a-" * 100_000 + "token-" * 30_000

    assert redact(f"{word}=hunter2") == f"{word}=hunter2"
    assert redact(f"{word}token=hunter2") == f"{word}token=***"


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
        ("calling http://user:p@hunter2@host/x", {}),
        ("calling redis://user:p?hunter2@host/0", {}),
        ("calling redis://user:p#hunter2@host/0", {}),
        ("GET /x?token=hunter2&a=1", {}),
        ("GET /x?a=1&access_token=hunter2", {}),
        ("Authorization: Bearer hunter2", {}),
        ("headers {'Authorization': 'Basic hunter2'}", {}),
        ("Cookie: a=hunter2; b=hunter2", {}),
        ("[(b'authorization', b'Basic hunter2')]", {}),
        ("[(b'x-api-key', b'hunter2')]", {}),
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


def test_levels_of_parts_win_over_that_of_the_whole(out: io.StringIO) -> None:
    """For our parts and for libraries, and the longest name that fits counts."""
    logs.configure("text", "warning,worker=info,worker.transfer=debug,uvicorn=error", out)
    for name in ("api", "worker.task", "worker.transfer", "uvicorn.error"):
        structlog.get_logger(name).debug("one")
        structlog.get_logger(name).info("two")
        logging.getLogger(name).warning("three")

    said = [parts(line)[2:] for line in out.getvalue().splitlines(keepends=True)]
    assert said == [
        ("api", "three"),
        ("worker.task", "two"),
        ("worker.task", "three"),
        ("worker.transfer", "one"),
        ("worker.transfer", "two"),
        ("worker.transfer", "three"),
    ]


def test_configuring_again_takes_back_levels_of_parts(out: io.StringIO) -> None:
    """As a reload of the settings does."""
    logs.configure("text", "info,worker=error,uvicorn.error=debug", out)
    logs.configure("text", "info", out)
    structlog.get_logger("worker").info("yes")
    logging.getLogger("uvicorn.error").info("no")

    assert [parts(line)[3] for line in out.getvalue().splitlines(keepends=True)] == ["yes"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_names_of_levels_and_loggers_are_plain_whatever_a_library_calls_them(out: io.StringIO, form: str) -> None:
    """Letters, digits and `_`, in loggers dots too: a line can always be taken apart."""
    logs.configure(form, "debug", out)
    logging.getLogger("odd name] [x\n/é").log(15, "said")
    line = out.getvalue()

    if form == "text":
        assert parts(line) == ("-", "level_15", "odd_name_x_", "said")
    else:
        assert (json.loads(line)["level"], json.loads(line)["logger"]) == ("level_15", "odd_name_x_")


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_of_the_settings_are_masked_wherever_they_stand(
    out: io.StringIO, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them by its value, as it is and as an address has it, also in what a library says."""
    settings = Settings(
        INTERNAL_API_TOKEN="c4talog/planted",
        QUEUE_WEBHOOK_SECRET="w3bhook planted",
        REDIS_URL="redis://:r3d%40is@host",
        QUEUE_WEBHOOK_URLS="https://hooks.example/services/T0000/s3rvice-planted-token",
        QUEUE_NOTIFY_URLS="tgram://123456789:t3legram-planted-token/42,slack://b0t@sl4ck-planted-token/Xy",
        LOG_FORMAT=form,
    )
    monkeypatch.setattr(sys, "stderr", out)
    logs.set_up(settings)
    planted = (
        *("c4talog/planted", "c4talog%2Fplanted", "w3bhook planted", "r3d@is", "r3d%40is", "s3rvice-planted-token"),
        *("t3legram-planted-token", "sl4ck-planted-token"),
    )
    for text in planted:
        structlog.get_logger("fetch").warning("Odd", seen=[{"text": text}], what=f"x{text}y")
        logging.getLogger("uvicorn.error").warning("odd %s", text)
        try:
            int(text)
        except ValueError:
            structlog.get_logger("fetch").exception("Odd")

    assert [text for text in planted if text in out.getvalue()] == []
    assert out.getvalue().count("***") >= 4 * len(planted)


def test_a_key_of_the_api_is_masked_without_being_known(out: io.StringIO) -> None:
    """By how it begins."""
    key = f"tonearm_{secrets.token_urlsafe(24)}"
    logs.configure("text", "info", out)
    structlog.get_logger("api").info(f"got {key}")

    assert "got tonearm_***" in out.getvalue()


def test_an_error_that_nobody_caught_is_a_line(out: io.StringIO) -> None:
    """In any thread, with its stack, and without secrets."""
    logs.configure("text", "info", out)
    logs.catch_the_uncaught()
    thread = threading.Thread(target=int, args=("http://user:hunter2@host",))
    thread.start()
    thread.join()
    (line,) = out.getvalue().splitlines(keepends=True)

    assert parts(line)[1:3] == ("critical", "server")
    assert "ValueError" in line
    assert "hunter2" not in line


def test_a_log_whose_stream_is_closed_stops_nothing(out: io.StringIO) -> None:
    """Whoever logs goes on."""
    logs.configure("text", "info", out)
    out.close()
    structlog.get_logger("server").warning("Heard by nobody")

    heard = io.StringIO()
    logs.configure("text", "info", heard)
    structlog.get_logger("server").warning("Heard again")
    assert "Heard again" in heard.getvalue()
    assert "Heard by nobody" not in heard.getvalue()


def test_a_line_that_cannot_be_written_shows_nothing_of_itself(out: io.StringIO) -> None:
    """The standard library would print it raw, over many lines."""
    logs.configure("text", "info", out)
    root = logging.getLogger()
    root.handlers[:] = root.handlers[-1:]  # without that of pytest, which raises
    logging.getLogger("lib").warning("token=%d", "hunter2")
    (line,) = out.getvalue().splitlines(keepends=True)

    assert parts(line)[1:] == ("error", "lib", "A line could not be written error=TypeError")


@pytest.mark.parametrize(
    ("asked", "level"),
    [("debug", logging.WARNING), ("info,apprise=debug", logging.WARNING), ("info,apprise=error", logging.ERROR)],
)
def test_who_tells_addresses_whole_is_kept_from_it_whatever_is_asked_for(
    out: io.StringIO, asked: str, level: int
) -> None:
    """Also where a reload asks anew."""
    for _ in range(2):
        logs.configure("text", asked, out)

        assert logging.getLogger("apprise").level == level


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_journal_is_told_how_urgent_a_line_is(
    out: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Where the lines go to it, and nowhere else: behind a redirection of stderr the variable names another stream."""
    with (tmp_path / "journal").open("w+") as journal, (tmp_path / "other").open("w+") as other:
        found = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        for stream in (journal, other, out):
            logs.configure(form, "info", stream)
            structlog.get_logger("server").info("Ready")
            structlog.get_logger("server").warning("The queue is long")
        for stream in (journal, other):
            stream.seek(0)
        urgent, plain = journal.read().splitlines(), other.read().splitlines()

    assert [line[:3] for line in urgent] == ["<6>", "<4>"]
    for lines in ([line[3:] for line in urgent], plain, out.getvalue().splitlines()):
        assert ["Ready" in lines[0], "The queue is long" in lines[1]] == [True, True]
        assert not any(line.startswith("<") for line in lines)
