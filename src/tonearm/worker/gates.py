"""Gates: whether anything may be claimed now, and if not, why and for how long.

A gate is closed while every task would run into the same trouble. What runs goes on; what waits costs nothing, and the
reason is told to people instead of being found out by one task after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tonearm.fetch import Courtesy, HostPort

TRY_MS = 5_000
"""The longest wait for a task that was sent to see whether the catalog is back; its end wakes the claim loop anyway."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing is to be claimed: the *reason*, a sentence for people, and when to ask again, milliseconds."""

    reason: str
    wait_ms: int


class Gate(Protocol):
    """One reason not to claim."""

    async def ask(self) -> Closed | None:
        """Say whether the gate is closed; None: it is open. Asked before every claim."""
        ...


async def first_closed(gates: Sequence[Gate]) -> Closed | None:
    """Return what the first closed gate says, None when all are open."""
    for gate in gates:
        closed = await gate.ask()
        if closed is not None:
            return closed
    return None


class CatalogGate:
    """Closed while the catalog's *host* is left alone, for every task begins there.

    When its rest is over a single task is let through (`single`), and no other before that one has shown whether the
    catalog is back. A catalog that is given up closes nothing: its tasks fail without being sent.
    """

    def __init__(self, courtesy: Courtesy, host: HostPort) -> None:
        self._courtesy = courtesy
        self._host = host
        self._sent: asyncio.Task[None] | None = None
        self.single = False
        """Whether at most one task is to be claimed; `sent` has to be told which."""

    async def ask(self) -> Closed | None:
        self.single = False
        refusal = self._courtesy.refusal(self._host)
        if refusal is not None:
            return None if refusal.given_up else Closed(f"The catalog {refusal.message}", refusal.wait_ms)
        if not self._courtesy.awaits_probe(self._host):
            return None
        if self._sent is not None and not self._sent.done():
            return Closed(f"The catalog {self._host} is being tried again", TRY_MS)
        self.single = True
        return None

    def sent(self, runner: asyncio.Task[None]) -> None:
        """Remember the task that was claimed to find out about the catalog."""
        self._sent = runner
