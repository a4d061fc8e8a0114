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
    """What reaches outside, as *settings* say."""

    fetcher: Fetcher
    catalog: Catalog
    settings: Settings

    def settings_changed(self) -> None:
        """Let hold what the settings say by now; requests on their way end as they began."""
        _adjust(self.fetcher, self.settings)


@asynccontextmanager
async def outside(settings: Settings) -> AsyncIterator[Outside]:
    """The client and the catalog; closed at the end, when nobody asks them anything any more.

    Raises:
        SetupError: no catalog is set, or it cannot be spoken to; the message says what to change.
    """
    async with fetching(settings) as fetcher:
        catalog = open_catalog(settings.catalog_url(), fetcher)
        try:
            yield Outside(fetcher, catalog, settings)
        finally:
            await catalog.close()


@asynccontextmanager
async def fetching(settings: Settings) -> AsyncIterator[Fetcher]:
    """The client alone; closed at the end.

    Raises:
        SetupError: no catalog is set.
    """
    fetcher = Fetcher(FetchLimits(), throttle=Throttle(settings.bandwidth_limit))
    _adjust(fetcher, settings)
    async with fetcher:
        yield fetcher


def _adjust(fetcher: Fetcher, settings: Settings) -> None:
    """Let the fetcher go by the settings; the catalog's own host may be private."""
    catalog = HostPort.of(settings.catalog_url())
    token = settings.internal_api_token
    credentials = {catalog: {"Authorization": f"Bearer {token.get_secret_value()}"}} if token else {}
    limits = FetchLimits(
        connect_ms=settings.job_timeout_ms,
        silence_ms=settings.job_timeout_ms,
        file_bytes=round(settings.max_file_mb * 1_000_000),
    )
    fetcher.change(
        limits,
        allow=[catalog, *map(HostPort.parse, settings.fetch_allow)],
        credentials=credentials,
        rules=RetryRules(settings.retry_backoff_ms, settings.retry_after_max_ms),
    )
