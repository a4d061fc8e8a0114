"""The terminal: results go to stdout, everything else to stderr, and no foreign text reaches either raw.

With `--json` stdout carries JSON Lines alone, all of it ASCII, and what is meant for people is left out there. Titles
and errors come from catalogs and servers, so control characters, and those that turn the direction of the writing, are
replaced by U+FFFD before they are shown. What is said is decided elsewhere.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import unicodedata
from typing import TextIO

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}\N{SOFT HYPHEN}")
"""Format characters that ordinary words and emoji need."""

KEPT_FREE = 2
"""Columns at the right that moving lines leave free: the `^C` that a terminal shows there must not begin a new line."""


def clean(text: str) -> str:
    """The text as one line that a terminal only shows: every control and direction character replaced."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _REPLACEMENT if unicodedata.category(char) in _UNSEEN and char not in _JOINERS else char for char in text
    )


class Output:
    """The two streams of this process. *json* is set once, by the option."""

    json = False

    def line(self, text: str = "") -> None:
        """Show one line of the result to people; nothing with `--json`."""
        if not self.json:
            _write(sys.stdout, clean(text) + "\n")

    def document(self, document: object) -> None:
        """Give one JSON document, on a line of its own, to machines; nothing without `--json`."""
        if self.json:
            _write(sys.stdout, json.dumps(document) + "\n")

    def note(self, text: str) -> None:
        """Say something on stderr, line by line."""
        for line in text.splitlines():
            _write(sys.stderr, clean(line) + "\n")

    def rewrite(self, text: str) -> None:
        """Put *text* in place of the last line of stderr, cut to its width; only where `draws` is true."""
        width = shutil.get_terminal_size().columns - KEPT_FREE
        _write(sys.stderr, f"\r\x1b[2K{clean(text)[:width]}")

    def tabulates(self) -> bool:
        """Whether a table with colours is wanted: stdout is a terminal."""
        return not self.json and sys.stdout.isatty()

    def draws(self) -> bool:
        """Whether moving pictures are wanted: stderr is a terminal that can move its cursor."""
        return not self.json and sys.stderr.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


out = Output()


def open_streams() -> None:
    """Let no title that the locale cannot write break a command: it is written with marks in place of its letters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
