"""Webhooks: who is told, and what became of each delivery."""

from __future__ import annotations

from tonearm.client.records.wire import Wire


class WebhookDelivery(Wire, frozen=True, kw_only=True):
    """A webhook on its way to an *address* (scheme, host and port): waiting, delivered or given_up. Or a message on its
    way to a service (scheme alone).

    *answer* is what came of the last try; *at* and *next_attempt_at* are milliseconds since the epoch.
    """

    id: str
    event: str
    address: str
    status: str
    at: int
    attempts: int
    next_attempt_at: int | None = None
    answer: str | None = None


class Webhooks(Wire, frozen=True, kw_only=True):
    """The addresses that are told, whether that is *signed*, how many deliveries wait, and the newest of all; at the
    server's time *timestamp*, milliseconds since the epoch.
    """

    addresses: tuple[str, ...]
    signed: bool
    waiting: int
    deliveries: tuple[WebhookDelivery, ...]
    timestamp: int


class WebhookTest(Wire, frozen=True, kw_only=True):
    """A test that is on its way: one delivery for each address."""

    delivery_ids: tuple[str, ...]
