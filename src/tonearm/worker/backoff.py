"""Backoff: how long to wait before something that failed is tried again."""

from __future__ import annotations

import random

from tonearm.errors import StoreUnavailable

FIRST_S = 0.1
"""The first pause, seconds; each further one is twice as long."""

LONGEST_S = 5.0
"""The longest pause, seconds."""

STORE_LONGEST_S = 2.0
"""The longest pause while the store is away, seconds: with a call that begins in vain, work goes on within five of its
return."""


class Backoff:
    """The pauses between the attempts at one thing, each cut short by chance: what failed together comes back apart."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def after(self, error: Exception) -> float:
        """Seconds to wait after this error."""
        pause_s = min(self._next_s, STORE_LONGEST_S if isinstance(error, StoreUnavailable) else LONGEST_S)
        self._next_s = pause_s * 2
        return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter needs no secrecy
