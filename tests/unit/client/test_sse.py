"""The parser of server-sent events, by the rules of the WHATWG."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.client import sse
from tonearm.client.sse import Message, Parser, TooLong

LINES = st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8), min_size=1)
EVENTS = st.lists(st.tuples(st.sampled_from(["job", "stats", ""]), LINES, st.booleans()), max_size=6)


@given(events=EVENTS, end=st.sampled_from(["\r", "\n", "\r\n"]), cuts=st.lists(st.integers(1, 9)))
def test_events_are_the_same_however_lines_end_and_pieces_are_cut(
    events: list[tuple[str, list[str], bool]], end: str, cuts: list[int]
) -> None:
    """Every kind of line end and every cut, also in the middle of a character, gives what was meant."""
    lines, meant, last_id = [": hello"], [], ""
    for number, (name, data, numbered) in enumerate(events):
        if numbered:
            last_id = str(number)
            lines.append(f"id: {last_id}")
        lines += [f"event: {name}", ":", *(f"data: {line}" for line in data), ""]
        meant.append(Message(name or "message", "\n".join(data), last_id))
    sent = "".join(line + end for line in lines).encode() + (b":" if end == "\r" else b"")
    parser, found = Parser(), []
    for size in [*cuts, len(sent)]:
        found += parser.feed(sent[:size])
        sent = sent[size:]

    assert found == meant


@given(st.lists(st.binary(max_size=40)))
def test_no_bytes_break_the_parser(pieces: list[bytes]) -> None:
    """Whatever arrives is read, and its pieces joined are read alike."""
    one, other = Parser(), Parser()

    assert [message for piece in pieces for message in one.feed(piece)] == other.feed(b"".join(pieces))


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b"\xef\xbb\xbfdata: a\n\n", [Message("message", "a", "")]),
        (b"data:a\ndata\ndata:  b\n\n", [Message("message", "a\n\n b", "")]),
        (b"event: x\n\ndata: a\n\n", [Message("message", "a", "")]),
        (b"id: 1\n\ndata: a\n\n", [Message("message", "a", "1")]),
        (b"id: 1\0\ndata: a\n\n", [Message("message", "a", "")]),
        (b"data: a\n\nid: 2\ndata: b\n", [Message("message", "a", "")]),
        (b"other: x\ndata: \xff\n\n", [Message("message", "\ufffd", "")]),
    ],
)
def test_the_corners_of_the_rules(sent: bytes, found: list[Message]) -> None:
    """A mark of byte order, fields without value, a name without data, an id with NUL, an event without its end."""
    assert Parser().feed(sent) == found


def test_an_id_counts_when_its_event_is_complete() -> None:
    """Who comes back after a cut does not skip the event that was cut."""
    parser = Parser("1")
    parser.feed(b"id: 2\ndata: a\n")
    before = parser.last_id
    parser.feed(b"\n")

    assert (before, parser.last_id) == ("1", "2")


@pytest.mark.parametrize(("said", "taken"), [(b"2500", 2500), (b"-1", None), (b"1s", None), (b"", None)])
def test_the_wish_for_a_pause_is_a_whole_number(said: bytes, taken: int | None) -> None:
    """Anything else is passed over."""
    parser = Parser()
    parser.feed(b"retry: " + said + b"\n")

    assert parser.retry_ms == taken


@pytest.mark.parametrize("sent", [b"data: " + b"a" * 40, b"data: aaaa\n" * 20])
def test_lines_and_events_have_a_bound(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing without an end fills the memory."""
    monkeypatch.setattr(sse, "MAX_LINE_BYTES", 30)
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 100)

    with pytest.raises(TooLong):
        Parser().feed(sent)
