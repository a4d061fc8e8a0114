"""Sending: deliveries of one address, a few at a time, until they are received or given up.

Each address has a loop of its own, so one that hangs holds up no other. A try is taken from the store before it is
sent, and what came of it is said there; a process that dies in between leaves it to be sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from tonearm.errors import FetchError, HttpStatus, StoreUnavailable, Timeout
from tonearm.metrics import WEBHOOKS, Sent
from tonearm.model import Delivery
from tonearm.notices.channels import Channel
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


@dataclass(frozen=True, slots=True)
class Terms:
    """What a try goes by: how long it lasts at most, milliseconds, and when the next one is."""

    timeout_ms: int
    rules: RetryRules


class Sender:
    """Sends what waits for the address of *channel*; *terms* are asked for at each round: a reload may change them."""

    def __init__(self, store: Store, channel: Channel, *, terms: Callable[[], Terms]) -> None:
        self._store = store
        self._channel = channel
        self._terms = terms
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There may be something to send."""
        self._news.set()

    async def round(self) -> None:
        """Send what is due, or wait until something may be."""
        self._news.clear()
        terms = self._terms()
        hold_ms = terms.timeout_ms + MARGIN_MS
        taken = await self._store.take_deliveries([self._channel.address.target], AT_A_TIME, hold_ms)
        if taken.deliveries:
            tries = await asyncio.gather(
                *(self._send(each, terms) for each in taken.deliveries), return_exceptions=True
            )
            errors = [error for error in tries if error is not None]
            if errors:  # an error of ours has its stack in the log, whatever else there is: the supervisor's business
                raise next((error for error in errors if not isinstance(error, StoreUnavailable)), errors[0])
            return
        wait_s = LONGEST_S if taken.next_due_ms is None else min(LONGEST_S, taken.next_due_ms / 1_000)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._news.wait()

    async def _send(self, delivery: Delivery, terms: Terms) -> None:
        try:
            async with asyncio.timeout(terms.timeout_ms / 1_000):
                await self._channel.send(delivery, terms.timeout_ms)
        except (TimeoutError, Timeout):
            await self._failed(delivery, terms, f"No answer within {terms.timeout_ms / 1_000:g} s")
        except FetchError as error:
            gone = isinstance(error, HttpStatus) and error.status == GONE
            await self._failed(delivery, terms, error.message, retry_after_ms=error.retry_after_ms, gone=gone)
        except Exception as error:
            await self._failed(delivery, terms, f"An error of the sender: {type(error).__name__}")
            raise
        else:
            await self._store.settle_delivery(delivery, "received", received=True)
            WEBHOOKS[Sent.DELIVERED].inc()

    async def _failed(
        self, delivery: Delivery, terms: Terms, why: str, *, retry_after_ms: int | None = None, gone: bool = False
    ) -> None:
        delay_ms = None if gone else tell_again_ms(delivery.attempt, retry_after_ms, terms.rules)
        await self._store.settle_delivery(delivery, why[:ANSWER_LENGTH], received=False, delay_ms=delay_ms)
        told = {"delivery": delivery.id, "topic": delivery.topic, "address": self._channel.address.shown, "reason": why}
        WEBHOOKS[Sent.GIVEN_UP if delay_ms is None else Sent.RETRIED].inc()
        if delay_ms is None:
            log.warning("A webhook was given up", attempts=delivery.attempt, **told)
        else:
            log.info("A webhook was not received; it is sent again", next_ms=delay_ms, **told)
