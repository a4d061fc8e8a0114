"""The allowance: how many bytes a client may receive in 24 hours, counted in buckets of a quarter of an hour.

A bucket counts until all of it has left the window, so what a client is told of the time when it may go on is never
too early, and at most `BUCKET_MS` late. A client has at most 97 buckets that count.
"""

from __future__ import annotations

from collections.abc import Sequence

WINDOW_MS = 24 * 3_600_000
"""The rolling window of what a client receives, milliseconds."""

BUCKET_MS = 15 * 60_000
"""What one bucket spans, milliseconds of store time."""

Buckets = Sequence[tuple[int, int]]
"""(number of the bucket, bytes), oldest first."""


def bucket_of(now: int) -> int:
    """The number of the bucket in which *now* lies."""
    return now // BUCKET_MS


def first_counted(now: int) -> int:
    """The number of the oldest bucket that counts at the time *now*."""
    return (now - WINDOW_MS) // BUCKET_MS


def wait_ms(buckets: Buckets, allowed: int, now: int) -> int | None:
    """How long a client has to wait until it has received less than *allowed* bytes; None: it may go on."""
    left = sum(size for _, size in buckets)
    end = None
    for number, size in buckets:
        if left < allowed:
            break
        left -= size
        end = (number + 1) * BUCKET_MS + WINDOW_MS
    return None if end is None else end - now
