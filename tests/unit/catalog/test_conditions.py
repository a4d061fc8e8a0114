"""Ranges and conditions as RFC 9110 has them."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.catalog.folder.conditions import Decision, Representation, decide

NOW = 1_700_000_000.0
CHANGED = int(NOW) - 3600
FILE = Representation(etag='"abc"', modified=CHANGED, size=1000)
WHOLE = Decision(200, 0, 1000)
PART = Decision(206, 100, 900)
SAME_DATE = formatdate(CHANGED, usegmt=True)
LATER = formatdate(CHANGED + 60, usegmt=True)
EARLIER = formatdate(CHANGED - 60, usegmt=True)


def get(**headers: str) -> Decision:
    return decide("GET", {name.replace("_", "-"): text for name, text in headers.items()}, FILE, NOW)


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("bytes=0-", Decision(206, 0, 1000)),
        ("bytes=0-0", Decision(206, 0, 1)),
        ("bytes=100-199", Decision(206, 100, 100)),
        ("bytes=900-5000", Decision(206, 900, 100)),
        ("bytes=-100", Decision(206, 900, 100)),
        ("bytes=-5000", Decision(206, 0, 1000)),
        ("Bytes = 10-19", Decision(206, 10, 10)),
        ("bytes=1000-", Decision(416)),
        ("bytes=1000-1001", Decision(416)),
        ("bytes=-0", Decision(416)),
        ("bytes=5-4", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=0-1,5-6", WHOLE),
        ("bytes=" + "9" * 19 + "-", WHOLE),
        ("items=0-1", WHOLE),
        ("", WHOLE),
    ],
)
def test_one_range_is_served_and_nonsense_is_ignored(text: str, decision: Decision) -> None:
    """Several ranges, unknown units and wrong syntax get the whole file, as the RFC allows."""
    assert get(range=text) == decision


def test_a_range_of_an_empty_file_cannot_be_satisfied() -> None:
    """There is no first byte."""
    empty = Representation('"e"', CHANGED, 0)
    assert decide("GET", {"range": "bytes=0-"}, empty, NOW) == Decision(416)
    assert decide("GET", {}, empty, NOW) == Decision(200, 0, 0)


def test_a_range_means_nothing_to_head() -> None:
    """Range is defined for GET alone (RFC 9110, 14.2)."""
    assert decide("HEAD", {"range": "bytes=0-1"}, FILE, NOW) == WHOLE


@pytest.mark.parametrize(
    ("if_range", "decision"),
    [
        ('"abc"', PART),
        ('"abd"', WHOLE),
        ('W/"abc"', WHOLE),
        ("abc", WHOLE),
        ("", WHOLE),
        (SAME_DATE, PART),
        (LATER, WHOLE),
        (EARLIER, WHOLE),
        ("yesterday", WHOLE),
    ],
)
def test_if_range_wants_exactly_what_is_there(if_range: str, decision: Decision) -> None:
    """A strong tag that is equal, or the very date; anything else is answered with the whole."""
    assert get(range="bytes=100-", if_range=if_range) == decision


def test_a_date_of_this_very_second_is_no_strong_validator() -> None:
    """The file may change again within it (RFC 9110, 8.8.2.2)."""
    fresh = Representation('"abc"', int(NOW), 1000)
    headers = {"range": "bytes=100-", "if-range": formatdate(NOW, usegmt=True)}
    assert decide("GET", headers, fresh, NOW + 0.5) == WHOLE
    assert decide("GET", headers, fresh, NOW + 1.0) == PART


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": '"abc"'}, 304),
        ({"if_none_match": '"x", W/"abc"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"x"'}, 200),
        ({"if_none_match": '"x"', "if_modified_since": LATER}, 200),
        ({"if_modified_since": SAME_DATE}, 304),
        ({"if_modified_since": EARLIER}, 200),
        ({"if_modified_since": "soon"}, 200),
        ({"if_match": '"abc"'}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": 'W/"abc"'}, 412),
        ({"if_match": '"x"'}, 412),
        ({"if_match": '"x"', "if_none_match": '"abc"'}, 412),
        ({"if_unmodified_since": EARLIER}, 412),
        ({"if_unmodified_since": SAME_DATE}, 200),
        ({"if_none_match": '"abc"', "range": "bytes=0-"}, 304),
    ],
)
def test_conditions_are_judged_in_the_order_of_the_rfc(headers: dict[str, str], status: int) -> None:
    """Match before unmodified-since, none-match before modified-since, all before the range."""
    assert get(**headers).status == status


_header = st.sampled_from(
    ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]
)
_text = st.text(st.characters(max_codepoint=255)) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True)


@given(st.dictionaries(_header, _text), st.integers(0, 10**6))
def test_no_header_breaks_the_answer(headers: dict[str, str], size: int) -> None:
    """Whatever a peer sends: a known status, and a part that lies inside the file."""
    decision = decide("GET", headers, Representation('"abc"', CHANGED, size), NOW)
    assert decision.status in (200, 206, 304, 412, 416)
    assert 0 <= decision.start <= decision.start + decision.length <= size
    assert decision.status != 206 or decision.length > 0
