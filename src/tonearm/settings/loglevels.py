"""The level of the log, of the whole and of its parts: what LOG_LEVEL may look like.

    info                                            everything from info on
    info,worker.transfer=debug,uvicorn=warning      two parts otherwise; `worker` would be all that begin with `worker.`
    store.redis=debug                               the rest is as usual

A part is what stands in a line behind its level. Nothing here logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LEVELS = ("debug", "info", "warning", "error")
USUAL = "info"
WHOLE = ""
"""The name of the part that is everything."""

_PART = re.compile(r"\w+(?:\.\w+)*", re.ASCII)


def read_levels(text: str) -> Mapping[str, str]:
    """Return the level of each part that is named, and of `WHOLE`.

    Raises:
        ValueError: a level or a part is none, or is given twice; the message is a clause that says which.
    """
    levels: dict[str, str] = {}
    for piece in text.split(","):
        part, given, level = (word.strip() for word in piece.rpartition("="))
        level = level.lower()
        if level not in LEVELS:
            raise ValueError(f"{level or 'nothing'} is no level")
        if given and not _PART.fullmatch(part):
            raise ValueError(f"{part or 'nothing'} is no part")
        if part in levels:
            raise ValueError(f"{part or 'the whole'} has two levels")
        levels[part] = level
    return {WHOLE: USUAL, **levels}


def checked(text: str) -> str:
    """Return *text* as it is kept, in lower case.

    Raises:
        ValueError: as `read_levels`.
    """
    if not text.isascii():  # nor can an error be told of a text that has bytes which are no UTF-8
        raise ValueError("a letter of another alphabet is in no level or part")
    text = text.lower()
    read_levels(text)
    return text
