"""Policy: what follows from a failed attempt, as pure rules over numbers.

The worker asks here whether an attempt is repeated and when, the fetcher how long a host is left alone, the notifier
when a webhook is sent again; nothing here waits, stores or logs.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tonearm.errors import Corrupt, FetchError
from tonearm.model import Claim, Failed, Failure, Retry

LADDER_MS = (1_000, 2_000, 5_000, 10_000)
"""Delays before the first, second, third and every later repeat, milliseconds, at a back-off setting of 1000."""

JITTER = 0.2
"""At most this share is added to a delay, so that tasks that failed together do not come back together."""

CORRUPT_REPEATS = 1
"""How often a body that failed verification is fetched anew: the copy may have been cut, the file hardly changes."""

REST_AFTER = 5
"""Connections to one host that fail in a row before it rests."""

REST_LADDER_MS = (5_000, 10_000, 20_000, 40_000, 60_000)
"""The first rest of a host, the next ones, and every later one, milliseconds, at a back-off setting of 1000."""

GIVE_UP_MS = 600_000
"""Rest after which what waits for a host fails, milliseconds, at a back-off setting of 1000."""

TELL_LADDER_MS = (
    *(1_000, 5_000, 30_000, 120_000, 600_000),
    *(3_600_000, 7_200_000, 14_400_000, 28_800_000, 28_800_000),
)
"""Delays before the second try of a webhook and each later one, milliseconds, at a back-off setting of 1000: 23 hours
in all; then it is given up."""


@dataclass(frozen=True, slots=True)
class RetryRules:
    """The two settings behind the ladders: `QUEUE_RETRY_BACKOFF_MS` and `QUEUE_RETRY_AFTER_MAX_MS`, milliseconds."""

    backoff_ms: int = 1_000
    retry_after_max_ms: int = 900_000

    def scaled(self, ms: int) -> int:
        """Give what *ms* milliseconds at a back-off setting of 1000 are at the one that is set."""
        return max(1, round(ms * self.backoff_ms / 1_000))


def after_failure(error: FetchError, claim: Claim, rules: RetryRules, *, chance: float | None = None) -> Retry | Failed:
    """Decide how an attempt that ended with *error* is settled: another attempt later, or failed for good.

    *chance* is the share of the jitter, 0 to 1; left out, it is drawn.
    """
    failure = Failure(error.code, error.message)
    if not error.retryable or claim.retry_count >= claim.max_retries:
        return Failed(failure)
    if isinstance(error, Corrupt) and claim.corrupt_count >= CORRUPT_REPEATS:
        return Failed(failure)
    return Retry(failure, delay_ms(claim.retry_count, error.retry_after_ms, rules, chance=chance))


def delay_ms(retries: int, retry_after_ms: int | None, rules: RetryRules, *, chance: float | None = None) -> int:
    """Milliseconds until the attempt after *retries* repeats; the server's Retry-After wins over the ladder."""
    if retry_after_ms is not None:
        return min(retry_after_ms, rules.retry_after_max_ms)
    step = LADDER_MS[min(retries, len(LADDER_MS) - 1)]
    share = random.random() if chance is None else chance  # noqa: S311 - jitter needs no secrecy
    return round(step * rules.backoff_ms / 1_000 * (1 + JITTER * share))


def rest_ms(rests: int, rules: RetryRules) -> int:
    """Milliseconds that a host rests which has rested *rests* times in a row and still cannot be reached."""
    return rules.scaled(REST_LADDER_MS[min(rests, len(REST_LADDER_MS) - 1)])


def give_up_ms(rules: RetryRules) -> int:
    """Milliseconds of rest in a row after which what waits for the host fails."""
    return rules.scaled(GIVE_UP_MS)


def tell_again_ms(
    attempt: int, retry_after_ms: int | None, rules: RetryRules, *, chance: float | None = None
) -> int | None:
    """Milliseconds until a webhook is tried again whose try number *attempt* failed; None: it is given up.

    A wish of the receiver (Retry-After) makes the wait longer, never shorter.
    """
    if attempt > len(TELL_LADDER_MS):
        return None
    share = random.random() if chance is None else chance  # noqa: S311 - jitter needs no secrecy
    wait = round(rules.scaled(TELL_LADDER_MS[attempt - 1]) * (1 + JITTER * share))
    return max(wait, min(retry_after_ms or 0, rules.retry_after_max_ms))
