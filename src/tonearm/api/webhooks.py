"""Routes of webhooks: who is told, what became of the newest deliveries, and a test that goes their way.

Sending is the notifier's business (`tonearm.notices`); here is looked at what the store remembers of it.
"""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Response

from tonearm.api.answers import success
from tonearm.api.paths import WEBHOOKS
from tonearm.api.records import WireStruct
from tonearm.clock import Clock
from tonearm.errors import RefusalCode, Refused
from tonearm.model import DeliveryRecord, DeliveryState, Topic
from tonearm.notices import addresses_of, services_of, trial
from tonearm.settings import Settings
from tonearm.store.base import Store

SHOWN = 100
"""Deliveries that are shown of those that wait, and as many of those that are over."""

NOBODY = "Nobody is told anything: neither QUEUE_WEBHOOK_URLS nor QUEUE_NOTIFY_URLS is set"

log = structlog.get_logger("api.webhooks")


class WireDelivery(WireStruct, frozen=True, kw_only=True):
    """A delivery; of its address people see no more than scheme, host and port, of a service its scheme alone."""

    id: str
    event: Topic
    address: str
    status: DeliveryState
    at: int
    attempts: int
    next_attempt_at: int | None = None
    answer: str | None = None


class WebhookRoutes:
    """`GET` and `POST` of `/api/download-queue/webhooks`."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._addresses = (*addresses_of(settings.webhook_urls), *services_of(settings.notify_urls))
        self._signed = settings.webhook_secret is not None

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to *app*, before those where the id of a job stands in this place."""
        app.add_api_route(WEBHOOKS, self.show, methods=["GET", "HEAD"])
        app.add_api_route(WEBHOOKS, self.test, methods=["POST"])

    async def show(self) -> Response:
        """Who is told, and the newest deliveries."""
        found = await self._store.deliveries(SHOWN)
        return success(
            {
                "addresses": [address.shown for address in self._addresses],
                "signed": self._signed,
                "waiting": found.waiting,
                "deliveries": [_wire(record) for record in found.deliveries],
                "timestamp": self._clock.wall_ms(),
            }
        )

    async def test(self) -> Response:
        """Tell every address that this is a test.

        Raises:
            Refused: WRONG_STATE, there is none.
        """
        if not self._addresses:
            raise Refused(RefusalCode.WRONG_STATE, NOBODY)
        made = trial(self._clock.wall_ms()).deliveries(self._addresses)
        await self._store.tell(made)
        log.info("A test is told", deliveries=[each.id for each in made])
        return success({"message": "Test queued", "deliveryIds": [each.id for each in made]}, status=202)


def _wire(record: DeliveryRecord) -> WireDelivery:
    return WireDelivery(
        id=record.id,
        event=record.topic,
        address=record.shown,
        status=record.state,
        at=record.at,
        attempts=record.attempts,
        next_attempt_at=record.next_at,
        answer=record.answer,
    )
