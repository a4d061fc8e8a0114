"""Telling: the notifier of a process, put together from the settings and run beside everything else.

Used by every process that serves or works; without QUEUE_WEBHOOK_URLS there is none, and nothing of it is loaded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from tonearm.api.records import encode_short
from tonearm.cli.watching import looping
from tonearm.clock import Clock
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.notices import Notifier, Signer, addresses_of
from tonearm.policy import RetryRules
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.worker.supervisor import Supervisor

log = structlog.get_logger("notices")


@asynccontextmanager
async def telling(store: Store, settings: Settings, clock: Clock) -> AsyncIterator[None]:
    """Tell the addresses of the settings what happens on *store*, until the end; what is left is told another time.

    Raises:
        SetupError: the secret cannot be used.
    """
    if not settings.webhook_urls:
        yield
        return
    secret = settings.webhook_secret
    signer = Signer(secret.get_secret_value() if secret else None)
    if not signer.signs:
        log.warning("Webhooks are not signed: nobody can tell them from forged ones (QUEUE_WEBHOOK_SECRET)")
    supervisor = Supervisor()
    async with AsyncExitStack() as stack:
        fetcher = await stack.enter_async_context(_fetcher(settings))
        for name, loop in _notifier(store, settings, clock, fetcher, signer).rounds().items():
            await stack.enter_async_context(looping(name, loop, supervisor))
        yield


def _notifier(store: Store, settings: Settings, clock: Clock, fetcher: Fetcher, signer: Signer) -> Notifier:
    catalog = settings.internal_api_url
    return Notifier(
        store,
        fetcher,
        addresses_of(settings.webhook_urls),
        signer=signer,
        clock=clock,
        rules=_rules(settings),
        timeout_ms=settings.webhook_timeout_ms,
        encode=encode_short,
        catalog=None if catalog is None else str(HostPort.of(catalog)),
    )


def _fetcher(settings: Settings) -> Fetcher:
    """The guarded client again, without the catalog's allowance and credentials: an address that is told is neither."""
    timeout_ms = settings.webhook_timeout_ms
    limits = FetchLimits(connect_ms=timeout_ms, silence_ms=timeout_ms)
    return Fetcher(limits, allow=map(HostPort.parse, settings.fetch_allow), rules=_rules(settings))


def _rules(settings: Settings) -> RetryRules:
    return RetryRules(settings.retry_backoff_ms, settings.retry_after_max_ms)
