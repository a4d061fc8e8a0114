"""Telling: the notifier of a process, put together from the settings and run beside everything else.

Used by every process that serves or works; without QUEUE_WEBHOOK_URLS and QUEUE_NOTIFY_URLS there is none. What sends
messages is an extra, and loaded where the latter names somebody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from tonearm.api.records import encode_short
from tonearm.cli.rereading import Rereading
from tonearm.cli.watching import looping
from tonearm.clock import Clock
from tonearm.errors import SetupError
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.notices import Channel, Notifier, Signer, Terms, Webhook, addresses_of, services_of
from tonearm.policy import RetryRules
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.worker.supervisor import Supervisor

log = structlog.get_logger("notices")


@asynccontextmanager
async def telling(store: Store, settings: Settings, clock: Clock, rereading: Rereading) -> AsyncIterator[None]:
    """Tell the addresses of the settings what happens on *store*, until the end; what is left is told another time.

    What *rereading* lets hold holds here, too; other addresses and another secret need a restart.

    Raises:
        SetupError: the secret or an address cannot be used, or the extra that it needs is not there.
    """
    if not settings.webhook_urls and not settings.notify_urls:
        yield
        return
    secret = settings.webhook_secret
    signer = Signer(secret.get_secret_value() if secret else None)
    if settings.webhook_urls and not signer.signs:
        log.warning("Webhooks are not signed: nobody can tell them from forged ones (QUEUE_WEBHOOK_SECRET)")
    supervisor = Supervisor()
    async with AsyncExitStack() as stack:
        fetcher = await stack.enter_async_context(Fetcher(FetchLimits()))
        adjust = partial(_adjust, fetcher, settings)
        adjust()
        rereading.tell(adjust)
        channels: list[Channel] = [
            *(Webhook(fetcher, address, signer=signer, clock=clock) for address in addresses_of(settings.webhook_urls)),
            *await asyncio.to_thread(_messengers, settings.notify_urls),
        ]
        for name, loop in _notifier(store, settings, clock, channels).rounds().items():
            await stack.enter_async_context(looping(name, loop, supervisor))
        yield


def _messengers(urls: Sequence[str]) -> list[Channel]:
    if not urls:
        return []
    try:
        from tonearm.notices.messaging import Messenger  # noqa: PLC0415 - heavy, and an extra
    except ImportError as error:
        raise SetupError("QUEUE_NOTIFY_URLS needs an extra: pip install 'tonearm[apprise]'") from error
    return [Messenger(address) for address in services_of(urls)]


def _notifier(store: Store, settings: Settings, clock: Clock, channels: Sequence[Channel]) -> Notifier:
    catalog = settings.internal_api_url
    return Notifier(
        store,
        channels,
        clock=clock,
        terms=lambda: Terms(settings.webhook_timeout_ms, _rules(settings)),
        encode=encode_short,
        catalog=None if catalog is None else str(HostPort.of(catalog)),
    )


def _adjust(fetcher: Fetcher, settings: Settings) -> None:
    """Let the client go by the settings, without the catalog's allowance and credentials: who is told is no catalog."""
    timeout_ms = settings.webhook_timeout_ms
    limits = FetchLimits(connect_ms=timeout_ms, silence_ms=timeout_ms)
    fetcher.change(limits, allow=map(HostPort.parse, settings.fetch_allow), credentials={}, rules=_rules(settings))


def _rules(settings: Settings) -> RetryRules:
    return RetryRules(settings.retry_backoff_ms, settings.retry_after_max_ms)
