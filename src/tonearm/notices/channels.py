"""Channels: by what a delivery reaches its address.

A sender knows of one only that a try comes off or says why not. A webhook is posted here, by the client that downloads;
messages by services of others have a module of their own, `tonearm.notices.messaging`: what sends them is an extra.
"""

from __future__ import annotations

from typing import Protocol

from tonearm.clock import Clock
from tonearm.fetch import Fetcher
from tonearm.model import Delivery
from tonearm.notices.addresses import Address
from tonearm.notices.signing import Signer


class Channel(Protocol):
    """The way to one address."""

    @property
    def address(self) -> Address:
        """Who is told."""
        ...

    async def send(self, delivery: Delivery, limit_ms: int) -> None:
        """Try once to tell it; the caller waits for *limit_ms* milliseconds at most, and cancels it then.

        Raises:
            FetchError: it was not received, or nobody knows.
        """
        ...


class Webhook:
    """Posts the body as it is, signed."""

    def __init__(self, fetcher: Fetcher, address: Address, *, signer: Signer, clock: Clock) -> None:
        self.address = address
        self._fetcher = fetcher
        self._signer = signer
        self._clock = clock

    async def send(self, delivery: Delivery, limit_ms: int) -> None:
        del limit_ms  # the client is told by whoever made it
        body = delivery.body.encode()
        signed = self._signer.headers(delivery.id, body, self._clock.wall_ms() // 1_000)
        headers = {"Content-Type": "application/json", **self.address.headers, **signed}
        await self._fetcher.post(self.address.url, body, headers)
