"""The wire: whether the catalog answers, asked as a download would ask, and how far its clock is from ours.

It goes through the client that everything goes through, with its guard, its limits and the catalog's token.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from tonearm.catalog import open_catalog
from tonearm.clock import Clock
from tonearm.errors import FailureCode, FetchError, SetupError
from tonearm.fetch import Fetcher
from tonearm.model import Quality
from tonearm.settings import Settings
from tonearm.settings.showing import shown
from tonearm.store.checks import Check, Verdict

SOME_TRACK = 1
"""The track that is asked for; whether there is one, the catalog may know."""

SKEW_MS = 60_000
"""How far the clocks of catalog and this machine may differ before people are told, milliseconds: by more than that,
signed addresses are refused."""

_ANSWERS = frozenset({FailureCode.NOT_FOUND, FailureCode.QUALITY_UNAVAILABLE})
_PASSES = frozenset({FailureCode.RATE_LIMIT, FailureCode.SERVER_ERROR})
_ADVICE = {
    FailureCode.NETWORK: "Look whether it runs, and at INTERNAL_API_URL.",
    FailureCode.TIMEOUT: "Look whether it runs, and whether something on the way keeps connections back.",
    FailureCode.BLOCKED_ADDRESS: "If that is one of your machines, name it in QUEUE_FETCH_ALLOW.",
    FailureCode.AUTH: "Ask whoever runs it for a token.",
    FailureCode.API_ERROR: "INTERNAL_API_URL has to be the address below which /albums and /tracks are.",
    FailureCode.RATE_LIMIT: "That passes by itself.",
    FailureCode.SERVER_ERROR: "That is for whoever runs it to mend; its log may say more.",
}


async def look(settings: Settings, clock: Clock, fetcher: Fetcher | None) -> AsyncIterator[Check]:
    """Ask the catalog."""
    if fetcher is None or settings.internal_api_url is None:
        text = "No catalog is set, so nothing can be downloaded: set INTERNAL_API_URL, or see tonearm catalog serve."
        yield Check("catalog", Verdict.WARNING, text)
        return
    try:
        catalog = open_catalog(settings.internal_api_url, fetcher)
    except SetupError as error:
        yield Check("catalog", Verdict.WRONG, str(error))
        return
    where = shown(settings.internal_api_url)
    try:
        await catalog.track(SOME_TRACK, Quality.LOSSLESS)
    except FetchError as error:
        if error.code not in _ANSWERS:
            verdict = Verdict.WARNING if error.code in _PASSES else Verdict.WRONG
            yield Check("catalog", verdict, f"{error.message}. {_ADVICE.get(error.code, '')}".rstrip())
            return
    finally:
        await catalog.close()
    yield Check("catalog", Verdict.WELL, f"{where} answers.")
    if where.startswith("http"):
        yield await _clock(settings.internal_api_url, clock, fetcher)


async def _clock(url: str, clock: Clock, fetcher: Fetcher) -> Check:
    try:
        sent_ms = (await fetcher.look(url)).sent_ms
    except FetchError as error:
        return Check("catalog clock", Verdict.WARNING, f"{error.message}.")
    if sent_ms is None:
        return Check("catalog clock", Verdict.WELL, "The catalog does not say what time it has.")
    skew_ms = sent_ms - clock.wall_ms()
    if abs(skew_ms) > SKEW_MS:
        return Check(
            "catalog clock",
            Verdict.WARNING,
            f"The catalog's clock is {abs(skew_ms) / 1_000:.0f} s {'ahead of' if skew_ms > 0 else 'behind'} this "
            "machine's: signed addresses may be refused. Look which of them is right, and let it follow NTP.",
        )
    return Check("catalog clock", Verdict.WELL, f"It agrees with this machine's to {max(1, abs(skew_ms) // 1_000)} s.")
