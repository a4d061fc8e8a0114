"""Contradictions: values that are allowed each by itself, and make no sense together.

What nobody set is not blamed: no pair of defaults is told. Single values that are wrong never come here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import NamedTuple

from tonearm.errors import SetupError
from tonearm.library import Template
from tonearm.settings import ATTRIBUTES, Settings
from tonearm.store.checks import Check, Verdict


class Order(NamedTuple):
    """*smaller* should not be above *larger*; if it is, *then*, a clause for people."""

    smaller: str
    larger: str
    then: str


_ORDERS = (
    Order(
        "QUEUE_MAX_SIZE", "QUEUE_CRITICAL_SIZE", "no client can have so many: all of them together are refused before"
    ),
    Order("QUEUE_WARN_SIZE", "QUEUE_CRITICAL_SIZE", "nobody is warned before submissions are refused"),
    Order(
        "QUEUE_JOB_TIMEOUT_MS", "QUEUE_PROCESSING_TIMEOUT_MS", "the time for a whole track ends before that for silence"
    ),
    Order("QUEUE_HEARTBEAT_MS", "QUEUE_WORKER_DEAD_MS", "signs of life come as often as the latter needs"),
)


def look(settings: Settings) -> Iterator[Check]:
    """Look at the settings, and at who can read the secrets among them."""
    told = [*_unordered(settings), *_together(settings), *_unusable(settings)]
    told += [Check("settings", Verdict.WARNING, f"{word}.") for word in settings.origin.warnings]
    file = settings.origin.file or "no settings file"
    yield from told or [Check("settings", Verdict.WELL, f"All values are allowed and fit together ({file}).")]


def _unordered(settings: Settings) -> Iterator[Check]:
    for smaller, larger, then in _ORDERS:
        below, above = getattr(settings, ATTRIBUTES[smaller]), getattr(settings, ATTRIBUTES[larger])
        if below > above and {settings.source(smaller), settings.source(larger)} != {"default"}:
            text = f"{smaller}={below} is above {larger}={above}: {then}. Change one of them."
            yield Check("settings", Verdict.WARNING, text)


def _together(settings: Settings) -> Iterator[Check]:
    """What has no effect, or none that is meant, because of another setting."""
    set_ = {name for name in ATTRIBUTES if settings.source(name) != "default"}
    for name in sorted({"HOST", "PORT"} & set_) if "UNIX_SOCKET" in set_ else ():
        text = f"{name} has no effect beside UNIX_SOCKET: take one of them away."
        yield Check("settings", Verdict.WARNING, text)
    if settings.internal_api_token is not None and settings.internal_api_url is None:
        yield Check(
            "settings", Verdict.WARNING, "INTERNAL_API_TOKEN is for a catalog, and INTERNAL_API_URL names none."
        )


def _unusable(settings: Settings) -> Iterator[Check]:
    """What the start would refuse."""
    try:
        Template(settings.name_template)
    except SetupError as error:
        yield Check("settings", Verdict.WRONG, str(error))
    if settings.tls_cert is None:
        if settings.tls_key is not None:
            yield Check("settings", Verdict.WRONG, "TLS_KEY is set, and its certificate is not: set TLS_CERT.")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # of which those of TLS are some
        reason = f"TLS_CERT={settings.tls_cert} cannot be used: {error.strerror or error}."
        yield Check(
            "settings", Verdict.WRONG, f"{reason} It holds the certificate, and TLS_KEY the key that belongs to it."
        )
