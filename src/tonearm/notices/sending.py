"""Sending: deliveries of one address, a few at a time, until they are received or given up.

Each address has a loop of its own, so one that hangs holds up no other. A try is taken from the store before it is
sent, and what came of it is said there; a process that dies in between leaves it to be sent again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from tonearm.clock import Clock
from tonearm.errors import FetchError, HttpStatus, Timeout
from tonearm.fetch import Fetcher
from tonearm.metrics import WEBHOOKS, Sent
from tonearm.model import Delivery
from tonearm.notices.addresses import Address
from tonearm.notices.signing import Signer
from tonearm.policy import RetryRules, tell_again_ms
from tonearm.store.base import Store

AT_A_TIME = 4
"""Deliveries of one address that are sent at the same time."""

LONGEST_S = 2.0
"""The longest wait of a loop with nothing due, seconds: another process may have told something."""

MARGIN_MS = 2_000
"""How much longer than a try may last it is kept from others, milliseconds."""

ANSWER_LENGTH = 200
"""Characters of what came of a try that are remembered."""

GONE = 410
"""The status by which a receiver says that it wants nothing more; this delivery is given up at once."""

log = structlog.get_logger("notices")


class Sender:
    """Sends what waits for *address*; a try lasts *timeout_ms* milliseconds at most."""

    def __init__(
        self,
        store: Store,
        fetcher: Fetcher,
        address: Address,
        *,
        signer: Signer,
        clock: Clock,
        rules: RetryRules,
        timeout_ms: int,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._address = address
        self._signer = signer
        self._clock = clock
        self._rules = rules
        self._timeout_ms = timeout_ms
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There may be something to send."""
        self._news.set()

    async def round(self) -> None:
        """Send what is due, or wait until something may be."""
        self._news.clear()
        hold_ms = self._timeout_ms + MARGIN_MS
        taken = await self._store.take_deliveries([self._address.target], AT_A_TIME, hold_ms)
        if taken.deliveries:
            tries = await asyncio.gather(*map(self._send, taken.deliveries), return_exceptions=True)
            for error in filter(None, tries):  # one that cannot be settled is held a while, and tried again then
                raise error
            return
        wait_s = LONGEST_S if taken.next_due_ms is None else min(LONGEST_S, taken.next_due_ms / 1_000)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._news.wait()

    async def _send(self, delivery: Delivery) -> None:
        body = delivery.body.encode()
        signed = self._signer.headers(delivery.id, body, self._clock.wall_ms() // 1_000)
        headers = {"Content-Type": "application/json", **self._address.headers, **signed}
        try:
            async with asyncio.timeout(self._timeout_ms / 1_000):
                await self._fetcher.post(self._address.url, body, headers)
        except (TimeoutError, Timeout):
            await self._failed(delivery, f"No answer within {self._timeout_ms / 1_000:g} s")
        except FetchError as error:
            gone = isinstance(error, HttpStatus) and error.status == GONE
            await self._failed(delivery, error.message, retry_after_ms=error.retry_after_ms, gone=gone)
        else:
            await self._store.settle_delivery(delivery, "received", received=True)
            WEBHOOKS[Sent.DELIVERED].inc()

    async def _failed(
        self, delivery: Delivery, why: str, *, retry_after_ms: int | None = None, gone: bool = False
    ) -> None:
        delay_ms = None if gone else tell_again_ms(delivery.attempt, retry_after_ms, self._rules)
        await self._store.settle_delivery(delivery, why[:ANSWER_LENGTH], received=False, delay_ms=delay_ms)
        told = {"delivery": delivery.id, "topic": delivery.topic, "address": self._address.shown, "reason": why}
        WEBHOOKS[Sent.GIVEN_UP if delay_ms is None else Sent.RETRIED].inc()
        if delay_ms is None:
            log.warning("A webhook was given up", attempts=delivery.attempt, **told)
        else:
            log.info("A webhook was not received; it is sent again", next_ms=delay_ms, **told)
