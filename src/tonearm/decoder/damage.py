"""The one error of the decoder that is about a file."""

from __future__ import annotations


class Damaged(Exception):
    """The file is not whole or not sound; the message says where, as a half sentence for people."""


def clock(seconds: float) -> str:
    """A place in a track for people, such as 3:07."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
