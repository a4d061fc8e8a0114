"""Turns: whose turn it is in one claim, among those that may have another task.

A client that holds all the transfers that it may is passed over where it stands: there are no more of them than all
workers have tasks. One that has used up its allowance is closed, so that it stands in nobody's way any more. What holds
for a client, its key says, in the same unit, or else the settings of the worker that claims.
"""

from __future__ import annotations

from tonearm.model import ClaimRequest, KeyLimits, TaskKind
from tonearm.store.base import PAGE
from tonearm.store.sqlite import allowance, fair, keyring
from tonearm.store.sqlite.unit import Unit


class Turns:
    """The turns of one claim."""

    def __init__(self, unit: Unit, request: ClaimRequest) -> None:
        self._unit = unit
        self._request = request
        self._own: dict[str, KeyLimits] = {}
        self._closed = 0
        reopened = allowance.reopen_due(unit), allowance.reopen_below(unit, request.client_bytes)
        self.cut_short = PAGE in reopened
        """Whether there is more to look at than one call may; another claim goes on with it."""

    def next_client(self, kind: TaskKind, *, healthy: bool) -> str | None:
        """The client whose turn it is; *healthy*: suspects are passed over."""
        spent: list[tuple[str, int, int | None]] = []
        found = None
        for client, held in fair.line(self._unit, kind.value, healthy=healthy):
            if kind is TaskKind.TRACK and self._holds_all(client, held):
                continue
            own = self._limits(client).bytes
            allowed = self._request.client_bytes if own is None else own
            wait_ms = allowance.wait(self._unit, client, allowed)
            if wait_ms is None:
                found = client
                break
            spent.append((client, wait_ms, allowed if own is None else None))
            if self._closed + len(spent) >= PAGE:
                self.cut_short = True
                break
        for client, wait_ms, allowed_by_settings in spent:
            allowance.close(self._unit, client, wait_ms, allowed_by_settings)
        self._closed += len(spent)
        return found

    def _holds_all(self, client: str, held: int) -> bool:
        own = self._limits(client).concurrent
        most = self._request.client_max if own is None else own
        return 0 < most <= held

    def _limits(self, client: str) -> KeyLimits:
        if client not in self._own:
            self._own[client] = keyring.limits(self._unit, client)
        return self._own[client]
