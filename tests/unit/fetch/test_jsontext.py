"""What counts as JSON from a stranger."""

from __future__ import annotations

import pytest

from tonearm.errors import BadAnswer
from tonearm.fetch.jsontext import CONTAINERS, DEPTH, read_object


def read(body: bytes, content_type: str = "application/json") -> dict[str, object]:
    return read_object(body, sender="music.example:80", content_type=content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"{} {}",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 01}',
        b'{"a": "\xff"}',
        b'{"a": "\x01"}',
        b'{"a": "\\ud800"}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b"<!doctype html><p>down for maintenance",
    ],
)
def test_what_is_not_json_is_refused_with_the_sender_named(body: bytes) -> None:
    """Broken text, numbers out of range, NaN, lone surrogates, a BOM and pages all break the contract."""
    with pytest.raises(BadAnswer, match=r"^music\.example:80 sent "):
        read(body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[]", "array"),
        (b"1", "number"),
        (b"1.5", "number"),
        (b'"x"', "string"),
        (b"true", "boolean"),
        (b"null", "null"),
    ],
)
def test_json_that_is_no_object_is_refused_by_its_kind(body: bytes, kind: str) -> None:
    """The text says what came instead."""
    with pytest.raises(BadAnswer, match=f"sent a JSON {kind}, not an object"):
        read(body)


def test_a_page_is_called_a_page() -> None:
    """An error page in HTML is named with its content type."""
    with pytest.raises(BadAnswer, match=r"sent a page \(text/html\), not JSON"):
        read(b"\n <html>", "text/html; charset=utf-8")


def test_json_of_too_many_objects_is_refused_unread() -> None:
    """Decoding cannot be interrupted, so a flood of tiny objects is turned away before."""
    with pytest.raises(BadAnswer, match="more than 200,000 objects"):
        read(b'{"a":[' + b"[]," * CONTAINERS + b"[]]}")


@pytest.mark.parametrize("levels", [DEPTH + 1, 900, 90_000])
@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b'{"a":[', b"]}")])
def test_json_that_is_too_deep_is_refused(levels: int, opening: bytes, closing: bytes) -> None:
    """Depth is bounded, far below what would exhaust the stack of whoever walks it."""
    with pytest.raises(BadAnswer, match="levels"):
        read(opening * levels + b"1" + closing * levels)


def test_json_of_the_greatest_depth_is_read() -> None:
    """The bound itself is allowed."""
    value: object = read(b'{"a":' * DEPTH + b"1" + b"}" * DEPTH)
    for _ in range(DEPTH):
        assert isinstance(value, dict)
        value = value["a"]
    assert value == 1
