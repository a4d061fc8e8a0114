"""Metrics of webhooks: what became of the tries of this process, and of what nobody will be told any more."""

from __future__ import annotations

from enum import StrEnum

from tonearm.metrics.registry import counters


class Sent(StrEnum):
    """What became of a webhook; a closed list."""

    DELIVERED = "delivered"
    RETRIED = "retried"
    """It was not received, and is sent again."""
    GIVEN_UP = "given_up"
    DROPPED = "dropped"
    """Too many waited before it was received."""


WEBHOOKS = counters(
    "tonearm_webhooks", "Tries of webhooks by what came of them, and those that were dropped.", "outcome", Sent
)
