"""Counts: how often the tests that repeat something do so.

The usual run is short enough to be run before every change; `./dev test --all` (TONEARM_TEST_ALL=1) runs the same tests
with the large counts.
"""

from __future__ import annotations

import os

ALL = os.environ.get("TONEARM_TEST_ALL", "") not in ("", "0")
"""Whether this run takes the large counts."""


def count(usual: int, large: int) -> int:
    """The number of repetitions for this run."""
    return large if ALL else usual
