"""Asking: a call that is said again while the server itself names the end of what keeps it from being answered.

Keeps the state alone; who sends the call, and how he sleeps meanwhile, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from tonearm.client.calls import Call
from tonearm.client.exchange import Answer, Patience, ServerAddress, naps
from tonearm.client.reading import refused
from tonearm.client.records import Wire

Waiting = Callable[[float, str], None]
"""Told about once a second, while a submission waits: seconds left, and the server's reason."""

R = TypeVar("R", bound=Wire)


class Asked(Generic[R]):
    """A call on its way. *patience*: seconds that it may wait in all; *on_wait* is told of every nap."""

    def __init__(self, call: Call[R], address: ServerAddress, patience: float, on_wait: Waiting | None = None) -> None:
        self._call = call
        self._address = address
        self._patience = Patience(patience)
        self._on_wait = on_wait

    def naps(self, answer: Answer) -> Iterator[float] | None:
        """The naps to take before the call is said again, seconds; None when *answer* is the last word.

        Raises:
            ServerUnreachable: it is not an answer of our server.
        """
        call = self._call
        if call.answered_by(answer):
            return None
        delay = self._patience.wait_for(answer, repeatable=call.request.repeatable)
        return None if delay is None else self._told(delay, str(refused(answer, self._address)))

    def _told(self, delay: float, reason: str) -> Iterator[float]:
        for seconds, nap in naps(delay):
            if self._on_wait is not None:
                self._on_wait(seconds, reason)
            yield nap
