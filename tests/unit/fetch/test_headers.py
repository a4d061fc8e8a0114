"""What the headers of an answer decide."""

from __future__ import annotations

import pytest

from tonearm.fetch.headers import (
    ContentRange,
    content_range,
    is_encoded,
    media_fields,
    retry_after_ms,
    strong_validator,
)

NOON = "Sun, 23 Nov 2025 12:00:00 GMT"
BEFORE = "Sun, 23 Nov 2025 11:59:59 GMT"
LATER = "Sun, 23 Nov 2025 12:00:07 GMT"


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"abc"'}, '"abc"'),
        ({"ETag": '""'}, '""'),
        ({"ETag": 'W/"abc"'}, None),
        ({"ETag": "abc"}, None),
        ({"ETag": '"a"b"'}, None),
        ({"ETag": '"abc"', "Last-Modified": BEFORE, "Date": NOON}, '"abc"'),
        ({"ETag": 'W/"abc"', "Last-Modified": BEFORE, "Date": NOON}, BEFORE),
        ({"Last-Modified": BEFORE, "Date": NOON}, BEFORE),
        ({"Last-Modified": NOON, "Date": NOON}, None),
        ({"Last-Modified": LATER, "Date": NOON}, None),
        ({"Last-Modified": BEFORE}, None),
        ({"Last-Modified": "yesterday", "Date": NOON}, None),
        ({}, None),
    ],
)
def test_only_a_strong_validator_vouches_for_old_bytes(headers: dict[str, str], validator: str | None) -> None:
    """A strong ETag, else a Last-Modified that is at least a second older than Date (RFC 9110, 8.8.2.2)."""
    assert strong_validator(headers) == validator


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "3"}, 3_000),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": LATER, "Date": NOON}, 7_000),
        ({"Retry-After": BEFORE, "Date": NOON}, 0),
        ({"Retry-After": BEFORE}, 0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "3.5"}, None),
        ({"Retry-After": "9" * 5_000}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Sun, 99 Nov 2025 12:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], wait: int | None) -> None:
    """Seconds, or a date counted from the answer's own Date; nonsense counts as absent."""
    assert retry_after_ms(headers) == wait


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("bytes 5-9/10", ContentRange(5, 9, 10)),
        ("Bytes 0-0/1", ContentRange(0, 0, 1)),
        ("bytes 5-9/*", None),
        ("bytes */10", None),
        ("bytes=5-9/10", None),
        ("items 5-9/10", None),
        ("bytes 5-9/" + "9" * 30, None),
        ("", None),
    ],
)
def test_a_content_range_needs_all_three_numbers(text: str, parsed: ContentRange | None) -> None:
    """An unknown total cannot be compared, so it counts as none."""
    assert content_range({"Content-Range": text}) == parsed


def test_only_harmless_headers_of_a_medium_are_sent() -> None:
    """A catalog may choose who asks, never how the request is framed."""
    given = {"authorization": "a", "Cookie": "b", "REFERER": "c", "User-Agent": "d", "X-Key": "e"}
    framing = {"Host": "x", "Range": "x", "Connection": "x", "Content-Length": "1", "Transfer-Encoding": "x"}
    odd = {"XX": "x", "X-": "x", "X-Ü": "x", "X-Ke\ny": "x", "X-Key: a\r\nHost": "x"}
    assert media_fields({**given, **framing, **odd}) == given


@pytest.mark.parametrize(
    ("value", "encoded"), [("", False), ("identity", False), (" Identity ", False), ("gzip", True)]
)
def test_any_coding_but_identity_counts_as_encoded(value: str, encoded: bool) -> None:  # noqa: FBT001 - a table
    """The bytes of a medium are wanted as they are."""
    assert is_encoded({"Content-Encoding": value}) is encoded
