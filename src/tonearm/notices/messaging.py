"""Messaging: the channel to a service of others, such as mail or a chat, by Apprise (the extra `tonearm[apprise]`).

Apprise has clients of its own, which block: nothing of our guarded client holds for them, and each message has a thread
that nobody waits for longer than for a webhook. Threads cannot be stopped: one that hangs is left to itself, takes one
of few places for as long, and does not keep the process from ending.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

from tonearm.errors import FailureCode, FetchError, SetupError
from tonearm.model import Delivery, Topic
from tonearm.notices.addresses import Address
from tonearm.notices.messages import Message, message_of

AT_A_TIME = 4
"""Threads of one address, those that were given up and still hang included."""

_KINDS = {
    Topic.COMPLETED: NotifyType.SUCCESS,
    Topic.PARTIAL: NotifyType.WARNING,
    Topic.FAILED: NotifyType.FAILURE,
    Topic.ATTENTION: NotifyType.WARNING,
}

_THEIRS = logging.getLogger("apprise")


class Messenger:
    """Sends messages to *address*."""

    def __init__(self, address: Address) -> None:
        """Raises:
        SetupError: Apprise cannot do anything with the address.
        """
        self.address = address
        # Neither threads nor files of its own: a message has a thread of ours, and leaves nothing to the next one.
        self._asset = AppriseAsset(app_id="tonearm", async_mode=False, service_timeout=0, storage_mode="memory")
        self._busy = set[asyncio.Future[bool]]()
        _THEIRS.disabled = True  # what it says of an address that it cannot read has the address in it
        try:
            self._service = self._client().service_name
        finally:
            _THEIRS.disabled = False

    async def send(self, delivery: Delivery, limit_ms: int) -> None:
        message, kind = message_of(delivery.body), _KINDS.get(delivery.topic, NotifyType.INFO)
        while len(self._busy) >= AT_A_TIME:
            await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
        answer = _aside(partial(self._notify, message, kind, limit_ms / 1_000))
        self._busy.add(answer)
        answer.add_done_callback(self._busy.discard)
        if not await asyncio.shield(answer):
            said = f"{self._service} did not take the message; the log says why (apprise)"
            raise FetchError(FailureCode.API_ERROR, said, retryable=True)

    def _notify(self, message: Message, kind: NotifyType, limit_s: float) -> bool:
        """Send it by a client of its own: in one that is used again, each message waits because of the one before."""
        client = self._client()
        client.socket_connect_timeout = client.socket_read_timeout = limit_s
        service = Apprise(asset=self._asset)
        service.add(client)
        return bool(service.notify(message.body, message.title, notify_type=kind, body_format=NotifyFormat.TEXT))

    def _client(self) -> NotifyBase:
        client = Apprise.instantiate(self.address.url, asset=self._asset)
        if client is None:
            raise SetupError(f"QUEUE_NOTIFY_URLS: Apprise cannot do anything with {self.address.shown}")
        return client


def _aside(work: Callable[[], bool]) -> asyncio.Future[bool]:
    """Do it on a thread that nobody waits for at the end of the process, as one would for those of an executor."""
    outcome = Future[bool]()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            outcome.set_exception(error)

    threading.Thread(target=run, name="message", daemon=True).start()
    return asyncio.wrap_future(outcome)
