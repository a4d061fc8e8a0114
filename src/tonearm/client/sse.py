"""Server-sent events: bytes as they arrive become messages, by the rules that the WHATWG wrote into HTML.

Lines and events are bounded. What an event means is not known here, and nothing is read from a connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 8 * 1024 * 1024
MAX_EVENT_BYTES = 16 * 1024 * 1024

_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class TooLong(ValueError):
    """A line or an event is longer than any of our server."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event: its name, its data, and the id that the stream had reached with it, empty before the first."""

    name: str
    data: str
    last_id: str


class Parser:
    """Takes the pieces of one connection in any cut; *last_id* is that of the connection before."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        """The id of the last event that was complete."""
        self.retry_ms: int | None = None
        """How long the server wants to be left alone before the next connection, milliseconds; None: not said."""
        self._rest = b""
        self._searched = 0
        self._first = True
        self._name = ""
        self._data: list[str] = []
        self._size = 0
        self._id = last_id

    def feed(self, piece: bytes) -> list[Message]:
        """The events that are complete with *piece*.

        Raises:
            TooLong: a line or an event is too long.
        """
        found = []
        for line in self._lines(piece):
            if line:
                self._field(line)
            elif (message := self._dispatch()) is not None:
                found.append(message)
        return found

    def _lines(self, piece: bytes) -> Iterator[bytes]:
        """Whole lines; a CR at the very end waits for what follows, which may be its LF."""
        text = self._rest + piece
        if self._first:
            if len(text) < len(_BOM) and _BOM.startswith(text):
                self._rest = text
                return
            text = text.removeprefix(_BOM)
            self._first = False
        begin = 0
        for end in _END.finditer(text, self._searched):
            if end[0] == b"\r" and end.end() == len(text):
                break
            line = text[begin : end.start()]
            begin = end.end()
            if len(line) > MAX_LINE_BYTES:
                raise TooLong("a line of the event stream is too long")
            yield line
        self._rest = text[begin:]
        self._searched = max(0, len(self._rest) - 1)
        if len(self._rest) > MAX_LINE_BYTES:
            raise TooLong("a line of the event stream is too long")

    def _field(self, line: bytes) -> None:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._size += len(line)
            if self._size > MAX_EVENT_BYTES:
                raise TooLong("an event of the stream is too long")
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.retry_ms = int(value[:9])

    def _dispatch(self) -> Message | None:
        data, name = "\n".join(self._data), self._name or "message"
        empty = not self._data
        self._data, self._name, self._size = [], "", 0
        self.last_id = self._id
        return None if empty else Message(name, data, self.last_id)
