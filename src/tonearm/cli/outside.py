"""Outside: the catalog, and the one client for everything that leaves the machine, put together from the settings.

One of each in a process, for its worker and for searches: so both know which hosts are left alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tonearm.catalog import Catalog, open_catalog
from tonearm.fetch import Fetcher, FetchLimits, HostPort, Throttle
from tonearm.policy import RetryRules
from tonearm.settings import Settings


@dataclass(frozen=True, slots=True)
class Outside:
    """What reaches outside."""

    fetcher: Fetcher
    catalog: Catalog


@asynccontextmanager
async def outside(settings: Settings) -> AsyncIterator[Outside]:
    """The client and the catalog; closed at the end, when nobody asks them anything any more.

    Raises:
        SetupError: no catalog is set, or it cannot be spoken to; the message says what to change.
    """
    async with _fetcher(settings) as fetcher:
        catalog = open_catalog(settings.catalog_url(), fetcher)
        try:
            yield Outside(fetcher, catalog)
        finally:
            await catalog.close()


def _fetcher(settings: Settings) -> Fetcher:
    """The one client for everything that leaves the machine; the catalog's own host may be private."""
    catalog = HostPort.of(settings.catalog_url())
    token = settings.internal_api_token
    credentials = {catalog: {"Authorization": f"Bearer {token.get_secret_value()}"}} if token else {}
    limits = FetchLimits(
        connect_ms=settings.job_timeout_ms,
        silence_ms=settings.job_timeout_ms,
        file_bytes=round(settings.max_file_mb * 1_000_000),
    )
    return Fetcher(
        limits,
        allow=[catalog, *map(HostPort.parse, settings.fetch_allow)],
        credentials=credentials,
        rules=RetryRules(settings.retry_backoff_ms, settings.retry_after_max_ms),
        throttle=Throttle(settings.bandwidth_limit),
    )
