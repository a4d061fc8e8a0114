"""Missing: what an album says about the tracks that did not arrive, or that the catalog announced and never listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tonearm.store.task import Task

ERROR_LIMIT = 500
"""Characters of a partial album's error text (docs/reference/http.md, a job)."""

Labels = Callable[[int], Sequence[str]]
"""Answers the labels of at most so many tracks that failed, in the order of their album."""


def partial(album: Task, failed: Labels) -> str | None:
    """Name what an album misses, in at most `ERROR_LIMIT` characters; None: nothing."""
    missing = album.track_count - album.completed_tracks
    if missing:
        also = _also(album.unlisted)
        return _named(album, failed, missing, ERROR_LIMIT - len(also)) + also
    if album.unlisted:
        were = "was" if album.unlisted == 1 else "were"
        total = album.track_count + album.unlisted
        return f"{album.unlisted:,} of {total:,} tracks {were} announced but not listed by the catalog"
    return None


def _also(unlisted: int) -> str:
    if not unlisted:
        return ""
    return f"; {unlisted:,} more {'was' if unlisted == 1 else 'were'} announced but not listed by the catalog"


def _named(album: Task, failed: Labels, missing: int, limit: int) -> str:
    text = f"{missing:,} of {album.track_count:,} tracks failed: "
    labels = failed(limit // len("00 X, "))
    for shown, label in enumerate(labels):
        left = missing - shown - 1
        rest = f" … and {left:,} more" if left else ""
        joined = text + (", " if shown else "") + label
        if len(joined) + len(rest) > limit:
            if shown:
                return text + f" … and {missing - shown:,} more"
            return joined[: limit - len(rest) - 1] + "…" + rest
        text = joined
    return text if len(labels) >= missing else text + f" … and {missing - len(labels):,} more"
