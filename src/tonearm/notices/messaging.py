"""Messaging: the channel to a service of others, such as mail or a chat, by Apprise (the extra `tonearm[apprise]`).

Apprise has clients of its own, which block: nothing of our guarded client holds for them, and each message has a thread
that nobody waits for longer than for a webhook. Threads cannot be stopped: one that hangs is left to itself, takes one
of few places for as long, and does not keep the process from ending. What comes of it late counts for the next try of
the same delivery, so a slow service is told once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

from tonearm.errors import FailureCode, FetchError, SetupError
from tonearm.model import Delivery, Topic
from tonearm.notices.addresses import Address
from tonearm.notices.messages import Message, message_of

AT_A_TIME = 4
"""Threads of one address, those that were given up and still hang included."""

PATIENCE = 6
"""So many times longer than a try is waited for, its thread waits for each answer: what was received late is known."""

REMEMBERED = 100
"""Late outcomes of one address that are kept for the next try, which another process may have taken meanwhile."""

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
        SetupError: Apprise cannot do anything with the address, or it names several who are told.
        """
        self.address = address
        # Neither threads nor files of its own: a message has a thread of ours, and leaves nothing to the next one.
        self._asset = AppriseAsset(app_id="tonearm", async_mode=False, service_timeout=0, storage_mode="memory")
        self._busy = set[asyncio.Future[bool]]()
        self._late = dict[str, asyncio.Future[bool]]()
        _THEIRS.disabled = True  # what it says of an address that it cannot read has the address in it
        try:
            client = self._client()
        finally:
            _THEIRS.disabled = False
        if len(client) > 1:  # taken or not is said for all of them at once, so one would have all told again
            raise SetupError(
                f"QUEUE_NOTIFY_URLS: {address.shown} names {len(client)} who are told; give each an address of its own"
            )
        self._service = client.service_name

    async def send(self, delivery: Delivery, limit_ms: int) -> None:
        answer = self._late.pop(delivery.id, None)
        if answer is None or (answer.done() and not _received(answer)):
            answer = await self._begin(delivery, limit_ms)
        try:
            received = await asyncio.shield(answer)
        except asyncio.CancelledError:
            self._keep(delivery.id, answer)
            raise
        if not received:
            said = f"{self._service} did not take the message; the log says why (apprise)"
            raise FetchError(FailureCode.API_ERROR, said, retryable=True)

    async def _begin(self, delivery: Delivery, limit_ms: int) -> asyncio.Future[bool]:
        message, kind = message_of(delivery.body), _KINDS.get(delivery.topic, NotifyType.INFO)
        while len(self._busy) >= AT_A_TIME:
            await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
        answer = _on_a_thread(partial(self._notify, message, kind, limit_ms / 1_000))
        self._busy.add(answer)
        answer.add_done_callback(self._busy.discard)
        return answer

    def _keep(self, delivery_id: str, answer: asyncio.Future[bool]) -> None:
        """Let the next try know what comes of this one."""
        self._late[delivery_id] = answer
        if len(self._late) > REMEMBERED:
            del self._late[next(iter(self._late))]

    def _notify(self, message: Message, kind: NotifyType, limit_s: float) -> bool:
        """Send it by a client of its own: in one that is used again, each message waits because of the one before."""
        client = self._client()
        client.socket_connect_timeout = client.socket_read_timeout = PATIENCE * limit_s
        service = Apprise(asset=self._asset)
        service.add(client)
        return bool(service.notify(message.body, message.title, notify_type=kind, body_format=NotifyFormat.TEXT))

    def _client(self) -> NotifyBase:
        client = Apprise.instantiate(self.address.url, asset=self._asset)
        if client is None:
            raise SetupError(f"QUEUE_NOTIFY_URLS: Apprise cannot do anything with {self.address.shown}")
        return client


def _received(answer: asyncio.Future[bool]) -> bool:
    """Whether a try that has ended came off."""
    return answer.exception() is None and answer.result()


def _on_a_thread(work: Callable[[], bool]) -> asyncio.Future[bool]:
    """Do it on a thread that nobody waits for at the end of the process, as one would for those of an executor."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[bool] = loop.create_future()

    def run() -> None:
        try:
            settle = partial(outcome.set_result, work())
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            settle = partial(outcome.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed; nobody waits any more
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name="message", daemon=True).start()
    return outcome
