"""Guesses: who tries one key after the other is made to wait. What a key is worth is not known here.

Keys are too long to be guessed; this keeps the trying out of the store and the log. Memory is bounded, whoever comes
from however many addresses.
"""

from __future__ import annotations

from collections import OrderedDict

MOST_GUESSES = 10
"""Different wrong keys of one peer within the window, until it has to wait."""

WINDOW_MS = 60_000
"""The sliding window, milliseconds."""

MOST_PEERS = 10_000
"""Peers, and keys that were right, that are remembered; the one that was silent for longest goes."""


class Guesses:
    """Wrong keys by peer. Times are milliseconds of one monotonic clock; keys are named by their hashes."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_ms(self, peer: str, key: str, now_ms: int) -> int:
        """How long the key of this peer is not even looked at; 0 for one that was right before.

        A key that comes again and again, such as that of a page left open, is one guess.
        """
        if (peer, key) in self._right:
            return 0
        recent = sorted(at for at in self._wrong.get(peer, {}).values() if at > now_ms - WINDOW_MS)
        return recent[-MOST_GUESSES] + WINDOW_MS - now_ms if len(recent) >= MOST_GUESSES else 0

    def wrong(self, peer: str, key: str, now_ms: int) -> None:
        """Count a wrong key."""
        self._right.pop((peer, key), None)
        tried = {each: at for each, at in self._wrong.pop(peer, {}).items() if at > now_ms - WINDOW_MS}
        tried.setdefault(key, now_ms)
        self._wrong[peer] = tried
        if len(self._wrong) > MOST_PEERS:
            self._wrong.popitem(last=False)

    def right(self, peer: str, key: str) -> None:
        """Remember a key that was right, so that it goes on while others of this peer's have to wait."""
        self._right[peer, key] = None
        self._right.move_to_end((peer, key))
        if len(self._right) > MOST_PEERS:
            self._right.popitem(last=False)
